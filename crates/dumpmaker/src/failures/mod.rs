//! Failures: errors, panics, log records, hangs, signals and rules.

mod error_ref;
mod failure;
mod key;
mod noted;
mod payload;

pub use error_ref::ErrorRef;
pub use failure::{Budget, Failure, thread_name};
pub use noted::NotedErrors;
pub(crate) use noted::{Noted, NotedList};
pub(crate) use payload::{PanicPayload, PayloadId};
