//! A mutex that a forked child does not wait for without end.

use std::process;
use std::sync::{Mutex, MutexGuard, PoisonError, TryLockError};
use std::thread;
use std::time::Duration;

/// So often a forked child asks for a lock that is taken, a millisecond apart.
const TRIES: u32 = 200;

/// The thread that held it when the process was forked does not exist in the child, and nobody will
/// ever open it there.
pub(crate) struct Lock<T> {
    mutex: Mutex<T>,
    owner: u32,
}

impl<T> Lock<T> {
    pub(crate) fn new(value: T) -> Lock<T> {
        Lock {
            mutex: Mutex::new(value),
            owner: process::id(),
        }
    }

    /// None in a forked child, if the lock seems to have been taken when it was forked.
    pub(crate) fn lock(&self) -> Option<MutexGuard<'_, T>> {
        if process::id() == self.owner {
            return Some(self.mutex.lock().unwrap_or_else(PoisonError::into_inner));
        }
        for _ in 0..TRIES {
            match self.mutex.try_lock() {
                Ok(guard) => return Some(guard),
                Err(TryLockError::Poisoned(poisoned)) => return Some(poisoned.into_inner()),
                // It may as well be another thread of the child.
                Err(TryLockError::WouldBlock) => thread::sleep(Duration::from_millis(1)),
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_forked_child_does_not_wait_without_end() {
        // As a child sees it: made by another process, and held by a thread that is not there.
        let lock = Lock {
            mutex: Mutex::new(1),
            owner: process::id().wrapping_add(1),
        };
        let held = lock.mutex.lock().unwrap();
        thread::scope(|scope| {
            scope.spawn(|| assert!(lock.lock().is_none()));
        });
        drop(held);
        assert_eq!(lock.lock().as_deref(), Some(&1));
    }
}
