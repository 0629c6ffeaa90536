//! Locks that signal handlers and forked children may meet.

use forklock::{ForkMutex, LockError};

/// Runs `work` under a lock. `None` if this thread holds it: a signal handler has interrupted it.
///
/// A forked child takes over a lock that its parent held, so a change that a fork interrupts must do
/// no harm.
pub(crate) fn locked<T, R>(mutex: &ForkMutex<T>, work: impl FnOnce(&mut T) -> R) -> Option<R> {
    match mutex.lock() {
        Ok(mut data) | Err(LockError::Orphaned(mut data)) => Some(work(&mut data)),
        Err(_) => None,
    }
}
