#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod failure;
mod key;
mod limiter;
mod noted;
mod payload;

pub use failure::{Budget, Failure};
pub use limiter::{Decision, RateLimiter, SuppressedFailures};
pub use noted::{Kept, Noted, NotedErrors};
pub use payload::{PanicPayload, PayloadId};
