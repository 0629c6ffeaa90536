//! The records that a tail keeps besides the last ones: quotas of ERROR and WARN, and shares of threads,
//! targets and levels.

use flightrec_dump::fnv1a;
use log::Level;
use tailwriter::{Groups, Shares};

/// The class of ERROR, which has a quota in the tail.
pub(super) const ERRORS: u8 = 1;
/// The class of WARN, which has a quota in the tail.
pub(super) const WARNINGS: u8 = 2;
/// The class of spans, which is separate from records.
pub const SPANS: u8 = 3;

/// Returns the class of records of a level; 0 if the level has no quota.
#[inline]
#[must_use]
pub fn class_of(level: Level) -> u8 {
    match level {
        Level::Error => ERRORS,
        Level::Warn => WARNINGS,
        _ => 0,
    }
}

// The kinds of groups.
pub(crate) const THREADS: usize = 0;
pub(crate) const TARGETS: usize = 1;
pub(crate) const LEVELS: usize = 2;

/// How many records of each thread are kept, and of how many threads.
const PER_THREAD: (usize, usize) = (32, 256);
/// How many records of each target are kept, and of how many targets.
const PER_TARGET: (usize, usize) = (8, 512);
/// How many records of each of INFO, DEBUG and TRACE are kept.
const PER_LEVEL: usize = 200;

/// Returns the shares of a tail of `lines` records and `max_bytes` bytes. No share keeps more than `lines`
/// records.
///
/// All groups together may take more bytes than the tail: groups may have long records, but a program in
/// which 256 threads and 512 targets all have them is rare.
#[must_use]
pub(super) fn shares(lines: usize, max_bytes: usize) -> Option<Shares> {
    if lines == 0 {
        return None;
    }
    let (per_thread, threads) = PER_THREAD;
    let (per_target, targets) = PER_TARGET;
    let shares = Shares::new(groups)
        .kind(per_thread.min(lines), threads, max_bytes / 64)
        .kind(per_target.min(lines), targets, max_bytes / 128)
        .kind(PER_LEVEL.min(lines), 3, max_bytes / 4)
        .same_head(packlog::origin_mask(), packlog::origin_bytes);
    Some(shares)
}

/// Returns the groups of a packed record. Spans have no groups. ERROR and WARN are in no group of
/// levels, because they have quotas.
pub(crate) fn groups(line: &[u8]) -> Groups {
    let mut groups = [0; tailwriter::MAX_KINDS];
    if let Some(origin) = packlog::origin(line) {
        groups[THREADS] = origin.thread_number.map_or(0, u64::from);
        // 0 means no group.
        groups[TARGETS] = fnv1a(origin.target.as_bytes()).max(1);
        groups[LEVELS] = match origin.level {
            Level::Error | Level::Warn => 0,
            level => level as u64,
        };
    }
    groups
}
