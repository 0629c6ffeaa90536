//! A file with symbols: whatever its origin.

use super::hex;
use super::{Elf, Sections, Symbol, Tables, inflate};
use std::borrow::Cow;
use std::error::Error as StdError;
use std::fmt::{self, Display};

/// An ELF file: an executable, a shared object, or the debug information that was split off one
/// (`objcopy --only-keep-debug`).
///
/// It may be damaged or made to do harm: reading it ends in an error or in fewer names, and takes
/// memory in proportion to its size.
pub struct SymbolFile {
    bytes: Vec<u8>,
    /// Those of [`Sections::NAMES`] that are compressed in the file.
    inflated: [Option<Vec<u8>>; 10],
    build_id: Option<String>,
    debug_link: Option<(String, u32)>,
    debug_size: u64,
}

impl SymbolFile {
    /// One gibibyte.
    pub const DEFAULT_LIMIT: u64 = 1 << 30;

    /// Reads the headers of the file, and inflates sections of debug information that are
    /// compressed (zlib and Zstandard) to at most `limit` bytes in all.
    ///
    /// # Errors
    ///
    /// If it is no ELF file, is damaged, or is larger than `limit` once inflated.
    ///
    /// # Examples
    ///
    /// ```
    /// use stackerr::symbols::SymbolFile;
    ///
    /// let error = SymbolFile::parse(b"#!/bin/sh".to_vec(), 1 << 20).unwrap_err();
    /// assert_eq!(error.to_string(), "it is no ELF file");
    /// ```
    pub fn parse(bytes: Vec<u8>, limit: u64) -> Result<Self, SymbolError> {
        if !Self::is_elf(&bytes) {
            return Err(SymbolError::new("it is no ELF file"));
        }
        let elf = Elf::parse(&bytes).ok_or(DAMAGED)?;
        let mut inflated = [const { None }; 10];
        let mut debug_size = 0;
        let mut left = limit;
        let contents = elf.contents(Sections::NAMES).into_iter();
        for ((content, name), inflated) in contents.zip(Sections::NAMES).zip(&mut inflated) {
            let Some(content) = content else { continue };
            left = left.checked_sub(content.size).ok_or(SymbolError::new(
                "its debug information is larger than what may be read",
            ))?;
            debug_size += content.size;
            match inflate(&content, limit) {
                Some(Cow::Owned(data)) => *inflated = Some(data),
                Some(Cow::Borrowed(_)) => {}
                None => return Err(SymbolError::new(format!("its section {name} is damaged"))),
            }
        }
        let build_id = elf.build_id().map(hex);
        let debug_link = elf.debug_link();
        let debug_link =
            debug_link.map(|(name, crc)| (String::from_utf8_lossy(name).into_owned(), crc));
        Ok(Self {
            inflated,
            build_id,
            debug_link,
            debug_size,
            bytes,
        })
    }

    /// Whether a file that begins so is an ELF file.
    #[must_use]
    pub fn is_elf(start: &[u8]) -> bool {
        start.starts_with(b"\x7fELF")
    }

    /// The build-id in hexadecimal digits, if it has one: see
    /// [`Module::build_id`](crate::Module::build_id).
    #[must_use]
    pub fn build_id(&self) -> Option<&str> {
        self.build_id.as_deref()
    }

    /// The name of the file that the debug information was moved to, as the file itself has it
    /// (`.gnu_debuglink`), with the CRC-32 of that file's content.
    ///
    /// The name is whatever the file says, a path perhaps.
    #[must_use]
    pub fn debug_link(&self) -> Option<(&str, u32)> {
        let (name, crc) = self.debug_link.as_ref()?;
        Some((name, *crc))
    }

    /// Whether it has debug information, so that inlined functions, files and lines can be found.
    #[must_use]
    pub fn has_debug_info(&self) -> bool {
        self.debug_size > 0
    }

    /// The whole file.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// What finds names in it.
    ///
    /// # Errors
    ///
    /// If it is damaged, which [`SymbolFile::parse`] would have said before.
    pub fn symbols(&self) -> Result<Symbols<'_>, SymbolError> {
        let elf = Elf::parse(&self.bytes).ok_or(DAMAGED)?;
        let mut sections: [&[u8]; 10] = [&[]; 10];
        let contents = elf.contents(Sections::NAMES).into_iter();
        for ((content, inflated), section) in contents.zip(&self.inflated).zip(&mut sections) {
            if let Some(bytes) = inflated {
                *section = bytes;
            } else if let Some(content) = content
                && let Some(Cow::Borrowed(bytes)) = inflate(&content, 0)
            {
                *section = bytes;
            }
        }
        Ok(Symbols(Tables::new(elf, sections)))
    }
}

const DAMAGED: SymbolError = SymbolError(Cow::Borrowed("it is a damaged ELF file"));

impl fmt::Debug for SymbolFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SymbolFile")
            .field("build_id", &self.build_id)
            .field("debug_link", &self.debug_link)
            .field("debug_size", &self.debug_size)
            .finish_non_exhaustive()
    }
}

/// The names, files and lines in a [`SymbolFile`].
pub struct Symbols<'data>(Tables<'data>);

impl Symbols<'_> {
    /// The functions that the call before the return address `address` is in, which is relative
    /// to the module's load bias, as [`Frame::address`](crate::Frame::address) is: the innermost
    /// inlined one first, the one that they are inlined into last. Empty if nothing is known.
    ///
    /// Nothing is kept from one look to the next: those of several addresses are found by
    /// [`find_all`](Self::find_all) in little more time than those of one.
    #[must_use]
    pub fn find(&self, address: u64) -> Vec<Symbol> {
        self.find_all(&[address]).pop().unwrap_or_default()
    }

    /// The functions at each of the addresses, as [`find`](Self::find) has them.
    ///
    /// # Examples
    ///
    /// ```
    /// use stackerr::symbols::SymbolFile;
    ///
    /// # #[cfg(target_os = "linux")] {
    /// let bytes = std::fs::read(std::env::current_exe()?)?;
    /// let file = SymbolFile::parse(bytes, SymbolFile::DEFAULT_LIMIT)?;
    /// let err = stackerr::err!("lost");
    /// let traces = err.stack_traces();
    /// let frames = traces.iter().flat_map(|trace| trace.frames());
    /// let addresses: Vec<u64> = frames.map(|frame| frame.address() as u64).collect();
    /// let found = file.symbols()?.find_all(&addresses);
    /// assert_eq!(found.len(), addresses.len());
    /// # }
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn find_all(&self, addresses: &[u64]) -> Vec<Vec<Symbol>> {
        // The call is before the address it returns to. No instruction is at the last address
        // of all, which stands here for the one before the first.
        let calls = addresses.iter().map(|address| address.wrapping_sub(1));
        self.0.find(&calls.collect::<Vec<_>>())
    }
}

impl fmt::Debug for Symbols<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Symbols").finish_non_exhaustive()
    }
}

/// Why a file can't be used; the message reads on from the file's name.
#[derive(Debug)]
pub struct SymbolError(Cow<'static, str>);

impl SymbolError {
    pub(super) fn new(message: impl Into<Cow<'static, str>>) -> Self {
        Self(message.into())
    }
}

impl Display for SymbolError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl StdError for SymbolError {}
