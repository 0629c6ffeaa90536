//! Watches: a heartbeat that does not come asks for a dump.
//!
//! One thread looks after all watches of a program. It counts heartbeats at intervals rather than
//! taking the time of each, so that a heartbeat costs a few nanoseconds. It counts only time in which
//! it ran itself: a process that was stopped, or whose machine was suspended, does not hang.

mod heartbeat;
mod thread_id;
mod watches;

pub use heartbeat::{Heartbeat, Watcher, watch};
pub use watches::{Hang, Watches};
