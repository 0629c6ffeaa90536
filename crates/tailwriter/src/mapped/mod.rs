//! The tail in a mapped file: the path of a line from `push` to another process that reads it.
//!
//! It is the shared tail with its segments in a file. `tail` is the public type. Its journals write to
//! a `ring`, which is a `map` of a `file`. The file has a `header` and lines in the `checked` format,
//! with a checksum (`sum`). `recover` reads such a file, `scan` reads a segment of it, and `recovered`
//! is the public result. The [`format`](mod@format) is documented.

mod checked;
mod file;
pub mod format {
    #![doc = include_str!("format.md")]
}
mod header;
#[cfg(any(target_os = "linux", target_os = "macos", windows))]
mod map;
#[cfg(not(any(target_os = "linux", target_os = "macos", windows)))]
#[path = "unsupported.rs"]
mod map;
mod recover;
mod recovered;
mod ring;
mod scan;
mod sum;
mod tail;

pub use header::Unreadable;
pub use recovered::Recovered;
pub use tail::MappedTail;

#[cfg(all(test, any(target_os = "linux", target_os = "macos", windows)))]
mod faults;
#[cfg(all(test, any(target_os = "linux", target_os = "macos", windows)))]
mod tests;
