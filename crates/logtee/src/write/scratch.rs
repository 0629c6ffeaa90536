//! A buffer of the thread's own to format into.

use std::cell::Cell;

thread_local! {
    static BUFFER: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
}

/// What a thread keeps between records at most.
const KEPT: usize = 64 * 1024;

/// Lends an empty buffer: this thread's own, or a fresh one if that is in use (a `Display` that
/// logs) or gone (a thread-local's destructor that logs).
pub(super) fn with<R>(work: impl FnOnce(&mut Vec<u8>) -> R) -> R {
    let mut buffer = BUFFER.try_with(Cell::take).unwrap_or_default();
    buffer.clear();
    let result = work(&mut buffer);
    if buffer.capacity() <= KEPT {
        let _ = BUFFER.try_with(|cell| cell.set(buffer));
    }
    result
}
