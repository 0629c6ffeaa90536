//! What records: the sink that keeps the last records, and all that it takes to make a dump.

use std::any::Any;
use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use log::{Level, LevelFilter, Record};
use logtee::packed;
use logtee::redact::Redactor;
use logtee::{Adjustable, Filter, Handle, Sink};

use crate::dump::Start;
use crate::incident::Incident;
use crate::outlet::Outlet;
use crate::tail::Tail;

/// Everything that the handles of one flight recorder share.
pub(crate) struct Recorder {
    pub(crate) about: About,
    pub(crate) tail: Tail,
    pub(crate) redactor: Arc<Redactor>,
    pub(crate) outlet: Outlet,
    pub(crate) switch: Switch,
    pub(crate) dump_on: Option<Level>,
    /// Whether names are found here, for the frames of dumps.
    pub(crate) symbolicate: bool,
    /// Where rings are, this process's and others'.
    #[cfg(feature = "crash-safe")]
    pub(crate) ring_dir: Option<std::path::PathBuf>,
}

/// What a dump says of the program.
pub(crate) struct About {
    pub(crate) app: String,
    pub(crate) version: Option<String>,
    pub(crate) revision: Option<String>,
    pub(crate) metadata: Vec<(String, String)>,
    pub(crate) start: Start,
}

/// Recording, on or off.
pub(crate) struct Switch {
    handle: Handle,
    filter: Wanted,
    /// Held while it is turned, so that what is said of it is what was done to it last.
    turning: Mutex<()>,
    /// Relaxed: nothing else is told by it; whoever must know that a record will be kept asks the
    /// filter, which has an order of its own.
    on: AtomicBool,
}

/// Which records to keep. A mere level is told apart because it is far cheaper to ask.
#[derive(Clone)]
pub(crate) enum Wanted {
    Level(LevelFilter),
    Filter(Arc<dyn Filter>),
}

impl Wanted {
    pub(crate) fn new(filter: impl Filter + 'static) -> Wanted {
        match (&filter as &dyn Any).downcast_ref::<LevelFilter>() {
            Some(level) => Wanted::Level(*level),
            None => Wanted::Filter(Arc::new(filter)),
        }
    }

    pub(crate) fn max_level(&self) -> LevelFilter {
        match self {
            Wanted::Level(level) => *level,
            Wanted::Filter(filter) => filter.max_level(),
        }
    }
}

impl Switch {
    /// Turned on, with the filter that it governs.
    pub(crate) fn new(filter: Wanted) -> (Switch, Adjustable) {
        let (adjustable, handle) = match filter.clone() {
            Wanted::Level(level) => logtee::adjustable(level),
            Wanted::Filter(filter) => logtee::adjustable(filter),
        };
        (
            Switch {
                handle,
                filter,
                turning: Mutex::new(()),
                on: AtomicBool::new(true),
            },
            adjustable,
        )
    }

    pub(crate) fn turn_on(&self) {
        let _turning = self.turning.lock().unwrap_or_else(PoisonError::into_inner);
        if !self.on.swap(true, Ordering::Relaxed) {
            match self.filter.clone() {
                Wanted::Level(level) => self.handle.set(level),
                Wanted::Filter(filter) => self.handle.set(filter),
            }
        }
    }

    pub(crate) fn turn_off(&self) {
        let _turning = self.turning.lock().unwrap_or_else(PoisonError::into_inner);
        if self.on.swap(false, Ordering::Relaxed) {
            self.handle.set(LevelFilter::Off);
        }
    }

    pub(crate) fn is_on(&self) -> bool {
        self.on.load(Ordering::Relaxed)
    }
}

/// The recorder as a sink of the tee.
pub(crate) struct Keep(pub(crate) Arc<Recorder>);

impl Sink for Keep {
    #[inline]
    fn emit(&self, record: &Record<'_>) -> io::Result<()> {
        let Recorder { tail, dump_on, .. } = &*self.0;
        let level = record.level();
        packed::pack(record, tail.options(), |bytes| tail.keep(level, bytes));
        if dump_on.is_some_and(|on| level <= on) {
            self.0.dump_record(record);
        }
        Ok(())
    }
}

impl Recorder {
    /// Puts beside the ring what a dump of it will have to tell.
    #[cfg(feature = "crash-safe")]
    pub(crate) fn outline_ring(&self) {
        if let Tail::Mapped(ring) = &self.tail
            && let Err(error) = ring.outline(&crate::dump::outline(self))
        {
            crate::say::line(&format!(
                "a crash will be told of without the program's version: {error}"
            ));
        }
    }

    /// Nothing is left to be told if the process ends from here on.
    pub(crate) fn close(&self) {
        #[cfg(feature = "crash-safe")]
        if let Tail::Mapped(ring) = &self.tail {
            ring.remove();
        }
    }

    /// For `dump_on`: the record itself is the last one that the dump holds.
    #[cold]
    fn dump_record(&self, record: &Record<'_>) {
        let place = match (record.file(), record.line()) {
            (Some(file), Some(line)) => format!(" at {file}:{line}"),
            _ => String::new(),
        };
        let message = format!(
            "a record at {} from {}{place}",
            record.level(),
            record.target()
        );
        let key = format!("{place} {}", record.target());
        let incident = Incident::new("level", message).with_key(&key);
        // What went wrong has been said.
        let _ = self.outlet.dump(self, incident);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_turns_it_last_decides() {
        let (switch, filter) = Switch::new(Wanted::new(LevelFilter::Debug));
        for round in 0..2_000 {
            std::thread::scope(|scope| {
                scope.spawn(|| switch.turn_off());
                switch.turn_on();
            });
            let wanted = match switch.is_on() {
                true => LevelFilter::Debug,
                false => LevelFilter::Off,
            };
            assert_eq!(filter.max_level(), wanted, "in round {round}");
        }
    }
}
