//! Checks whether this thread can make a dump.

use std::cell::Cell;

thread_local! {
    /// Whether this thread is making a dump. Failures of this thread are then not dumped.
    static DUMPING: Cell<bool> = const { Cell::new(false) };
}

/// How much memory a dump may need, including the names of its frames.
const MEMORY: usize = 32 << 20;

/// Whether this thread is making a dump.
#[must_use]
pub(crate) fn is_dumping() -> bool {
    DUMPING.get()
}

/// Whether there is enough memory for a dump. If memory ran out while it is made, the process would abort.
#[must_use]
pub(crate) fn has_memory() -> bool {
    Vec::<u8>::new().try_reserve_exact(MEMORY).is_ok()
}

/// Marks this thread as making a dump, until it is dropped.
pub(crate) struct Dumping(());

impl Dumping {
    /// Begins a dump. Returns `None` if this thread is already making one.
    pub(crate) fn begin() -> Option<Dumping> {
        (!DUMPING.replace(true)).then_some(Dumping(()))
    }

    /// Begins a dump without a check whether this thread is already making one.
    pub(crate) fn begin_unchecked() -> Dumping {
        DUMPING.set(true);
        Dumping(())
    }
}

impl Drop for Dumping {
    fn drop(&mut self) {
        DUMPING.set(false);
    }
}
