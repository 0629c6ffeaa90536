//! The cached id of the current thread.

use std::cell::Cell;

/// Returns the system's id of the current thread. Makes a system call only once per thread and process.
#[inline]
pub(crate) fn current_id() -> u32 {
    thread_local! {
        static ID: Cell<(usize, u32)> = const { Cell::new((0, 0)) };
    }
    let generation = forklock::generation();
    let (cached_in, id) = ID.get();
    if id != 0 && cached_in == generation {
        return id;
    }
    let id = stackwalk::threads::current_id();
    ID.set((generation, id));
    id
}
