//! Middleware that drops records.

use std::fmt;
use std::io;
use std::sync::atomic::{AtomicUsize, Ordering};

use log::Record;

use super::Middleware;
use crate::filter::Filter;
use crate::sink::Sink;

/// Makes a middleware that drops the records which `filter` lets pass.
///
/// # Examples
///
/// ```
/// use logtee::predicate::message_contains;
///
/// let sink = logtee::pipe(logtee::drop_if(message_contains("heartbeat"))).to(logtee::stderr());
/// # drop(sink);
/// ```
pub fn drop_if<F: Filter>(filter: F) -> DropIf<F> {
    DropIf(filter)
}

/// Drops records; made by [`drop_if`].
#[derive(Clone, Copy)]
pub struct DropIf<F>(F);

impl<F: Filter> Middleware for DropIf<F> {
    fn handle(&self, record: &Record<'_>, next: &dyn Sink) -> io::Result<()> {
        if self.0.matches(record) {
            return Ok(());
        }
        next.emit(record)
    }
}

impl<F> fmt::Debug for DropIf<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DropIf").finish_non_exhaustive()
    }
}

/// Makes a middleware that passes on one in `every` records, beginning with the first; all of
/// them if `every` is 0 or 1.
///
/// # Examples
///
/// ```
/// let sink = logtee::pipe(logtee::sample(100)).to(logtee::stderr());
/// # drop(sink);
/// ```
pub fn sample(every: usize) -> Sample {
    Sample {
        every: every.max(1),
        seen: AtomicUsize::new(0),
    }
}

/// Passes on one in `every` records; made by [`sample`].
#[derive(Debug)]
pub struct Sample {
    every: usize,
    /// Relaxed: each number is taken once, and the order does not matter.
    seen: AtomicUsize,
}

impl Middleware for Sample {
    fn handle(&self, record: &Record<'_>, next: &dyn Sink) -> io::Result<()> {
        let seen = self.seen.fetch_add(1, Ordering::Relaxed);
        if seen.is_multiple_of(self.every) {
            next.emit(record)
        } else {
            Ok(())
        }
    }
}
