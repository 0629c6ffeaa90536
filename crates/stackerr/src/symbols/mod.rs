//! Names, files and lines for addresses in an ELF file: the one that [`StackTrace::frames`] uses
//! for the running process on Linux, and for any other file with feature `symbols`.
//!
//! A stripped program's stack has addresses and build-ids ([`Frame::address`],
//! [`Frame::build_id`]); the unstripped binary of the same build, or the file with the debug
//! information that was split off it, has the rest.
//!
#![cfg_attr(feature = "symbols", doc = "```")]
// Private without the feature, it is no example then.
#![cfg_attr(not(feature = "symbols"), doc = "```text")]
//! use stackerr::symbols::SymbolFile;
//!
//! # #[cfg(target_os = "linux")] {
//! let bytes = std::fs::read(std::env::current_exe()?)?;
//! let file = SymbolFile::parse(bytes, SymbolFile::DEFAULT_LIMIT)?;
//! let symbols = file.symbols()?;
//! let err = stackerr::err!("lost");
//! for frame in err.stack_traces().iter().flat_map(|trace| trace.frames()) {
//!     for symbol in symbols.find(frame.address() as u64) {
//!         println!("{} {:?} {:?}", symbol.name(), symbol.file(), symbol.line());
//!     }
//! }
//! # }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! [`StackTrace::frames`]: crate::StackTrace::frames
//! [`Frame::address`]: crate::Frame::address
//! [`Frame::build_id`]: crate::Frame::build_id

#[cfg(any(target_os = "linux", feature = "symbols"))]
mod dwarf;
#[cfg(any(target_os = "linux", feature = "symbols"))]
mod elf;
#[cfg(feature = "symbols")]
mod file;
#[cfg(any(target_os = "linux", feature = "symbols"))]
mod inflate;
mod symbol;
#[cfg(any(target_os = "linux", feature = "symbols"))]
mod symtab;
#[cfg(any(target_os = "linux", feature = "symbols"))]
mod tables;

#[cfg(feature = "symbols")]
pub use file::{SymbolError, SymbolFile, Symbols};
#[cfg_attr(not(feature = "symbols"), allow(unreachable_pub))]
pub use symbol::Symbol;

#[cfg(any(target_os = "linux", feature = "symbols"))]
pub(crate) use {dwarf::Sections, elf::Elf, inflate::inflate, tables::Tables};

/// A build-id as text.
#[cfg(any(target_os = "linux", feature = "symbols"))]
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
