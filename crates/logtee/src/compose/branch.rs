//! A sink with its filter and a count of its failures.

use std::any::Any;
use std::io;
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::sync::atomic::{AtomicUsize, Ordering};

use log::{Level, LevelFilter, Metadata, Record};

use crate::catch_panic::{Panicked, catch_panic};
use crate::filter::Filter;
use crate::max_level::CachedMaxLevel;
use crate::sink::Sink;

/// `T` is a boxed [`Sink`], or a writer of a [`FormatOnce`](crate::FormatOnce).
pub(crate) struct Branch<T = Box<dyn Sink>> {
    max_level: CachedMaxLevel,
    filter: Box<dyn Filter>,
    /// The filter is a plain level, so the cached level's answer is the filter's answer.
    is_level: bool,
    target: T,
    /// Relaxed: only a count.
    failures: AtomicUsize,
}

/// After a panic, the only way to reach the sink or filter is to call it again, and a second panic is
/// caught, too.
impl<T> UnwindSafe for Branch<T> {}
impl<T> RefUnwindSafe for Branch<T> {}

impl<T> Branch<T> {
    pub(crate) fn with_target(filter: impl Filter + 'static, target: T) -> Branch<T> {
        Branch {
            max_level: CachedMaxLevel::new(),
            is_level: (&filter as &dyn Any).is::<LevelFilter>(),
            filter: Box::new(filter),
            target,
            failures: AtomicUsize::new(0),
        }
    }

    /// The most verbose level that the filter could let pass. A filter that panics here is treated
    /// as if it let everything pass.
    #[cold]
    pub(crate) fn filter_max_level(&self) -> LevelFilter {
        catch_panic(|| self.filter.max_level()).unwrap_or(LevelFilter::Trace)
    }

    /// Whether the filter could let the level pass.
    pub(crate) fn filter_admits(&self, generation: usize, level: Level) -> bool {
        self.max_level
            .admits(generation, level, || self.filter_max_level())
    }

    pub(crate) fn filter_enabled(&self, generation: usize, metadata: &Metadata<'_>) -> bool {
        self.filter_admits(generation, metadata.level())
            && catch_panic(|| self.filter.enabled(metadata)).unwrap_or(false)
    }

    #[inline]
    fn matches(&self, record: &Record<'_>) -> bool {
        self.is_level || self.filter.matches(record)
    }

    /// Whether the filter lets the record pass, without asking the sink. A panic is counted.
    pub(crate) fn filter_matches(&self, record: &Record<'_>) -> io::Result<bool> {
        catch_panic(|| self.filter.matches(record))
            .map_err(|panic| self.panicked(&panic, "a filter panicked"))
    }

    /// Runs `work`, and counts an error or a panic.
    #[inline]
    pub(crate) fn attempt(
        &self,
        what: &str,
        work: impl FnOnce(&T) -> io::Result<()>,
    ) -> io::Result<()> {
        match catch_panic(|| work(&self.target)) {
            Ok(result) => result.map_err(|error| self.failed(error)),
            Err(panic) => Err(self.panicked(&panic, what)),
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
}

impl Branch {
    pub(crate) fn new(filter: impl Filter + 'static, sink: impl Sink + 'static) -> Branch {
        Branch::with_target(filter, Box::new(sink))
    }

    /// Whether filter and sink could want the level.
    #[inline]
    pub(crate) fn admits(&self, generation: usize, level: Level) -> bool {
        self.max_level
            .admits(generation, level, || self.max_level())
    }

    /// Emits the record if the filter lets it pass and the sink is enabled for it. `None` if the
    /// filter did not let it pass.
    ///
    /// The caller must have checked [`admits`](Branch::admits).
    #[inline(always)]
    pub(crate) fn emit(&self, record: &Record<'_>) -> Option<io::Result<()>> {
        let outcome = catch_panic(|| {
            self.matches(record)
                .then(|| self.target.emit_if_enabled(record))
        });
        match outcome {
            Ok(None) => None,
            Ok(Some(Ok(()))) => Some(Ok(())),
            Ok(Some(Err(error))) => Some(Err(self.failed(error))),
            Err(panic) => Some(Err(self.panicked(&panic, "a sink or its filter panicked"))),
        }
    }

    /// Whether the filter is a plain level, so that [`admits`](Branch::admits) is its answer.
    pub(crate) fn filters_by_level(&self) -> bool {
        self.is_level
    }

    /// Emits the record if the sink is enabled for it, without asking the filter.
    #[inline]
    pub(crate) fn emit_unfiltered(&self, record: &Record<'_>) -> io::Result<()> {
        self.attempt("a sink panicked", |sink| sink.emit_if_enabled(record))
    }

    pub(crate) fn flush(&self) -> io::Result<()> {
        self.attempt("a sink panicked while flushing", |sink| sink.flush())
    }

    /// The most verbose level that could pass the filter and be wanted by the sink. If one of them
    /// panics here, it is treated as if it wanted everything.
    #[cold]
    pub(crate) fn max_level(&self) -> LevelFilter {
        catch_panic(|| self.filter.max_level().min(self.target.max_level()))
            .unwrap_or(LevelFilter::Trace)
    }

    pub(crate) fn enabled(&self, generation: usize, metadata: &Metadata<'_>) -> bool {
        self.admits(generation, metadata.level())
            && catch_panic(|| self.filter.enabled(metadata) && self.target.enabled(metadata))
                .unwrap_or(false)
    }
}
