//! The tail in a mapped file: where a line goes from `push` to another process that reads it.
//!
//! It is the shared tail with its segments elsewhere. `tail` is what users see; a `ring` is the memory
//! that its journals write to, seen through a `map` of a `file`. Lines lie there in the `checked`
//! format, with a checksum (`sum`), behind a `header`. `recover` reads such a file, `scan` a segment
//! of it, and `recovered` is what they return. The [`format`](mod@format) is documented.

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
