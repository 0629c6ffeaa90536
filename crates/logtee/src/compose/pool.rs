//! Spreads records over several sinks.

use std::collections::hash_map::RandomState;
use std::fmt;
use std::hash::BuildHasher;
use std::io;
use std::sync::atomic::{AtomicUsize, Ordering};

use log::{LevelFilter, Metadata, Record};

use super::Alternatives;
use crate::sink::{IntoSink, Sink};

/// Begins a pool: each record goes to one sink, in turn.
///
/// The turn begins at a random sink. If the sink is not [`enabled`](Sink::enabled) for the record
/// or fails, the next one is tried, until each was tried once.
///
/// # Examples
///
/// ```
/// let sink = logtee::pool()
///     .sink(logtee::from_fn(|_| Ok(()))) // a connection
///     .sink(logtee::from_fn(|_| Ok(()))) // another
///     .build();
/// # drop(sink);
/// ```
pub fn pool() -> PoolBuilder {
    // A random start, so that many processes do not all begin with the same sink.
    let start = RandomState::new().hash_one(0) as usize;
    PoolBuilder(Pool {
        sinks: Alternatives::default(),
        next: AtomicUsize::new(start),
    })
}

/// Collects the sinks of a [`Pool`]; made by [`pool`].
#[must_use = "a builder does nothing until it is built"]
pub struct PoolBuilder(Pool);

impl PoolBuilder {
    /// Adds a sink.
    pub fn sink<Kind>(mut self, sink: impl IntoSink<Kind>) -> PoolBuilder {
        self.0.sinks.push(sink.into_sink());
        self
    }

    /// Builds the sink.
    pub fn build(self) -> Pool {
        self.0
    }
}

impl fmt::Debug for PoolBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PoolBuilder").finish_non_exhaustive()
    }
}

/// Spreads records over sinks; made by [`pool`].
///
/// Emitting fails only if every sink that wanted the record failed, with the last one's error.
pub struct Pool {
    sinks: Alternatives,
    /// Relaxed: each number is taken once, and the order does not matter.
    next: AtomicUsize,
}

impl Pool {
    /// How many records and flushes failed or panicked, for each sink in order.
    pub fn failures_by_sink(&self) -> Vec<u64> {
        self.sinks.failures()
    }
}

impl Sink for Pool {
    fn emit(&self, record: &Record<'_>) -> io::Result<()> {
        let turn = self.next.fetch_add(1, Ordering::Relaxed);
        match self.sinks.len() {
            0 => Ok(()),
            len => self.sinks.emit_from(turn % len, record),
        }
    }

    fn flush(&self) -> io::Result<()> {
        self.sinks.flush()
    }

    fn max_level(&self) -> LevelFilter {
        self.sinks.max_level()
    }

    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        self.sinks.enabled(metadata)
    }

    /// `emit` checks the sinks itself.
    fn emit_if_enabled(&self, record: &Record<'_>) -> io::Result<()> {
        self.emit(record)
    }
}

impl fmt::Debug for Pool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pool")
            .field("failures_by_sink", &self.failures_by_sink())
            .finish_non_exhaustive()
    }
}
