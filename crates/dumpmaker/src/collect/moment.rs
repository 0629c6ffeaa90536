//! Finds the last record before the capture of a stack.

use std::sync::OnceLock;
use std::time::{Instant, SystemTime};

use tailwriter::Snapshot;

static START: OnceLock<Instant> = OnceLock::new();

/// The stamp of a stack that is captured now: nanoseconds on the monotonic clock.
fn stamp() -> u64 {
    // 64 bits are enough for 584 years.
    START.get_or_init(Instant::now).elapsed().as_nanos() as u64
}

/// Stamps all stacks that are captured from now on.
pub fn stamp_stacks() {
    START.get_or_init(Instant::now);
    // If the program has set another hook, errors are not located among the records.
    stackerr::set_capture_stamp(stamp);
}

/// A moment on the clock of stamps and on the clock of records.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Moment {
    stamp: u64,
    /// The time on the clock of records.
    pub system: SystemTime,
}

impl Moment {
    /// Returns the current moment.
    #[must_use]
    pub(crate) fn now() -> Moment {
        Moment {
            stamp: stamp(),
            system: SystemTime::now(),
        }
    }

    /// Returns the sequence number of the last record of `snapshot` before a stamp.
    #[must_use]
    pub(crate) fn last_before(&self, stamp: u64, snapshot: &Snapshot) -> Option<u64> {
        let is_before = |time: SystemTime| {
            let age = self.system.duration_since(time).unwrap_or_default();
            self.stamp.saturating_sub(age.as_nanos() as u64) <= stamp
        };
        let mut entries = snapshot.entries().rev();
        entries
            .find(|entry| is_before(entry.time()))
            .map(|entry| entry.seq())
    }
}
