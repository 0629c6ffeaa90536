#![doc = include_str!("../README.md")]
// The exceptions: `mutex` gives access to its value, `fork` registers a handler with the C library,
// and `wait::futex` makes system calls.
#![deny(unsafe_code)]

mod error;
mod fork;
mod mutex;
mod wait;

pub use error::{LockError, TryLockError};
pub use fork::generation;
pub use mutex::{ForkMutex, ForkMutexGuard};
