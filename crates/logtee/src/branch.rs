//! One filter and one sink, and what went wrong between them.

use std::any::Any;
use std::io;
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::sync::atomic::{AtomicUsize, Ordering};

use log::{Level, LevelFilter, Metadata, Record};

use crate::caught::{Panicked, caught};
use crate::filter::Filter;
use crate::gate::Gate;
use crate::sink::Sink;

pub(crate) struct Branch {
    gate: Gate,
    filter: Box<dyn Filter>,
    /// The filter is a mere level: the gate has asked all that there is to ask.
    is_level: bool,
    sink: Box<dyn Sink>,
    /// Relaxed: a count, which orders nothing.
    failures: AtomicUsize,
}

/// What a sink or filter leaves behind when it panics is its own affair: nobody reaches it but by
/// calling it again, and then it is caught again.
impl UnwindSafe for Branch {}
impl RefUnwindSafe for Branch {}

impl Branch {
    pub(crate) fn new(filter: impl Filter + 'static, sink: impl Sink + 'static) -> Branch {
        Branch {
            gate: Gate::new(),
            is_level: (&filter as &dyn Any).is::<LevelFilter>(),
            filter: Box::new(filter),
            sink: Box::new(sink),
            failures: AtomicUsize::new(0),
        }
    }

    /// Whether the level could be wanted: one load and two comparisons.
    #[inline]
    pub(crate) fn admits(&self, generation: usize, level: Level) -> bool {
        self.gate.admits(generation, level, || self.max_level())
    }

    /// Emits the record if the filter lets it pass. `None`: it did not.
    ///
    /// The caller has asked [`admits`](Branch::admits).
    #[inline(always)]
    pub(crate) fn emit(&self, record: &Record<'_>) -> Option<io::Result<()>> {
        let outcome = caught(|| self.passes(record).then(|| self.sink.emit(record)));
        match outcome {
            Ok(None) => None,
            Ok(Some(Ok(()))) => Some(Ok(())),
            Ok(Some(Err(error))) => Some(Err(self.failed(error))),
            Err(panic) => Some(Err(self.panicked(&panic, "a sink or its filter panicked"))),
        }
    }

    /// Whether the filter lets the record pass, whatever the sink wants.
    pub(crate) fn lets_pass(&self, record: &Record<'_>) -> bool {
        caught(|| self.filter.matches(record)).unwrap_or_else(|_| {
            self.failures.fetch_add(1, Ordering::Relaxed);
            false
        })
    }

    #[inline]
    fn passes(&self, record: &Record<'_>) -> bool {
        self.is_level || self.filter.matches(record)
    }

    pub(crate) fn flush(&self) -> io::Result<()> {
        match caught(|| self.sink.flush()) {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) => Err(self.failed(error)),
            Err(panic) => Err(self.panicked(&panic, "a sink panicked while flushing")),
        }
    }

    #[cold]
    fn failed(&self, error: io::Error) -> io::Error {
        self.failures.fetch_add(1, Ordering::Relaxed);
        error
    }

    #[cold]
    fn panicked(&self, panic: &Panicked, what: &str) -> io::Error {
        self.failed(io::Error::other(format!("{what}: {}", panic.message())))
    }

    pub(crate) fn failures(&self) -> u64 {
        self.failures.load(Ordering::Relaxed) as u64
    }

    /// A filter or sink that panics over this question is taken to want everything.
    #[cold]
    pub(crate) fn max_level(&self) -> LevelFilter {
        caught(|| self.filter.max_level().min(self.sink.max_level())).unwrap_or(LevelFilter::Trace)
    }

    pub(crate) fn enabled(&self, generation: usize, metadata: &Metadata<'_>) -> bool {
        self.admits(generation, metadata.level())
            && caught(|| self.filter.enabled(metadata) && self.sink.enabled(metadata))
                .unwrap_or(false)
    }
}
