//! The symbol table and the debug information of one file.

use super::Symbol;
use super::dwarf::{Sections, sort};
use super::elf::Elf;
use crate::place::is_bare;

/// A name that is longer is damage.
const MAX_NAME: usize = 64 << 10;

/// What finds the functions at addresses.
pub(crate) struct Tables<'data> {
    elf: Elf<'data>,
    debug: Sections<'data>,
}

impl<'data> Tables<'data> {
    /// The sections with debug information are in the order of [`Sections::NAMES`].
    pub(crate) fn new(elf: Elf<'data>, sections: [&'data [u8]; 10]) -> Self {
        Self {
            debug: Sections::new(sections, elf.big),
            elf,
        }
    }

    /// The functions that contain the instruction at each address, the innermost first. Those of
    /// many addresses at once are found in little more time than those of one.
    pub(crate) fn find(&self, addresses: &[u64]) -> Vec<Vec<Symbol>> {
        let mut found = Vec::new();
        found.resize_with(addresses.len(), Vec::new);
        let mut sorted: Vec<(u64, u32)> = addresses.iter().copied().zip(0..).collect();
        sort(&mut sorted);
        let debug = self.debug.find(&sorted);
        let functions = self.elf.functions(&sorted);
        let found_by_both = sorted.iter().zip(debug).zip(functions);
        for ((&(address, index), mut symbols), function) in found_by_both {
            // No instruction is there.
            if address == u64::MAX {
                continue;
            }
            if symbols.is_empty() {
                symbols.push(Symbol::default());
            }
            // Line tables name functions without their paths; the symbol table has the whole
            // name of the function that the others are inlined into.
            if let Some(outer) = symbols.last_mut()
                && outer.name.as_deref().is_none_or(is_bare)
                && let Some(name) = function.and_then(demangled)
            {
                outer.name = Some(name);
            }
            symbols.retain(|symbol| symbol.name.is_some() || symbol.file.is_some());
            found[index as usize] = symbols;
        }
        found
    }
}

/// A function's name without the hash of its symbol, which `{:#}` leaves out.
pub(super) fn demangled(name: &[u8]) -> Option<String> {
    if name.len() > MAX_NAME {
        return None;
    }
    let name = String::from_utf8_lossy(name);
    Some(format!("{:#}", rustc_demangle::demangle(&name)))
}
