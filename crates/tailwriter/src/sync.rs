//! Atomics, fences and locks: the standard library's, or loom's if its models are built.
//!
//! The models (`shared::models`) run every interleaving that matters, with every value that a load may
//! return by the rules of the language, not only by those of one processor:
//!
//! ```text
//! RUSTFLAGS="--cfg loom" cargo test --release -p tailwriter --lib models
//! ```

pub(crate) use std::sync::atomic::Ordering;

#[cfg(all(test, loom))]
pub(crate) use self::modelled::*;
#[cfg(not(all(test, loom)))]
pub(crate) use self::native::*;

#[cfg(not(all(test, loom)))]
mod native {
    pub(crate) use forklock::{ForkMutex, ForkMutexGuard, LockError};
    #[cfg(not(target_has_atomic = "64"))]
    pub(crate) use portable_atomic::AtomicU64;
    #[cfg(target_has_atomic = "64")]
    pub(crate) use std::sync::atomic::AtomicU64;
    pub(crate) use std::sync::atomic::{AtomicU32, fence};
}

#[cfg(all(test, loom))]
mod modelled {
    pub(crate) use loom::sync::MutexGuard as ForkMutexGuard;
    pub(crate) use loom::sync::atomic::{AtomicU32, AtomicU64, fence};

    /// `forklock::ForkMutex` in a process that does not fork.
    pub(crate) struct ForkMutex<T>(loom::sync::Mutex<T>);

    #[allow(dead_code)]
    pub(crate) enum LockError<'a, T> {
        Orphaned(ForkMutexGuard<'a, T>),
        AlreadyHeld,
    }

    impl<T> ForkMutex<T> {
        pub(crate) fn new(value: T) -> ForkMutex<T> {
            ForkMutex(loom::sync::Mutex::new(value))
        }

        pub(crate) fn lock(&self) -> Result<ForkMutexGuard<'_, T>, LockError<'_, T>> {
            self.0.lock().map_err(|_| LockError::AlreadyHeld)
        }
    }
}

/// A value in cache lines of its own, so that threads that write to neighbouring values don't slow each
/// other down. Two lines, because processors fetch them in pairs.
#[repr(align(128))]
pub(crate) struct Padded<T>(pub(crate) T);
