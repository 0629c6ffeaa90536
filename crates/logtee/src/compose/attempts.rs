//! Several sinks of which one is to take the record: what failover and pool share.

use std::io;

use log::{LevelFilter, Metadata, Record};

use crate::branch::Branch;
use crate::gate;
use crate::sink::Sink;

#[derive(Default)]
pub(super) struct Attempts(Vec<Branch>);

impl Attempts {
    pub(super) fn push(&mut self, sink: impl Sink + 'static) {
        self.0.push(Branch::new(LevelFilter::Trace, sink));
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    /// Goes round once, from `start`, until a sink takes the record.
    pub(super) fn first_that_takes(&self, start: usize, record: &Record<'_>) -> io::Result<()> {
        let generation = gate::generation();
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

    pub(super) fn flush(&self) -> io::Result<()> {
        let mut result = Ok(());
        for sink in &self.0 {
            result = result.and(sink.flush());
        }
        result
    }

    pub(super) fn max_level(&self) -> LevelFilter {
        let levels = self.0.iter().map(Branch::max_level);
        levels.max().unwrap_or(LevelFilter::Off)
    }

    pub(super) fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        let generation = gate::generation();
        self.0.iter().any(|sink| sink.enabled(generation, metadata))
    }

    pub(super) fn failures(&self) -> Vec<u64> {
        self.0.iter().map(Branch::failures).collect()
    }
}
