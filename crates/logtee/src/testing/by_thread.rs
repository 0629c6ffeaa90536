//! Sinks that belong to one thread.

use std::fmt;
use std::io;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::{self, ThreadId};

use forklock::ForkMutex;
use log::{LevelFilter, Metadata, Record};

use crate::sink::Sink;

/// Values that belong to one thread each, for instance the sinks of tests that run at the same time.
///
/// It is a sink itself if the values are sinks. A record goes to the sinks of its thread. If the thread
/// has no sinks, it may have been started by any of the tests, so the record goes to all sinks.
///
/// # Examples
///
/// ```
/// use log::{LevelFilter, Log, Record};
/// use logtee::Tee;
/// use logtee::testing::{ByThread, Memory};
///
/// static TESTS: ByThread<Memory> = ByThread::new();
///
/// // The logger of the process.
/// let tee = Tee::builder().sink(LevelFilter::Trace, &TESTS).build();
/// std::thread::scope(|scope| {
///     for _ in 0..2 {
///         scope.spawn(|| {
///             let memory = Memory::new();
///             let _this_test = TESTS.add(memory.clone());
///             tee.log(&Record::builder().args(format_args!("hello")).build());
///             assert_eq!(memory.messages(), ["hello"]);
///         });
///     }
/// });
/// ```
pub struct ByThread<T>(ForkMutex<Vec<Entry<T>>>);

#[derive(Clone)]
struct Entry<T> {
    id: usize,
    thread: ThreadId,
    value: T,
}

impl<T: Clone> ByThread<T> {
    /// Creates an empty collection.
    #[must_use]
    pub const fn new() -> ByThread<T> {
        ByThread(ForkMutex::new(Vec::new()))
    }

    /// Adds a value for this thread. It is removed when the guard is dropped, on any thread.
    pub fn add(&'static self, value: T) -> ThreadGuard<T> {
        // Relaxed: each number is used once, and the order does not matter.
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let id = COUNT.fetch_add(1, Ordering::Relaxed);
        let thread = thread::current().id();
        self.0
            .with(|entries| entries.push(Entry { id, thread, value }));
        crate::global::reconfigured();
        ThreadGuard { of: self, id }
    }

    /// The values of this thread, or all values if it has none.
    pub fn of_this_thread(&self) -> Vec<T> {
        let this = thread::current().id();
        let mut entries = self.entries();
        if entries.iter().any(|entry| entry.thread == this) {
            entries.retain(|entry| entry.thread == this);
        }
        entries.into_iter().map(|entry| entry.value).collect()
    }

    /// Returns clones, so that no sink is called under the lock.
    fn entries(&self) -> Vec<Entry<T>> {
        self.0.with(|entries| entries.clone()).unwrap_or_default()
    }
}

impl<T: Clone> Default for ByThread<T> {
    fn default() -> ByThread<T> {
        ByThread::new()
    }
}

impl<T> fmt::Debug for ByThread<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ByThread").finish_non_exhaustive()
    }
}

impl<S: Sink + Clone> Sink for ByThread<S> {
    fn emit(&self, record: &Record<'_>) -> io::Result<()> {
        let sinks = self.of_this_thread();
        let results = sinks.iter().map(|sink| sink.emit_if_enabled(record));
        results.fold(Ok(()), Result::and)
    }

    fn flush(&self) -> io::Result<()> {
        let sinks = self.of_this_thread();
        sinks.iter().map(Sink::flush).fold(Ok(()), Result::and)
    }

    /// The maximum over all threads, because the answer is cached for all of them.
    fn max_level(&self) -> LevelFilter {
        let entries = self.entries();
        let levels = entries.iter().map(|entry| entry.value.max_level());
        levels.max().unwrap_or(LevelFilter::Off)
    }

    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        let sinks = self.of_this_thread();
        sinks.iter().any(|sink| sink.enabled(metadata))
    }
}

/// A value in a [`ByThread`], made by [`ByThread::add`].
#[must_use = "the value is removed when this is dropped"]
pub struct ThreadGuard<T: 'static> {
    of: &'static ByThread<T>,
    id: usize,
}

impl<T> Drop for ThreadGuard<T> {
    fn drop(&mut self) {
        let removed = self.of.0.with(|entries| {
            let at = entries.iter().position(|entry| entry.id == self.id)?;
            Some(entries.remove(at))
        });
        // Dropped without the lock, because the value may be a sink of the program.
        drop(removed);
        crate::global::reconfigured();
    }
}

impl<T> fmt::Debug for ThreadGuard<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ThreadGuard").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::testing::Memory;

    #[test]
    fn a_thread_without_sinks_passes_its_records_to_all() {
        static SINKS: ByThread<Memory> = ByThread::new();
        let record = Record::builder().args(format_args!("hello")).build();
        let of_other = Memory::new();
        let guard = thread::scope(|scope| {
            let other = scope.spawn(|| SINKS.add(of_other.clone()));
            other.join().unwrap()
        });
        let of_this = Memory::new();
        let its_guard = SINKS.add(of_this.clone());
        SINKS.emit(&record).unwrap();
        assert_eq!(
            (of_this.messages().len(), of_other.messages().len()),
            (1, 0)
        );
        drop(its_guard);
        SINKS.emit(&record).unwrap();
        assert_eq!(
            (of_this.messages().len(), of_other.messages().len()),
            (1, 1)
        );
        drop(guard);
        SINKS.emit(&record).unwrap();
        assert_eq!(of_other.messages().len(), 1);
        assert_eq!(SINKS.max_level(), LevelFilter::Off);
    }

    #[test]
    fn a_value_is_dropped_without_the_lock() {
        static VALUES: ByThread<Arc<Looks>> = ByThread::new();

        struct Looks;

        impl Drop for Looks {
            fn drop(&mut self) {
                assert!(VALUES.of_this_thread().is_empty());
            }
        }

        drop(VALUES.add(Arc::new(Looks)));
    }
}
