//! The symbol table: functions by address, without files and lines.

use super::elf::{Elf, Section};
use std::cmp::Ordering;

const SHT_SYMTAB: u32 = 2;
const SHT_DYNSYM: u32 = 11;
const STT_FUNC: u8 = 2;
const SHN_LORESERVE: u64 = 0xff00;
const SHN_XINDEX: u64 = 0xffff;

/// A name that is longer is damage.
const MAX_NAME: usize = 64 << 10;

/// How much of two names is compared.
const COMPARED: usize = 1 << 10;

#[derive(Clone, Copy)]
struct Function<'data> {
    address: u64,
    size: u64,
    /// The name and all that comes behind it: most are never asked for.
    name: &'data [u8],
}

impl<'data> Elf<'data> {
    /// The functions that the addresses lie in, which are sorted: those of the symbol table, or
    /// if it has none at all, those that are exported.
    pub(super) fn functions(&self, addresses: &[(u64, u32)]) -> Vec<Option<&'data [u8]>> {
        let mut found = vec![None; addresses.len()];
        for kind in [SHT_SYMTAB, SHT_DYNSYM] {
            let table = self.sections().find(|section| section.kind == kind);
            if let Some(table) = table
                && self.scan(table, addresses, &mut found) == Some(true)
            {
                break;
            }
        }
        // So far each address has the last function behind the address before it.
        let mut last: Option<Function<'_>> = None;
        let functions = addresses.iter().zip(found);
        functions
            .map(|(&(address, _), function)| {
                last = function.or(last);
                let last = last?;
                // Written in assembly some have no size.
                let is_within = last.size == 0 || address - last.address < last.size;
                is_within.then(|| text(last.name, MAX_NAME)).flatten()
            })
            .collect()
    }

    /// Goes through a table; whether it has any function.
    fn scan(
        &self,
        table: Section,
        addresses: &[(u64, u32)],
        found: &mut [Option<Function<'data>>],
    ) -> Option<bool> {
        let mut symbols = self.cursor(self.data(table)?);
        let names = self.data(self.section_at(table.link)?)?;
        let mut any = false;
        loop {
            let (name, info, section, address, size);
            if symbols.len() == 0 {
                return Some(any);
            }
            name = symbols.number(4)?;
            if self.wide {
                info = symbols.byte()?;
                symbols.skip(1)?;
                section = symbols.number(2)?;
                address = symbols.number(8)?;
                size = symbols.number(8)?;
            } else {
                address = symbols.number(4)?;
                size = symbols.number(4)?;
                info = symbols.byte()?;
                symbols.skip(1)?;
                section = symbols.number(2)?;
            }
            let is_defined = (1..SHN_LORESERVE).contains(&section) || section == SHN_XINDEX;
            if info & 0xf != STT_FUNC || !is_defined {
                continue;
            }
            let name = names.get(name as usize..).unwrap_or(&[]);
            if matches!(name, [] | [0, ..]) {
                continue;
            }
            any = true;
            let function = Function {
                address,
                size,
                name,
            };
            // The first address that is not before it.
            let at = addresses.partition_point(|&(wanted, _)| wanted < address);
            if let Some(slot) = found.get_mut(at)
                && slot.is_none_or(|other| other.is_less(&function))
            {
                *slot = Some(function);
            }
        }
    }
}

impl Function<'_> {
    /// Of several names at one address the longest function's counts, then the first by the
    /// alphabet.
    fn is_less(&self, other: &Self) -> bool {
        let by_place = (self.address, self.size).cmp(&(other.address, other.size));
        let by_name = || text_start(other.name).cmp(text_start(self.name));
        by_place.then_with(by_name) == Ordering::Less
    }
}

fn text_start(name: &[u8]) -> &[u8] {
    text(name, COMPARED).unwrap_or(&name[..COMPARED.min(name.len())])
}

/// What comes before a zero byte, if one does.
fn text(name: &[u8], max: usize) -> Option<&[u8]> {
    let name = &name[..max.min(name.len())];
    let end = name.iter().position(|&byte| byte == 0)?;
    Some(&name[..end])
}
