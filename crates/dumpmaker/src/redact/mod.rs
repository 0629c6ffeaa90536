//! Masks the secrets in a dump: in records and their fields, messages of errors, arguments, metadata,
//! spans, stacks, threads. Each text is masked as what it is.

mod mask;
mod pairs;
mod redacting;

pub use mask::redact;
pub(crate) use mask::redact_stacks;
pub use pairs::MaskedPairs;
pub(crate) use redacting::Redacting;
