//! The tail that threads share: the path of a line from `push` to a snapshot.
//!
//! `tail` is the public type, and `core` its implementation. `slot` assigns a shard to each thread,
//! `journal` finds the shard's segment in the `memory`, `segment` stores the bytes, and `segment_table`
//! lists the segments. `assemble` makes a `snapshot` of them. For shares, a `census` counts the groups
//! in a segment, the `archive` keeps lines of recycled segments, and `groups` selects the lines of a
//! snapshot. `unfinished` keeps the unfinished lines of `io::Write`.

mod archive;
pub(crate) mod assemble;
mod census;
pub(crate) mod core;
mod groups;
pub(crate) mod journal;
pub(crate) mod memory;
pub(crate) mod segment;
mod segment_table;
mod slot;
pub(crate) mod snapshot;
mod stored;
mod tail;
pub(crate) mod unfinished;

pub use self::core::Begun;
pub use segment::Words;
pub use snapshot::{Entries, Entry, Snapshot, SnapshotLines};
pub use tail::SharedTail;

#[cfg(all(test, loom))]
mod models;
#[cfg(all(test, not(loom)))]
mod share_tests;
#[cfg(all(test, not(loom)))]
mod tests;
