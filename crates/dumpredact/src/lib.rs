#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod mask;
mod redacting;

pub use mask::{redact, redact_stacks};
pub use redacting::{Redacting, RedactingGuard};
