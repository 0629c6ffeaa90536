//! Watches: a heartbeat that is late is a hang.
//!
//! One thread checks all watches of a recorder. It counts heartbeats at intervals and does not take the
//! time of each, so a heartbeat costs a few nanoseconds. Time in which that thread did not run does not
//! count: a process that was stopped, or whose machine was suspended, does not hang.

mod heartbeat;
mod thread_id;
mod watches;

pub use heartbeat::{Heartbeat, Watcher, watch};
pub use watches::{Hang, Watches};
