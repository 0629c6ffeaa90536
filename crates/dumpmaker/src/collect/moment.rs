//! Finds for each captured stack the record that came before it.

use std::sync::OnceLock;
use std::time::{Instant, SystemTime};

use tailwriter::Snapshot;

static START: OnceLock<Instant> = OnceLock::new();

/// The stamp that each stack gets when it is captured: nanoseconds on a clock that is never set.
fn stamp() -> u64 {
    // Nanoseconds fit for 584 years.
    START.get_or_init(Instant::now).elapsed().as_nanos() as u64
}

/// Stamps all stacks of this process from now on.
pub fn stamp_stacks() {
    START.get_or_init(Instant::now);
    // If the program has set a hook of its own, errors have no place among the records.
    stackerr::set_capture_stamp(stamp);
}

/// One moment, on the clock of stamps and on that of records.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Moment {
    stamp: u64,
    /// The moment on the clock of records.
    pub system: SystemTime,
}

impl Moment {
    /// This moment.
    #[must_use]
    pub(crate) fn now() -> Moment {
        Moment {
            stamp: stamp(),
            system: SystemTime::now(),
        }
    }

    /// The sequence number of the last record of `snapshot` before a stamp.
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
