//! Sinks made of sinks. They nest in any way, and each reports the level that it could want.

mod branch;
mod failover;
mod pool;
mod recover;
mod router;

use std::io;

use log::{LevelFilter, Metadata, Record};

use crate::max_level;
use crate::sink::Sink;

pub(crate) use branch::Branch;
pub use failover::{Failover, FailoverBuilder, failover};
pub use pool::{Pool, PoolBuilder, pool};
pub use recover::{Failure, Recover, RecoverBuilder, recover};
pub use router::{Router, RouterBuilder, first_match, router};

/// Flushes every branch, and returns the first error.
pub(crate) fn flush_all<'a>(branches: impl Iterator<Item = &'a Branch>) -> io::Result<()> {
    let mut result = Ok(());
    for branch in branches {
        result = result.and(branch.flush());
    }
    result
}

/// The most verbose level that any branch could want; off if there are no branches.
pub(crate) fn max_level<'a>(branches: impl Iterator<Item = &'a Branch>) -> LevelFilter {
    branches
        .map(Branch::max_level)
        .max()
        .unwrap_or(LevelFilter::Off)
}

/// Whether any branch is enabled.
pub(crate) fn any_enabled<'a>(
    mut branches: impl Iterator<Item = &'a Branch>,
    metadata: &Metadata<'_>,
) -> bool {
    let generation = max_level::generation();
    branches.any(|branch| branch.enabled(generation, metadata))
}

/// Several sinks, one of which takes the record: the common part of failover and pool.
#[derive(Default)]
struct Alternatives(Vec<Branch>);

impl Alternatives {
    fn push(&mut self, sink: impl Sink + 'static) {
        self.0.push(Branch::new(LevelFilter::Trace, sink));
    }

    fn len(&self) -> usize {
        self.0.len()
    }

    /// Tries each enabled sink once, beginning at `start`, until one takes the record.
    fn emit_from(&self, start: usize, record: &Record<'_>) -> io::Result<()> {
        let generation = max_level::generation();
        let (before, from) = self.0.split_at_checked(start).unwrap_or((&self.0, &[]));
        let mut result = Ok(());
        for sink in from.iter().chain(before) {
            if sink.enabled(generation, record.metadata())
                && let Some(outcome) = sink.emit(record)
            {
                result = outcome;
                if result.is_ok() {
                    break;
                }
            }
        }
        result
    }

    fn flush(&self) -> io::Result<()> {
        flush_all(self.0.iter())
    }

    fn max_level(&self) -> LevelFilter {
        max_level(self.0.iter())
    }

    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        any_enabled(self.0.iter(), metadata)
    }

    fn failures(&self) -> Vec<u64> {
        self.0.iter().map(Branch::failures).collect()
    }
}
