//! Faults that tests switch on, to see that they would notice them.

use std::sync::atomic::{AtomicBool, Ordering};

/// Lines are published before they are written.
pub(crate) static COMMIT_FIRST: AtomicBool = AtomicBool::new(false);

pub(crate) fn commits_first() -> bool {
    COMMIT_FIRST.load(Ordering::Relaxed)
}
