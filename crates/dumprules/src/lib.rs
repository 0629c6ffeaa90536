#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod limit;
mod memory_limit;
mod polling;
mod records;
mod rule;
mod rules;
mod spans;
mod text;

pub use memory_limit::MemoryLimit;
pub use polling::Poller;
pub use rule::Rule;
pub use rules::{Outcome, Rules};
pub use text::{RuleError, parse_list};
