//! Which record an error was born after.

use std::sync::OnceLock;
use std::time::{Instant, SystemTime};

use tailwriter::Snapshot;

static START: OnceLock<Instant> = OnceLock::new();

/// The mark that each stack gets when it is captured: the time, on a clock that nobody sets.
fn mark() -> u64 {
    // Nanoseconds fit for 584 years.
    START.get_or_init(Instant::now).elapsed().as_nanos() as u64
}

/// Has stacks marked from now on, for all of the process.
pub(crate) fn mark_stacks() {
    START.get_or_init(Instant::now);
    // Somebody else's hook stays; errors then have no place among the records.
    stackerr::set_birth_hook(mark);
}

/// One moment on the clock of marks and on that of records.
pub(crate) struct Moment {
    mark: u64,
    system: SystemTime,
}

impl Moment {
    pub(crate) fn now() -> Moment {
        Moment {
            mark: mark(),
            system: SystemTime::now(),
        }
    }

    /// The sequence number of the last record before a mark, of those in `snapshot`.
    pub(crate) fn last_before(&self, mark: u64, snapshot: &Snapshot) -> Option<u64> {
        let is_before = |time: SystemTime| {
            let age = self.system.duration_since(time).unwrap_or_default();
            self.mark.saturating_sub(age.as_nanos() as u64) <= mark
        };
        snapshot
            .entries()
            .rev()
            .find(|entry| is_before(entry.time()))
            .map(|entry| entry.seq())
    }
}
