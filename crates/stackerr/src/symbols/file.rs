//! A file with symbols: whatever its origin.

use super::{Symbol, Tables, dwarf, inflate, section, vet};
use crate::modules::hex;
use addr2line::gimli;
use object::Object;
use std::borrow::Cow;
use std::collections::HashMap;
use std::error::Error as StdError;
use std::fmt::{self, Display};

/// An ELF file: an executable, a shared object, or the debug information that was split off one
/// (`objcopy --only-keep-debug`).
///
/// It may be damaged or made to do harm: reading it ends in an error or in fewer names, and takes
/// memory in proportion to its size.
pub struct SymbolFile {
    bytes: Vec<u8>,
    inflated: HashMap<&'static str, Vec<u8>>,
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
        let damaged = || SymbolError::new("it is a damaged ELF file");
        let file = object::File::parse(&*bytes).map_err(|_| damaged())?;
        let mut inflated = HashMap::new();
        let mut debug_size = 0;
        let mut left = limit;
        for name in section_names() {
            let Some(data) = section(&file, name) else {
                continue;
            };
            let data = data.map_err(|_| damaged())?;
            if data.uncompressed_size > left {
                return Err(SymbolError::new(
                    "its debug information is larger than what may be read",
                ));
            }
            left -= data.uncompressed_size;
            debug_size += data.uncompressed_size;
            match inflate(data, limit) {
                Some(Cow::Owned(data)) => {
                    inflated.insert(name, data);
                }
                Some(Cow::Borrowed(_)) => {}
                None => return Err(SymbolError::new(format!("its section {name} is damaged"))),
            }
        }
        let build_id = file.build_id().ok().flatten().map(hex);
        let debug_link = file.gnu_debuglink().ok().flatten();
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
    /// If its debug information is made to take up more memory than its size is worth.
    pub fn symbols(&self) -> Result<Symbols<'_>, SymbolError> {
        // It was parsed before.
        let file = object::File::parse(&*self.bytes)
            .map_err(|_| SymbolError::new("it is a damaged ELF file"))?;
        let mut dwarf = dwarf(&file, |name| self.section(&file, name));
        if let Some(dwarf) = &mut dwarf {
            vet::vet(dwarf, self.debug_size)?;
        }
        Ok(Symbols(Tables::new(&file, dwarf)))
    }

    fn section<'data>(&'data self, file: &object::File<'data>, name: &str) -> Option<&'data [u8]> {
        if let Some(data) = self.inflated.get(name) {
            return Some(data);
        }
        let data = section(file, name)?.ok()?;
        match inflate(data, 0)? {
            Cow::Borrowed(data) => Some(data),
            Cow::Owned(_) => None,
        }
    }
}

/// The sections that names and lines are read from.
fn section_names() -> impl Iterator<Item = &'static str> {
    use gimli::SectionId::*;
    [
        DebugAbbrev,
        DebugAddr,
        DebugAranges,
        DebugInfo,
        DebugLine,
        DebugLineStr,
        DebugRanges,
        DebugRngLists,
        DebugStr,
        DebugStrOffsets,
    ]
    .into_iter()
    .map(gimli::SectionId::name)
}

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
    #[must_use]
    pub fn find(&self, address: u64) -> Vec<Symbol> {
        let mut symbols = Vec::new();
        // The call is before the address it returns to.
        if let Some(call) = address.checked_sub(1) {
            self.0.find(call, &mut |symbol| symbols.push(symbol));
        }
        symbols
    }
}

impl fmt::Debug for Symbols<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Symbols")
            .field("functions", &self.0.function_count())
            .finish_non_exhaustive()
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
