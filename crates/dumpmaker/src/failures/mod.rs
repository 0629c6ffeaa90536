//! What failed: an error, a panic, a log record, a hang, a signal, a rule.

mod error_ref;
mod failure;
mod key;
mod noted;
mod payload;

pub use error_ref::ErrorRef;
pub use failure::{Budget, Failure, thread_name};
pub use noted::NotedErrors;
pub(crate) use noted::{Kept, Noted};
pub(crate) use payload::{PanicPayload, PayloadId};
