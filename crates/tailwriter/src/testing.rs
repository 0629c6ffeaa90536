//! Faults that tests switch on, to see that they would notice them.

use std::cell::Cell;
use std::sync::atomic::{AtomicBool, Ordering};

/// Lines are published before they are written; for a whole process.
pub(crate) static COMMIT_FIRST: AtomicBool = AtomicBool::new(false);

thread_local! {
    /// Checksums are not looked at when a file is recovered; for one thread.
    pub(crate) static TRUSTING: Cell<bool> = const { Cell::new(false) };
    /// There is no space left on the disk; for one thread.
    pub(crate) static DISK_IS_FULL: Cell<bool> = const { Cell::new(false) };
}

pub(crate) fn commits_first() -> bool {
    COMMIT_FIRST.load(Ordering::Relaxed)
}

/// Gives death a fair chance to come between two steps: on a busy machine a killed process has
/// mostly been doing something else.
pub(crate) fn dawdle() {
    (0..2_000).for_each(|_| std::hint::spin_loop());
}
