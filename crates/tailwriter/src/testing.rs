//! Faults that tests switch on, to check that they would notice them.

use std::cell::Cell;
use std::sync::atomic::{AtomicBool, Ordering};

/// Lines are published before they are written, in the whole process.
pub(crate) static COMMIT_FIRST: AtomicBool = AtomicBool::new(false);

thread_local! {
    /// Checksums are ignored when this thread recovers a file.
    pub(crate) static IGNORE_CHECKSUMS: Cell<bool> = const { Cell::new(false) };
    /// This thread finds no space left on the disk.
    pub(crate) static DISK_IS_FULL: Cell<bool> = const { Cell::new(false) };
}

pub(crate) fn commits_first() -> bool {
    COMMIT_FIRST.load(Ordering::Relaxed)
}

/// Makes it more likely that the process is killed between two steps.
pub(crate) fn delay() {
    (0..2_000).for_each(|_| std::hint::spin_loop());
}
