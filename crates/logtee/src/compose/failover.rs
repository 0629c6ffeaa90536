//! Passes a record to the next sink if one fails.

use std::fmt;
use std::io;

use log::{LevelFilter, Metadata, Record};

use super::Alternatives;
use crate::sink::{IntoSink, Sink};

/// Begins a failover: the first sink gets the record. If it returns an error or panics, the next
/// one gets it, and so on.
///
/// A sink that is not [`enabled`](Sink::enabled) for the record is skipped.
///
/// # Examples
///
/// ```
/// use std::io;
/// use logtee::Sink;
///
/// let sink = logtee::failover()
///     .sink(logtee::from_fn(|_| Err(io::Error::other("unreachable"))))
///     .sink(logtee::from_fn(|_| Ok(())))
///     .build();
/// assert!(sink.emit(&log::Record::builder().build()).is_ok());
/// assert_eq!(sink.failures_by_sink(), [1, 0]);
/// ```
pub fn failover() -> FailoverBuilder {
    FailoverBuilder(Alternatives::default())
}

/// Collects the sinks of a [`Failover`]; made by [`failover`].
#[must_use = "a builder does nothing until it is built"]
pub struct FailoverBuilder(Alternatives);

impl FailoverBuilder {
    /// Adds the sink to try next.
    pub fn sink<Kind>(mut self, sink: impl IntoSink<Kind>) -> FailoverBuilder {
        self.0.push(sink.into_sink());
        self
    }

    /// Builds the sink.
    pub fn build(self) -> Failover {
        Failover(self.0)
    }
}

impl fmt::Debug for FailoverBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FailoverBuilder").finish_non_exhaustive()
    }
}

/// Tries one sink after the other; made by [`failover`].
///
/// Emitting fails only if every sink that wanted the record failed, with the last one's error.
pub struct Failover(Alternatives);

impl Failover {
    /// How many records and flushes failed or panicked, for each sink in order.
    pub fn failures_by_sink(&self) -> Vec<u64> {
        self.0.failures()
    }
}

impl Sink for Failover {
    fn emit(&self, record: &Record<'_>) -> io::Result<()> {
        self.0.emit_from(0, record)
    }

    fn flush(&self) -> io::Result<()> {
        self.0.flush()
    }

    fn max_level(&self) -> LevelFilter {
        self.0.max_level()
    }

    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        self.0.enabled(metadata)
    }

    /// `emit` checks the sinks itself.
    fn emit_if_enabled(&self, record: &Record<'_>) -> io::Result<()> {
        self.emit(record)
    }
}

impl fmt::Debug for Failover {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Failover")
            .field("failures_by_sink", &self.failures_by_sink())
            .finish_non_exhaustive()
    }
}
