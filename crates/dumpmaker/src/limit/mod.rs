//! Whether a failure gets a dump: not if it repeats one, if there are too many, if this thread makes a dump
//! already, or if there is no memory for one.

mod dumping;
mod limiter;

pub(crate) use dumping::{Dumping, has_room, is_dumping};
pub(crate) use limiter::{Decision, RateLimiter, SuppressedFailures};
