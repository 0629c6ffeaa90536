//! The tail that threads share: where a line goes from `push` to a snapshot.
//!
//! `tail` is what users see, and `core` what a tail does. `slot` tells a thread which shard it writes
//! to, `journal` finds the shard's segment in the `memory`, `segment` takes the bytes, and the
//! `segment_table` knows which segments there are. `assemble` puts together what they hold, as a
//! `snapshot`. Where groups of lines have shares, a `census` says what groups a segment has, the
//! `archive` keeps lines of segments that are recycled, and `groups` finds what belongs in a snapshot.
//! `unfinished` keeps what `io::Write` has begun.

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
