#![doc = include_str!("../README.md")]
// The exceptions: `clock::tsc` reads a counter of the processor, and `mapped::map` maps memory.
#![deny(unsafe_code)]

mod builder;
mod clock;
#[cfg(all(fuzzing, feature = "mmap"))]
pub mod fuzzing;
mod limits;
#[cfg(feature = "mmap")]
pub mod mapped;
mod shared;
mod shares;
mod sync;
#[cfg(test)]
#[cfg_attr(not(feature = "mmap"), allow(dead_code))]
mod testing;
mod writer;

pub use builder::Builder;
pub use limits::{CUT_MARK, DEFAULT_MAX_BYTES, DEFAULT_MAX_LINE_BYTES, MAX_CLASS};
#[cfg(feature = "mmap")]
pub use mapped::{MappedTail, Recovered, Unreadable};
pub use shared::{Begun, Entries, Entry, SharedTail, Snapshot, SnapshotLines, Words};
pub use shares::{Groups, MAX_KINDS, Shares};
pub use writer::{Lines, TailWriter};
