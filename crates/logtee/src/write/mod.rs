//! Formats records and writes them to an `io::Write`.

mod console;
mod lock;
mod once;
mod scratch;
mod sink;

pub use console::stderr;
pub use once::{FormatOnce, FormatOnceBuilder, format_once};
pub use sink::WriteSink;
