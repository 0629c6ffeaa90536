//! The tail in a mapped file: where a line goes from `push` to another process that reads it.
//!
//! It is the shared tail with its segments elsewhere. `tail` is the face; a `ring` is the memory
//! that its journals write to, seen through a `map` of a `file`; lines lie there in the `checked`
//! format, with a checksum (`sum`), behind a `header`. `recover` reads such a file, `scan` a segment
//! of it, and `recovered` is what they give. The [`format`](mod@format) is written down.

mod checked;
mod file;
pub mod format;
mod header;
mod identity;
#[cfg(any(target_os = "linux", target_os = "macos"))]
mod map;
#[cfg(not(any(target_os = "linux", target_os = "macos")))]
#[path = "nowhere.rs"]
mod map;
mod recover;
mod recovered;
mod ring;
mod scan;
mod sum;
mod tail;

pub use recovered::Recovered;
pub use tail::MappedTail;

#[cfg(all(test, any(target_os = "linux", target_os = "macos")))]
mod faults;
#[cfg(all(test, any(target_os = "linux", target_os = "macos")))]
mod tests;
