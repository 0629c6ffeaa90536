#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

// While the process runs.
mod area;
mod outline;
mod ring;

// After it has ended.
mod crash;
mod orphan;

pub use orphan::Orphan;
pub use ring::{CrashRing, Notice};
