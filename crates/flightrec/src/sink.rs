//! The way of a record: from the tee, or from another logging front end, into the tail.

use std::any::Any;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use log::{Level, LevelFilter, Record};
use logtee::{Filter, Sink, TeeBuilder};
use packlog::Options;

use crate::failure::Failure;
use crate::recorder::Recorder;

/// Which records are kept. A plain level is far cheaper to check than a filter behind a pointer.
pub(crate) enum RecordFilter {
    Level(LevelFilter),
    Filter(Box<dyn Filter>),
}

impl RecordFilter {
    pub(crate) fn new(filter: impl Filter + 'static) -> RecordFilter {
        match (&filter as &dyn Any).downcast_ref::<LevelFilter>() {
            Some(level) => RecordFilter::Level(*level),
            None => RecordFilter::Filter(Box::new(filter)),
        }
    }

    pub(crate) fn max_level(&self) -> LevelFilter {
        match self {
            RecordFilter::Level(level) => *level,
            RecordFilter::Filter(filter) => filter.max_level(),
        }
    }

    /// Adds the sink behind this filter.
    pub(crate) fn add_to(self, sinks: TeeBuilder, sink: impl Sink + 'static) -> TeeBuilder {
        match self {
            RecordFilter::Level(level) => sinks.sink(level, sink),
            RecordFilter::Filter(filter) => sinks.sink(filter, sink),
        }
    }
}

/// Whether records are kept at all. The tee caches the answer, so asking costs a record nothing.
pub(crate) struct Switch(AtomicBool);

impl Switch {
    pub(crate) fn on() -> Switch {
        Switch(AtomicBool::new(true))
    }

    /// Takes effect before it returns. Of two concurrent calls the later one wins.
    pub(crate) fn set(&self, on: bool) {
        // Relaxed: `reconfigured` increments a generation with release ordering, and the tee reads
        // it with acquire ordering before it asks again.
        self.0.store(on, Ordering::Relaxed);
        logtee::global::reconfigured();
    }

    pub(crate) fn is_on(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// Keeps records in the recorder's tail. The tee has one; other logging front ends, such as
/// `flightrec-tracing`, get one by [`Builder::install_sink`](crate::Builder::install_sink).
#[derive(Clone)]
pub struct RecorderSink {
    recorder: Arc<Recorder>,
}

impl RecorderSink {
    pub(crate) fn new(recorder: Arc<Recorder>) -> RecorderSink {
        RecorderSink { recorder }
    }

    /// Whether records are kept: not between [`stop`](crate::FlightRecorder::stop) and
    /// [`start`](crate::FlightRecorder::start).
    #[inline]
    #[must_use]
    pub fn is_on(&self) -> bool {
        self.recorder.switch.is_on()
    }

    /// How records must be packed for this recorder's tail.
    #[inline]
    #[must_use]
    pub fn pack_options(&self) -> Options {
        self.recorder.source.tail.options()
    }

    /// Keeps a record that `packlog` has packed with [`pack_options`](RecorderSink::pack_options).
    #[inline]
    pub fn push(&self, level: Level, packed: &[u8]) {
        self.recorder.source.tail.push(level, packed);
    }

    /// Whether a record of this level makes a dump, as [`dump_on`](crate::Builder::dump_on) said.
    #[inline]
    #[must_use]
    pub fn dumps_on(&self, level: Level) -> bool {
        self.recorder.dump_on.is_some_and(|on| level <= on)
    }

    /// Makes the dump for a record of such a level. The record should have been pushed before.
    #[cold]
    pub fn dump_record(&self, record: &Record<'_>) {
        // A failure to make the dump has been reported on stderr.
        let _ = self.recorder.dump(|| Failure::record(record));
    }
}

impl std::fmt::Debug for RecorderSink {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RecorderSink").finish_non_exhaustive()
    }
}

impl Sink for RecorderSink {
    #[inline]
    fn emit(&self, record: &Record<'_>) -> io::Result<()> {
        let level = record.level();
        packlog::pack(record, self.pack_options(), |bytes| self.push(level, bytes));
        if self.dumps_on(level) {
            self.dump_record(record);
        }
        Ok(())
    }

    fn max_level(&self) -> LevelFilter {
        if self.is_on() {
            LevelFilter::Trace
        } else {
            LevelFilter::Off
        }
    }
}

#[cfg(test)]
mod tests {
    use log::Metadata;

    use super::*;

    #[test]
    fn the_later_of_start_and_stop_wins() {
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
