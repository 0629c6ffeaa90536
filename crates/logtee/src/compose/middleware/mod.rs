//! Ready-made middleware for a [`pipe`](crate::pipe).

mod keys;
mod message;
mod redact;
mod select;

pub use keys::{Enrich, RemoveKey, RenameKey, enrich, remove_key, rename_key};
pub use message::{MapMessage, map_message};
pub use redact::{Redact, redact};
pub use select::{DropIf, Sample, drop_if, sample};
