//! What a tail keeps beside the last records of all: quotas of levels, shares of threads, targets and
//! levels.

use flightrec_dump::fnv1a;
use log::Level;
use tailwriter::{Groups, Shares};

/// The class of ERROR, which has a quota in the tail.
pub(super) const ERRORS: u8 = 1;
/// The class of WARN, which has a quota in the tail.
pub(super) const WARNINGS: u8 = 2;
/// The class of spans, which is separate from records.
pub const SPANS: u8 = 3;

/// The class of records of a level: that of its quota, or 0.
#[inline]
#[must_use]
pub fn class_of(level: Level) -> u8 {
    match level {
        Level::Error => ERRORS,
        Level::Warn => WARNINGS,
        _ => 0,
    }
}

/// The kinds of groups.
pub(crate) const THREADS: usize = 0;
pub(crate) const TARGETS: usize = 1;
pub(crate) const LEVELS: usize = 2;

/// How many records of each thread are kept, and of how many threads.
const OF_THREAD: (usize, usize) = (32, 256);
/// How many records of each target are kept, and of how many targets.
const OF_TARGET: (usize, usize) = (8, 512);
/// How many records are kept of INFO, DEBUG and TRACE each.
const OF_LEVEL: usize = 200;

/// The shares beside the last `lines` records of up to `max_bytes` bytes; none of them is greater.
///
/// A thread may have long records, but a program with 256 threads and 512 targets that all do is rare:
/// so the groups together may take more than the tail.
#[must_use]
pub(super) fn shares(lines: usize, max_bytes: usize) -> Option<Shares> {
    if lines == 0 {
        return None;
    }
    let (of_thread, threads) = OF_THREAD;
    let (of_target, targets) = OF_TARGET;
    let shares = Shares::new(groups)
        .kind(of_thread.min(lines), threads, max_bytes / 64)
        .kind(of_target.min(lines), targets, max_bytes / 128)
        .kind(OF_LEVEL.min(lines), 3, max_bytes / 4)
        .same_head(packlog::origin_mask(), packlog::origin_bytes);
    Some(shares)
}

/// The groups of a packed record. Spans have none; ERROR and WARN have quotas.
pub(crate) fn groups(line: &[u8]) -> Groups {
    let mut groups = [0; tailwriter::MAX_KINDS];
    if let Some(origin) = packlog::origin(line) {
        groups[THREADS] = origin.thread_number.map_or(0, u64::from);
        // 0 is no group.
        groups[TARGETS] = fnv1a(origin.target.as_bytes()).max(1);
        groups[LEVELS] = match origin.level {
            Level::Error | Level::Warn => 0,
            level => level as u64,
        };
    }
    groups
}
