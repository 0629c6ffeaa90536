//! Masks the secrets in all texts of a dump: records, fields, errors, arguments, metadata, spans, stacks
//! and threads. Each text is masked according to its kind.

mod mask;
mod pairs;
mod redacting;

pub use mask::redact;
pub(crate) use mask::redact_stacks;
pub use pairs::MaskedPairs;
pub(crate) use redacting::Redacting;
