//! Atomics, fences and locks: the standard library's, or loom's where its models are built.
//!
//! The models (`shared::models`) run every interleaving that matters, and every value that a load
//! may return by the rules of the language rather than by those of one processor:
//!
//! ```text
//! RUSTFLAGS="--cfg loom" cargo test --release -p tailwriter --lib models
//! ```

#[cfg(not(all(test, loom)))]
pub(crate) use std::sync::{
    Mutex, MutexGuard, TryLockError,
    atomic::{AtomicU32, AtomicU64, fence},
};

#[cfg(all(test, loom))]
pub(crate) use loom::sync::{
    Mutex, MutexGuard,
    atomic::{AtomicU32, AtomicU64, fence},
};
#[cfg(all(test, loom))]
pub(crate) use std::sync::TryLockError;

pub(crate) use std::sync::atomic::Ordering;
