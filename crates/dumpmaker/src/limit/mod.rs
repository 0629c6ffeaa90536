//! Decides whether a failure is dumped. It is not if it is a repeat, if there are too many failures, if
//! this thread is already making a dump, or if there is not enough memory.

mod dumping;
mod limiter;

pub(crate) use dumping::{Dumping, has_memory, is_dumping};
pub(crate) use limiter::{Decision, RateLimiter, SuppressedFailures};
