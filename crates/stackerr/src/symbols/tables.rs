//! The symbol table and the debug information of one file.

use super::Symbol;
use crate::place::is_bare;
use addr2line::gimli::{self, EndianSlice, RunTimeEndian};
use object::{Object, ObjectSymbol, SymbolKind};

pub(crate) type Bytes<'data> = EndianSlice<'data, RunTimeEndian>;

/// A name that is longer is damage.
const MAX_NAME: usize = 64 << 10;

/// What finds the functions at an address.
pub(crate) struct Tables<'data> {
    debug: Option<addr2line::Context<Bytes<'data>>>,
    /// Functions by address.
    functions: Vec<Function<'data>>,
}

struct Function<'data> {
    address: u64,
    size: u64,
    name: &'data [u8],
}

/// The debug information, out of sections that `section` finds by their names.
pub(crate) fn dwarf<'data>(
    file: &object::File<'data>,
    mut section: impl FnMut(&'static str) -> Option<&'data [u8]>,
) -> Option<gimli::Dwarf<Bytes<'data>>> {
    let endian = if file.is_little_endian() {
        RunTimeEndian::Little
    } else {
        RunTimeEndian::Big
    };
    let dwarf = gimli::Dwarf::load(|id| {
        let bytes = section(id.name()).unwrap_or(&[]);
        Ok::<_, gimli::Error>(EndianSlice::new(bytes, endian))
    });
    dwarf.ok()
}

impl<'data> Tables<'data> {
    pub(crate) fn new(
        file: &object::File<'data>,
        dwarf: Option<gimli::Dwarf<Bytes<'data>>>,
    ) -> Self {
        Self {
            debug: dwarf.and_then(|dwarf| addr2line::Context::from_dwarf(dwarf).ok()),
            functions: functions(file),
        }
    }

    /// The functions that contain the instruction at `address`, the innermost first.
    pub(crate) fn find(&self, address: u64, found: &mut dyn FnMut(Symbol)) {
        // No instruction is there, and what looks for the range up to its end overflows.
        if address == u64::MAX {
            return;
        }
        let mut symbols = Vec::new();
        if let Some(debug) = &self.debug
            && let Ok(mut frames) = debug.find_frames(address).skip_all_loads()
        {
            while let Ok(Some(frame)) = frames.next() {
                let location = frame.location.as_ref();
                symbols.push(Symbol {
                    name: frame
                        .function
                        .and_then(|function| demangled(&function.raw_name().ok()?)),
                    file: location.and_then(|place| place.file.map(str::to_owned)),
                    line: location.and_then(|place| place.line),
                    column: location.and_then(|place| place.column.filter(|&column| column > 0)),
                });
            }
        }
        if symbols.is_empty() {
            symbols.push(Symbol::default());
        }
        // Line tables name functions without their paths; the symbol table has the whole name
        // of the function that the others are inlined into.
        if let Some(outer) = symbols.last_mut()
            && outer.name.as_deref().is_none_or(is_bare)
            && let Some(name) = self.function(address)
            && let Some(name) = demangled(&String::from_utf8_lossy(name))
        {
            outer.name = Some(name);
        }
        for symbol in symbols {
            if symbol.name.is_some() || symbol.file.is_some() {
                found(symbol);
            }
        }
    }

    fn function(&self, address: u64) -> Option<&'data [u8]> {
        let after = self
            .functions
            .partition_point(|function| function.address <= address);
        let function = self.functions.get(after.checked_sub(1)?)?;
        // Written in assembly some have no size.
        let within = function.size == 0 || address - function.address < function.size;
        within.then_some(function.name)
    }

    /// Whether there is anything that could name a function.
    #[cfg(feature = "symbols")]
    pub(super) fn function_count(&self) -> usize {
        self.functions.len()
    }
}

/// `{:#}` leaves out the hash of the symbol.
fn demangled(name: &str) -> Option<String> {
    (name.len() <= MAX_NAME).then(|| format!("{:#}", rustc_demangle::demangle(name)))
}

fn functions<'data>(file: &object::File<'data>) -> Vec<Function<'data>> {
    let mut functions: Vec<Function<'data>> = file.symbols().filter_map(function).collect();
    if functions.is_empty() {
        functions = file.dynamic_symbols().filter_map(function).collect();
    }
    // Of several names at one address the longest function's, then the first by the alphabet.
    functions
        .sort_unstable_by(|a, b| (a.address, a.size, b.name).cmp(&(b.address, b.size, a.name)));
    functions
}

fn function<'data>(symbol: impl ObjectSymbol<'data>) -> Option<Function<'data>> {
    let name = symbol.name_bytes().ok()?;
    let is_one = symbol.kind() == SymbolKind::Text && symbol.is_definition() && !name.is_empty();
    is_one.then(|| Function {
        address: symbol.address(),
        size: symbol.size(),
        name,
    })
}
