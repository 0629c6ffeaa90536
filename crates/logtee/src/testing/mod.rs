//! For tests: a sink that keeps records, a writer that keeps bytes, and sinks for tests that run at the
//! same time.

mod by_thread;
mod captured;
mod kept;

pub use by_thread::{ByThread, ThreadGuard};
pub use captured::Captured;
pub use kept::{Bytes, Memory};
