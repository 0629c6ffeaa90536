//! Decides which records are kept, and whether any are.

use std::any::Any;
use std::sync::atomic::{AtomicBool, Ordering};

use log::LevelFilter;
use logtee::{Filter, Sink, TeeBuilder};

/// Which records are kept. A level is much cheaper to check than a filter behind a pointer.
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

    /// Adds the sink with this filter.
    pub(crate) fn add_to(self, sinks: TeeBuilder, sink: impl Sink + 'static) -> TeeBuilder {
        match self {
            RecordFilter::Level(level) => sinks.sink(level, sink),
            RecordFilter::Filter(filter) => sinks.sink(filter, sink),
        }
    }
}

/// Whether any records are kept. The tee caches the answer, so a check for each record costs nothing.
pub(crate) struct Switch(AtomicBool);

impl Switch {
    pub(crate) fn new(on: bool) -> Switch {
        Switch(AtomicBool::new(on))
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
