//! A file with symbols: an executable, a shared object, or a file with split debug information
//! (`objcopy --only-keep-debug`).

use std::borrow::Cow;
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::Path;

use addr2line::gimli::{DwarfSections, EndianSlice, RunTimeEndian, SectionId};
use object::{Object, ObjectSection, ObjectSymbol, SymbolKind};

use crate::error::{CliError, Result};
use crate::render::count;

#[cfg(test)]
mod tests;

/// A longer name is a sign of damage.
const MAX_NAME: usize = 64 << 10;

/// The sections with names, files and lines.
const SECTIONS: [SectionId; 10] = [
    SectionId::DebugAbbrev,
    SectionId::DebugAddr,
    SectionId::DebugAranges,
    SectionId::DebugInfo,
    SectionId::DebugLine,
    SectionId::DebugLineStr,
    SectionId::DebugRanges,
    SectionId::DebugRngLists,
    SectionId::DebugStr,
    SectionId::DebugStrOffsets,
];

/// An ELF file in memory. It is read, not mapped, because another process may truncate the file.
#[derive(Debug)]
pub(crate) struct Binary {
    bytes: Vec<u8>,
    /// The sections that are compressed in the file.
    inflated: Vec<(SectionId, Vec<u8>)>,
    build_id: Option<String>,
    debug_link: Option<(String, u32)>,
    has_debug_info: bool,
}

impl Binary {
    /// Reads a file of at most `max_size` bytes. Its decompressed debug information may also have at
    /// most `max_size` bytes.
    pub(crate) fn read(path: &Path, max_size: u64) -> Result<Binary> {
        let bytes = read_binary(path, max_size, is_elf)?;
        Binary::parse(bytes, max_size).map_err(|why| CliError::at(path, why))
    }

    /// Reads the headers, and decompresses sections to at most `limit` bytes in total.
    ///
    /// # Errors
    ///
    /// If the file can't be used, with the reason.
    pub(crate) fn parse(bytes: Vec<u8>, limit: u64) -> std::result::Result<Binary, String> {
        if !is_elf(&bytes) {
            return Err(match kind(&bytes) {
                Some(kind) => format!("it is {kind}, not an ELF file"),
                None => "it is not an ELF file".to_owned(),
            });
        }
        let file = parse(&bytes)?;
        let mut inflated = Vec::new();
        let mut left = limit;
        for id in SECTIONS {
            let Some(section) = file.section_by_name(id.name()) else {
                continue;
            };
            let damaged = |error| format!("its section {} is damaged: {error}", id.name());
            let data = section.compressed_data().map_err(damaged)?;
            left = left
                .checked_sub(data.uncompressed_size)
                .ok_or("its debug information is larger than --max-size allows")?;
            if let Cow::Owned(data) = data.decompress().map_err(damaged)? {
                inflated.push((id, data));
            }
        }
        Ok(Binary {
            build_id: file.build_id().ok().flatten().map(hex),
            debug_link: file.gnu_debuglink().ok().flatten().map(|(name, crc)| {
                let name = String::from_utf8_lossy(name);
                (name.into_owned(), crc)
            }),
            has_debug_info: left < limit,
            inflated,
            bytes,
        })
    }

    pub(crate) fn build_id(&self) -> Option<&str> {
        self.build_id.as_deref()
    }

    /// The name of the file that the debug information was moved to, and the CRC-32 of that file, from
    /// `.gnu_debuglink`. The name may be a path.
    pub(crate) fn debug_link(&self) -> Option<(&str, u32)> {
        let (name, crc) = self.debug_link.as_ref()?;
        Some((name, *crc))
    }

    pub(crate) fn has_debug_info(&self) -> bool {
        self.has_debug_info
    }

    pub(crate) fn crc(&self) -> u32 {
        crc32fast::hash(&self.bytes)
    }

    /// The symbols of the file, which find names, files and lines.
    ///
    /// # Errors
    ///
    /// If the debug information is damaged.
    pub(crate) fn symbols(&self) -> std::result::Result<Symbols<'_>, String> {
        let file = parse(&self.bytes)?;
        let endian = match file.is_little_endian() {
            true => RunTimeEndian::Little,
            false => RunTimeEndian::Big,
        };
        let sections = DwarfSections::load(|id| {
            let inflated = self.inflated.iter().find(|(name, _)| *name == id);
            Ok::<&[u8], object::Error>(match (inflated, file.section_by_name(id.name())) {
                (Some((_, data)), _) => data,
                (None, Some(section)) if SECTIONS.contains(&id) => section.data()?,
                _ => &[],
            })
        });
        let damaged = |error: String| format!("its debug information is damaged: {error}");
        let sections = sections.map_err(|error| damaged(error.to_string()))?;
        let dwarf = sections.borrow(|data| EndianSlice::new(data, endian));
        let lines = addr2line::Context::from_dwarf(dwarf);
        Ok(Symbols {
            lines: lines.map_err(|error| damaged(error.to_string()))?,
            functions: functions(&file),
        })
    }
}

/// Reads a file that is not larger than `max_size`. Reads only its first bytes if `wanted` refuses them.
pub(crate) fn read_binary(
    path: &Path,
    max_size: u64,
    wanted: fn(&[u8]) -> bool,
) -> Result<Vec<u8>> {
    let failed = |error: io::Error| CliError::reading(path, &error);
    // Reading a device or a pipe may never end.
    let metadata = fs::metadata(path).map_err(failed)?;
    if !metadata.is_file() {
        return Err(CliError::at(path, "it is not a regular file"));
    }
    if metadata.len() > max_size {
        let size = count::bytes(max_size);
        let why = format!("it is larger than {size}; a larger --max-size allows more");
        return Err(CliError::at(path, why));
    }
    let mut file = File::open(path).map_err(failed)?;
    let mut bytes = Vec::new();
    file.by_ref()
        .take(64)
        .read_to_end(&mut bytes)
        .map_err(failed)?;
    if wanted(&bytes) {
        bytes.reserve(metadata.len() as usize);
        let rest = max_size.saturating_sub(bytes.len() as u64);
        file.take(rest).read_to_end(&mut bytes).map_err(failed)?;
    }
    Ok(bytes)
}

fn is_elf(start: &[u8]) -> bool {
    start.starts_with(&object::elf::ELFMAG)
}

/// The format of a file that is not ELF.
fn kind(start: &[u8]) -> Option<&'static str> {
    const KINDS: &[(&[u8], &str)] = &[
        (b"#!", "a script"),
        (b"MZ", "a Windows program, whose symbols are in a .pdb"),
        (b"Microsoft C/C++", "a .pdb"),
        (b"\xcf\xfa\xed\xfe", "a Mach-O file"),
        (b"\xca\xfe\xba\xbe", "a Mach-O file"),
        (b"!<arch>", "a static library"),
        (b"\x1f\x8b", "compressed by gzip"),
        (b"\x28\xb5\x2f\xfd", "compressed by zstd"),
        (b"{", "JSON"),
    ];
    let kind = KINDS.iter().find(|(magic, _)| start.starts_with(magic));
    kind.map(|(_, kind)| *kind)
}

fn parse(bytes: &[u8]) -> std::result::Result<object::File<'_>, String> {
    object::File::parse(bytes).map_err(|_| "it is a damaged ELF file".to_owned())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A function of the symbol table.
#[derive(Debug)]
struct Function<'data> {
    address: u64,
    size: u64,
    name: &'data [u8],
}

/// The functions of the symbol table by address, or if it has none, those that are exported.
fn functions<'data>(file: &object::File<'data>) -> Vec<Function<'data>> {
    let collect = |symbols: object::SymbolIterator<'data, '_>| {
        let functions = symbols.filter(|symbol| {
            symbol.kind() == SymbolKind::Text && (symbol.is_definition() || symbol.size() > 0)
        });
        let functions = functions.filter_map(|symbol| {
            let name = symbol.name_bytes().ok()?;
            let is_name = (1..MAX_NAME).contains(&name.len());
            is_name.then_some(Function {
                address: symbol.address(),
                size: symbol.size(),
                name,
            })
        });
        functions.collect::<Vec<_>>()
    };
    let mut functions = collect(file.symbols());
    if functions.is_empty() {
        functions = collect(file.dynamic_symbols());
    }
    // Of several at one address the last is used: the longest, and of these the alphabetically first.
    functions.sort_unstable_by(|a, b| {
        let by_place = (a.address, a.size).cmp(&(b.address, b.size));
        by_place.then_with(|| b.name.cmp(a.name))
    });
    functions
}

/// One function at an address.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Symbol {
    /// Demangled, without the hash.
    pub(crate) name: Option<String>,
    pub(crate) file: Option<String>,
    pub(crate) line: Option<u32>,
    pub(crate) column: Option<u32>,
}

/// The debug information and the symbol table of a [`Binary`].
pub(crate) struct Symbols<'data> {
    lines: addr2line::Context<EndianSlice<'data, RunTimeEndian>>,
    functions: Vec<Function<'data>>,
}

impl Symbols<'_> {
    /// The functions around the call before a return address, innermost first: the inlined functions,
    /// then the function that they were inlined into. Empty if nothing is known.
    pub(crate) fn find(&self, address: u64) -> Vec<Symbol> {
        // The call instruction is before the return address.
        let Some(call) = address.checked_sub(1) else {
            return Vec::new();
        };
        let mut symbols = Vec::new();
        // Damage ends the list.
        if let Ok(mut frames) = self.lines.find_frames(call).skip_all_loads() {
            while let Ok(Some(frame)) = frames.next() {
                let name = frame
                    .function
                    .and_then(|function| demangled(function.name.slice()));
                let place = frame.location.as_ref();
                let line = place.and_then(|place| place.line).filter(|line| *line > 0);
                symbols.push(Symbol {
                    name,
                    file: place.and_then(|place| place.file).map(str::to_owned),
                    line,
                    column: place
                        .and_then(|place| place.column)
                        .filter(|column| *column > 0 && line.is_some()),
                });
            }
        }
        if symbols.is_empty() {
            symbols.push(Symbol::default());
        }
        // Line tables name functions without their paths. The symbol table has the full name of the
        // outermost function.
        if let Some(outer) = symbols.last_mut()
            && outer.name.as_deref().is_none_or(is_bare)
            && let Some(name) = self.function(call)
        {
            outer.name = Some(name);
        }
        symbols.retain(|symbol| symbol.name.is_some() || symbol.file.is_some());
        symbols
    }

    /// The name that the symbol table has for the function around an address.
    fn function(&self, address: u64) -> Option<String> {
        let after = self
            .functions
            .partition_point(|function| function.address <= address);
        let function = &self.functions[after.checked_sub(1)?];
        // Functions written in assembly may have no size.
        let is_within = function.size == 0 || address - function.address < function.size;
        is_within.then(|| demangled(function.name)).flatten()
    }
}

fn demangled(name: &[u8]) -> Option<String> {
    let name = (name.len() < MAX_NAME).then(|| String::from_utf8_lossy(name))?;
    // `{:#}` leaves out the hash.
    Some(format!("{:#}", rustc_demangle::demangle(&name)))
}

/// Whether the name of a function lacks its path: `parse` or `from<T>`.
fn is_bare(name: &str) -> bool {
    let head = name.split('<').next().unwrap_or("");
    !head.is_empty() && !head.contains("::")
}
