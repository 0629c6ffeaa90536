//! The symbol tables and the debug information in the files of the loaded modules.
//!
//! Debug information in files of its own (`.debug`, `.dwp`, `.dwo`) is not looked for: it would
//! cost tens of megabytes for the system's libraries, and a dump can be completed elsewhere.

use super::{Symbol, mapped};
use crate::modules::Module;
use crate::place::is_bare;
use addr2line::gimli::{self, EndianSlice, RunTimeEndian};
use object::{CompressionFormat, Object, ObjectSection, ObjectSymbol, SymbolKind};
use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

type Bytes = EndianSlice<'static, RunTimeEndian>;

/// The tables of each module that a stack went through, kept for the next stack.
static TABLES: Mutex<Option<HashMap<Key, Option<Tables>>>> = Mutex::new(None);

/// A module by path and place: another library may be loaded where one was.
#[derive(PartialEq, Eq, Hash)]
struct Key {
    path: String,
    base: usize,
    build_id: Option<String>,
}

/// More bytes than this in one compressed section are taken for damage.
const MAX_SECTION: u64 = 2 << 30;

struct Tables {
    debug: Option<addr2line::Context<Bytes>>,
    /// Functions by address.
    functions: Vec<Function>,
}

struct Function {
    address: u64,
    size: u64,
    name: &'static [u8],
}

pub(super) struct Symbols(MutexGuard<'static, Option<HashMap<Key, Option<Tables>>>>);

impl Symbols {
    /// One at a time: whoever else wants names waits.
    pub(super) fn open() -> Self {
        Self(TABLES.lock().unwrap_or_else(PoisonError::into_inner))
    }

    pub(super) fn find(
        &mut self,
        ip: usize,
        module: Option<&Module>,
        found: &mut dyn FnMut(Symbol),
    ) {
        let Some(module) = module else { return };
        let key = Key {
            path: module.name().to_owned(),
            base: module.base(),
            build_id: module.build_id().map(str::to_owned),
        };
        let tables = self
            .0
            .get_or_insert_with(HashMap::new)
            .entry(key)
            .or_insert_with(|| Tables::read(module));
        if let Some(tables) = tables {
            // The call is before the address it returns to.
            let address = ip.wrapping_sub(module.base()).wrapping_sub(1) as u64;
            tables.find(address, found);
        }
    }
}

impl Tables {
    fn read(module: &Module) -> Option<Self> {
        let data = mapped::map(module.file())?;
        let file = object::File::parse(data).ok()?;
        // A library that was replaced on the disk since it was loaded names other functions.
        if let (Some(loaded), Ok(Some(on_disk))) = (module.build_id(), file.build_id())
            && !loaded.eq_ignore_ascii_case(&crate::modules::hex(on_disk))
        {
            return None;
        }
        let endian = if file.is_little_endian() {
            RunTimeEndian::Little
        } else {
            RunTimeEndian::Big
        };
        let dwarf = gimli::Dwarf::load(|id| {
            let bytes = section(&file, id.name()).unwrap_or(&[]);
            Ok::<_, gimli::Error>(EndianSlice::new(bytes, endian))
        });
        Some(Self {
            debug: dwarf
                .ok()
                .and_then(|dwarf| addr2line::Context::from_dwarf(dwarf).ok()),
            functions: functions(&file),
        })
    }

    fn find(&self, address: u64, found: &mut dyn FnMut(Symbol)) {
        let mut symbols = Vec::new();
        if let Some(debug) = &self.debug
            && let Ok(mut frames) = debug.find_frames(address).skip_all_loads()
        {
            while let Ok(Some(frame)) = frames.next() {
                let location = frame.location.as_ref();
                symbols.push(Symbol {
                    name: frame
                        .function
                        .and_then(|function| function.raw_name().ok().map(|name| demangled(&name))),
                    file: location.and_then(|place| place.file.map(str::to_owned)),
                    line: location.and_then(|place| place.line),
                    column: location.and_then(|place| place.column.filter(|&column| column > 0)),
                });
            }
        }
        if symbols.is_empty() {
            symbols.push(Symbol {
                name: None,
                file: None,
                line: None,
                column: None,
            });
        }
        // Line tables name functions without their paths; the symbol table has the whole name
        // of the function that the others are inlined into.
        if let Some(outer) = symbols.last_mut()
            && outer.name.as_deref().is_none_or(is_bare)
            && let Some(name) = self.function(address)
        {
            outer.name = Some(demangled(&String::from_utf8_lossy(name)));
        }
        for symbol in symbols {
            if symbol.name.is_some() || symbol.file.is_some() {
                found(symbol);
            }
        }
    }

    fn function(&self, address: u64) -> Option<&'static [u8]> {
        let after = self
            .functions
            .partition_point(|function| function.address <= address);
        let function = self.functions.get(after.checked_sub(1)?)?;
        // Written in assembly some have no size.
        let within = function.size == 0 || address - function.address < function.size;
        within.then_some(function.name)
    }
}

/// `{:#}` leaves out the hash of the symbol.
fn demangled(name: &str) -> String {
    format!("{:#}", rustc_demangle::demangle(name))
}

fn functions(file: &object::File<'static>) -> Vec<Function> {
    let mut functions: Vec<Function> = file.symbols().filter_map(function).collect();
    if functions.is_empty() {
        functions = file.dynamic_symbols().filter_map(function).collect();
    }
    // Of several names at one address the longest function's, then the first by the alphabet.
    functions
        .sort_unstable_by(|a, b| (a.address, a.size, b.name).cmp(&(b.address, b.size, a.name)));
    functions
}

fn function<'a>(symbol: impl ObjectSymbol<'a>) -> Option<Function>
where
    'a: 'static,
{
    let name = symbol.name_bytes().ok()?;
    let is_one = symbol.kind() == SymbolKind::Text && symbol.is_definition() && !name.is_empty();
    is_one.then(|| Function {
        address: symbol.address(),
        size: symbol.size(),
        name,
    })
}

/// The bytes of a section; inflated, and then kept for good, if it is compressed.
fn section(file: &object::File<'static>, name: &str) -> Option<&'static [u8]> {
    let data = file.section_by_name(name)?.compressed_data().ok()?;
    match data.format {
        CompressionFormat::None => Some(data.data),
        CompressionFormat::Zlib if data.uncompressed_size <= MAX_SECTION => {
            let size = usize::try_from(data.uncompressed_size).ok()?;
            let bytes = miniz_oxide::inflate::decompress_to_vec_zlib_with_limit(data.data, size);
            Some(Vec::leak(bytes.ok()?))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::Tables;

    #[test]
    fn a_file_that_was_replaced_names_nothing() {
        let exe = crate::modules().remove(0);
        // Not every linker gives one.
        if exe.build_id().is_none() {
            return;
        }
        assert!(Tables::read(&exe).is_some());
        assert!(Tables::read(&exe.with_build_id("00")).is_none());
    }
}
