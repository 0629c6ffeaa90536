#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

// What failed.
pub mod failures;
pub mod stacks;

// The steps to a dump.
pub mod collect;
mod limiter;
pub mod redact;

pub use limiter::{Decision, RateLimiter, SuppressedFailures};
