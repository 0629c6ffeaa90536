#![doc = include_str!("../README.md")]
// The exceptions are `clock::tsc`, which reads a counter of the processor, and `mapped::map`, which
// maps memory.
#![deny(unsafe_code)]

mod builder;
mod clock;
#[cfg(all(fuzzing, feature = "mmap"))]
pub mod fuzzing;
mod limits;
mod lines;
#[cfg(feature = "mmap")]
pub mod mapped;
mod shared;
mod sync;
#[cfg(test)]
#[cfg_attr(not(feature = "mmap"), allow(dead_code))]
mod testing;
mod writer;

pub use builder::Builder;
pub use limits::{CUT_MARK, DEFAULT_MAX_BYTES, DEFAULT_MAX_LINE_BYTES};
pub use lines::Lines;
#[cfg(feature = "mmap")]
pub use mapped::{MappedTail, Recovered};
pub use shared::{Entries, Entry, SharedTail, Snapshot, SnapshotLines};
pub use writer::TailWriter;
