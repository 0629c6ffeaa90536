//! The tail that threads share: where a line goes from `push` to a snapshot.
//!
//! `tail` is the face; `slot` tells a thread which shard it writes to, `journal` finds the shard's
//! segment, `segment` takes the bytes, and the `book` knows which segments there are. `snapshot`
//! puts together what they hold. `pending` keeps what `io::Write` has begun.

mod book;
mod journal;
mod pending;
mod segment;
mod slot;
mod snapshot;
mod tail;

pub use snapshot::{Entries, Entry, Snapshot, SnapshotLines};
pub use tail::SharedTail;

#[cfg(test)]
mod tests;
