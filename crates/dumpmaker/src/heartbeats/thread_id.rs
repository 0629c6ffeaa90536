//! The id of this thread.

use std::cell::Cell;

/// The id of this thread, which is asked for once per thread and process.
#[inline]
pub(crate) fn current_id() -> u32 {
    thread_local! {
        static ID: Cell<(usize, u32)> = const { Cell::new((0, 0)) };
    }
    let generation = forklock::generation();
    let (its_generation, id) = ID.get();
    if id != 0 && its_generation == generation {
        return id;
    }
    let id = stackwalk::threads::current_id();
    ID.set((generation, id));
    id
}
