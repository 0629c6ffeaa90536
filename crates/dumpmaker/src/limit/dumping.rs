//! Whether this thread can make a dump.

use std::cell::Cell;

thread_local! {
    /// This thread makes a dump. Failures in the meantime get no dumps of their own.
    static DUMPING: Cell<bool> = const { Cell::new(false) };
}

/// How much memory a dump may take, with the names of its frames.
const ROOM: usize = 32 << 20;

/// Whether this thread makes a dump.
#[must_use]
pub(crate) fn is_dumping() -> bool {
    DUMPING.get()
}

/// Whether there is room for a dump. If memory ran out while it is made, the program would abort.
#[must_use]
pub(crate) fn has_room() -> bool {
    Vec::<u8>::new().try_reserve_exact(ROOM).is_ok()
}

/// This thread makes a dump until this is dropped.
pub(crate) struct Dumping(());

impl Dumping {
    /// Begins a dump; `None` if this thread makes one already.
    pub(crate) fn begin() -> Option<Dumping> {
        (!DUMPING.replace(true)).then_some(Dumping(()))
    }

    /// Begins a dump in a thread that is known to make no other.
    pub(crate) fn begin_in_any_case() -> Dumping {
        DUMPING.set(true);
        Dumping(())
    }
}

impl Drop for Dumping {
    fn drop(&mut self) {
        DUMPING.set(false);
    }
}
