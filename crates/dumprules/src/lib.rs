#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

pub mod heartbeats;
mod limit;
mod memory_limit;
mod polled;
mod polling;
mod records;
mod rule;
mod rules;
mod spans;
mod text;

pub use limit::Outcome;
pub use memory_limit::MemoryLimit;
pub use polling::Poller;
pub use rule::Rule;
pub use rules::Rules;
pub use text::{RuleError, parse_list};
