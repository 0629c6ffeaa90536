//! The errors of `lock` and `try_lock`.

use std::error::Error;
use std::fmt;

use crate::ForkMutexGuard;

/// Why [`ForkMutex::lock`](crate::ForkMutex::lock) did not return a guard as usual.
#[non_exhaustive]
pub enum LockError<'a, T: ?Sized> {
    /// The thread that held the lock did not survive a fork. The caller holds the lock now.
    ///
    /// The data may be half changed: use it, reset it, or drop the guard. Later calls do not report
    /// this again.
    Orphaned(ForkMutexGuard<'a, T>),
    /// This thread holds the lock already; waiting for it would be a deadlock.
    AlreadyHeld,
}

/// Why [`ForkMutex::try_lock`](crate::ForkMutex::try_lock) did not return a guard as usual.
#[non_exhaustive]
pub enum TryLockError<'a, T: ?Sized> {
    /// The same as [`LockError::Orphaned`].
    Orphaned(ForkMutexGuard<'a, T>),
    /// This thread holds the lock already.
    AlreadyHeld,
    /// Another thread holds the lock.
    WouldBlock,
}

const ORPHANED: &str = "the thread that held the lock did not survive a fork";
const ALREADY_HELD: &str = "this thread holds the lock already";
const WOULD_BLOCK: &str = "another thread holds the lock";

impl<T: ?Sized> fmt::Display for LockError<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            LockError::Orphaned(_) => ORPHANED,
            LockError::AlreadyHeld => ALREADY_HELD,
        })
    }
}

impl<T: ?Sized> fmt::Debug for LockError<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            LockError::Orphaned(_) => "Orphaned(..)",
            LockError::AlreadyHeld => "AlreadyHeld",
        })
    }
}

impl<T: ?Sized> Error for LockError<'_, T> {}

impl<T: ?Sized> fmt::Display for TryLockError<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            TryLockError::Orphaned(_) => ORPHANED,
            TryLockError::AlreadyHeld => ALREADY_HELD,
            TryLockError::WouldBlock => WOULD_BLOCK,
        })
    }
}

impl<T: ?Sized> fmt::Debug for TryLockError<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            TryLockError::Orphaned(_) => "Orphaned(..)",
            TryLockError::AlreadyHeld => "AlreadyHeld",
            TryLockError::WouldBlock => "WouldBlock",
        })
    }
}

impl<T: ?Sized> Error for TryLockError<'_, T> {}
