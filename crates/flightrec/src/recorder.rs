//! What records: the sink that keeps the last records, and all that it takes to make a dump.

use std::any::Any;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use log::{Level, LevelFilter, Record};
use logredact::Redactor;
use logtee::{Filter, Sink, TeeBuilder};

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

/// Which records to keep. A mere level is told apart because it is far cheaper to ask.
pub(crate) enum Wanted {
    Level(LevelFilter),
    Filter(Box<dyn Filter>),
}

impl Wanted {
    pub(crate) fn new(filter: impl Filter + 'static) -> Wanted {
        match (&filter as &dyn Any).downcast_ref::<LevelFilter>() {
            Some(level) => Wanted::Level(*level),
            None => Wanted::Filter(Box::new(filter)),
        }
    }

    pub(crate) fn max_level(&self) -> LevelFilter {
        match self {
            Wanted::Level(level) => *level,
            Wanted::Filter(filter) => filter.max_level(),
        }
    }

    /// Adds the sink that is to have them.
    pub(crate) fn add(self, sinks: TeeBuilder, sink: impl Sink + 'static) -> TeeBuilder {
        match self {
            Wanted::Level(level) => sinks.sink(level, sink),
            Wanted::Filter(filter) => sinks.sink(filter, sink),
        }
    }
}

/// Recording, on or off: what the recorder wants of all that its filter lets pass. The tee
/// remembers the answer, so that asking costs a record nothing.
pub(crate) struct Switch(AtomicBool);

impl Switch {
    pub(crate) fn on() -> Switch {
        Switch(AtomicBool::new(true))
    }

    /// When this returns, the tee knows; of two threads at it at once the later one decides.
    pub(crate) fn turn(&self, on: bool) {
        // Relaxed: what the tee remembers is of a generation that is counted up behind this, by
        // a release that whoever asks again has acquired.
        self.0.store(on, Ordering::Relaxed);
        logtee::global::reconfigured();
    }

    pub(crate) fn is_on(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// The recorder as a sink of the tee.
pub(crate) struct Keep(pub(crate) Arc<Recorder>);

impl Sink for Keep {
    #[inline]
    fn emit(&self, record: &Record<'_>) -> io::Result<()> {
        let Recorder { tail, dump_on, .. } = &*self.0;
        let level = record.level();
        packlog::pack(record, tail.options(), |bytes| tail.keep(level, bytes));
        if dump_on.is_some_and(|on| level <= on) {
            self.0.dump_record(record);
        }
        Ok(())
    }

    fn max_level(&self) -> LevelFilter {
        if self.0.switch.is_on() {
            LevelFilter::Trace
        } else {
            LevelFilter::Off
        }
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
        // What went wrong has been said.
        let _ = self
            .outlet
            .dump(self, || Incident::new("level", message).with_key(&key));
    }
}

#[cfg(test)]
mod tests {
    use log::Metadata;

    use super::*;

    #[test]
    fn whoever_turns_it_last_decides() {
        let (recorder, tee) = crate::builder("test").console(LevelFilter::Off).build();
        let debug = Metadata::builder().level(Level::Debug).build();
        for round in 0..2_000 {
            std::thread::scope(|scope| {
                scope.spawn(|| recorder.stop());
                recorder.start();
            });
            let kept = tee.enabled(&debug);
            assert_eq!(kept, recorder.is_enabled(), "in round {round}");
        }
    }
}
