//! Debug information of unknown origin, looked through before it is trusted.
//!
//! What reads it (`gimli`, `addr2line`) never leaves the file's bytes, but takes memory for
//! whatever they claim, and a stack frame for each level of inlined functions. So each unit is
//! walked through once, one at a time, and what it would take is counted.

use super::SymbolError;
use super::budget::Budget;
use super::tables::Bytes;
use addr2line::gimli::{self, AbbreviationsCacheStrategy, Reader, Section};
use std::collections::HashSet;

type Dwarf<'data> = gimli::Dwarf<Bytes<'data>>;
type Unit<'data> = gimli::Unit<Bytes<'data>>;

/// Functions inlined into each other; compilers stop long before.
const MAX_INLINED: usize = 256;

/// A path that is longer is damage.
const MAX_PATH: usize = 64 << 10;

/// Bytes of memory for each of these, somewhat more than there are.
const UNIT: u64 = 768;
const ABBREVIATION_BYTE: u64 = 32;
const LINE_BYTE: u64 = 32;
const FILE: u64 = 160;
const FUNCTION: u64 = 192;
const RANGE: u64 = 48;

/// Whether the debug information can be read in an amount of memory that is proportionate to
/// `bytes`, the size of its sections. What is merely damaged passes: it names nothing.
pub(super) fn vet(dwarf: &mut Dwarf<'_>, bytes: u64) -> Result<(), SymbolError> {
    let mut budget = Budget::of(bytes);
    abbreviations(dwarf, &mut budget)?;
    // Units that share a table must share it in memory, too.
    dwarf.populate_abbreviations_cache(AbbreviationsCacheStrategy::All);
    let mut headers = dwarf.units();
    while let Ok(Some(header)) = headers.next() {
        budget.take(1, UNIT)?;
        if let Ok(unit) = dwarf.unit(header) {
            lines(dwarf, &unit, &mut budget)?;
            entries(dwarf, &unit, &mut budget)?;
        }
    }
    Ok(())
}

/// Tables of abbreviations may overlap.
fn abbreviations(dwarf: &Dwarf<'_>, budget: &mut Budget) -> Result<(), SymbolError> {
    let mut seen = HashSet::new();
    let mut headers = dwarf.units();
    while let Ok(Some(header)) = headers.next() {
        let offset = header.debug_abbrev_offset().0;
        if seen.insert(offset) {
            budget.take(1, UNIT)?;
            let mut table = *dwarf.debug_abbrev.reader();
            if table.skip(offset).is_err() {
                continue;
            }
            let start = table.len();
            // Damage ends a table; what came before it was read all the same.
            let _ = skip_table(&mut table);
            budget.take((start - table.len()) as u64, ABBREVIATION_BYTE)?;
        }
    }
    Ok(())
}

/// Reads over one table of abbreviations.
fn skip_table(table: &mut Bytes<'_>) -> gimli::Result<()> {
    while table.read_uleb128()? != 0 {
        table.read_uleb128()?; // the tag
        table.read_u8()?; // whether it has children
        loop {
            let name = table.read_uleb128()?;
            let form = table.read_uleb128()?;
            if name == 0 && form == 0 {
                break;
            }
            if form == u64::from(gimli::DW_FORM_implicit_const.0) {
                table.read_sleb128()?;
            }
        }
    }
    Ok(())
}

/// The line program, and the paths of its files, each of which is put together in memory.
fn lines(dwarf: &Dwarf<'_>, unit: &Unit<'_>, budget: &mut Budget) -> Result<(), SymbolError> {
    let Some(program) = &unit.line_program else {
        return Ok(());
    };
    let header = program.header();
    budget.take(header.raw_program_buf().len() as u64, LINE_BYTE)?;
    budget.take(header.include_directories().len() as u64, FILE)?;
    budget.take(header.file_names().len() as u64, FILE)?;
    let length = |value| dwarf.attr_string(unit, value).map_or(0, |text| text.len());
    let base = unit.comp_dir.map_or(0, |dir| dir.len());
    for file in header.file_names() {
        let dir = file.directory(header).map_or(0, length);
        let path = base
            .saturating_add(dir)
            .saturating_add(length(file.path_name()));
        if path > MAX_PATH {
            return Err(SymbolError::new(
                "its debug information has a path without end",
            ));
        }
        budget.take(path as u64, 1)?;
    }
    Ok(())
}

/// The functions and their ranges.
fn entries(dwarf: &Dwarf<'_>, unit: &Unit<'_>, budget: &mut Budget) -> Result<(), SymbolError> {
    // Where reading fails, whoever reads it later stops as well.
    let Ok(mut entries) = unit.entries_raw(None) else {
        return Ok(());
    };
    let mut inlined = Vec::new();
    while !entries.is_empty() {
        let depth = entries.next_depth();
        let Ok(abbreviation) = entries.read_abbreviation() else {
            return Ok(());
        };
        let Some(abbreviation) = abbreviation else {
            continue;
        };
        match abbreviation.tag() {
            gimli::DW_TAG_subprogram => budget.take(1, FUNCTION)?,
            gimli::DW_TAG_inlined_subroutine => {
                budget.take(1, FUNCTION)?;
                while inlined.last().is_some_and(|&above| above >= depth) {
                    inlined.pop();
                }
                inlined.push(depth);
                if inlined.len() > MAX_INLINED {
                    return Err(SymbolError::new(
                        "its debug information has functions inlined without end",
                    ));
                }
            }
            _ => {}
        }
        for spec in abbreviation.attributes() {
            let Ok(attribute) = entries.read_attribute(*spec) else {
                return Ok(());
            };
            if attribute.name() == gimli::DW_AT_ranges
                && let Ok(Some(offset)) = dwarf.attr_ranges_offset(unit, attribute.value())
            {
                ranges(dwarf, unit, offset, budget)?;
            }
        }
    }
    Ok(())
}

/// Counts a list's raw entries: those that yield no range take time, too.
fn ranges(
    dwarf: &Dwarf<'_>,
    unit: &Unit<'_>,
    offset: gimli::RangeListsOffset,
    budget: &mut Budget,
) -> Result<(), SymbolError> {
    if let Ok(mut ranges) = dwarf.raw_ranges(unit, offset) {
        while let Ok(Some(_)) = ranges.next() {
            budget.take(1, RANGE)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use addr2line::gimli::{EndianSlice, RunTimeEndian, SectionId};

    /// A unit of DWARF 4 (32 bits) with these entries.
    fn unit(entries: &[u8]) -> Vec<u8> {
        let mut bytes = Vec::new();
        bytes.extend((entries.len() as u32 + 7).to_le_bytes());
        bytes.extend(4u16.to_le_bytes());
        bytes.extend(0u32.to_le_bytes()); // where the abbreviations are
        bytes.push(8); // the size of addresses
        bytes.extend(entries);
        bytes
    }

    /// 1 is a unit; 2 an inlined function with, 3 one without children; 4 a function whose ranges
    /// are the list at offset 0.
    const ABBREVIATIONS: &[u8] = &[
        1, 0x11, 1, 0, 0, //
        2, 0x1d, 1, 0, 0, //
        3, 0x1d, 0, 0, 0, //
        4, 0x2e, 0, 0x55, 0x17, 0, 0, //
        0,
    ];

    fn vetted(info: &[u8], abbreviations: &[u8], ranges: &[u8]) -> Result<(), String> {
        let dwarf = gimli::Dwarf::load(|id| {
            let bytes = match id {
                SectionId::DebugInfo => info,
                SectionId::DebugAbbrev => abbreviations,
                SectionId::DebugRanges => ranges,
                _ => &[],
            };
            Ok::<_, gimli::Error>(EndianSlice::new(bytes, RunTimeEndian::Little))
        });
        let size = info.len() + abbreviations.len() + ranges.len();
        vet(&mut dwarf.unwrap(), size as u64).map_err(|error| error.to_string())
    }

    #[test]
    fn functions_inlined_without_end_are_refused() {
        let nested = |depth: usize| unit(&[&[1][..], &vec![2; depth]].concat());
        assert_eq!(vetted(&nested(256), ABBREVIATIONS, &[]), Ok(()));
        assert_eq!(
            vetted(&nested(257), ABBREVIATIONS, &[]).unwrap_err(),
            "its debug information has functions inlined without end"
        );
        // Beside each other there may be any number.
        let beside = unit(&[&[1][..], &[3; 100_000]].concat());
        assert_eq!(vetted(&beside, ABBREVIATIONS, &[]), Ok(()));
    }

    #[test]
    fn a_list_that_is_used_by_thousands_is_refused() {
        let function = [4, 0, 0, 0, 0];
        let using = |functions: usize| unit(&[&[1][..], &function.repeat(functions)].concat());
        let mut ranges = Vec::new();
        for n in 1..=10_000u64 {
            ranges.extend((2 * n).to_le_bytes());
            ranges.extend((2 * n + 1).to_le_bytes());
        }
        assert_eq!(vetted(&using(10), ABBREVIATIONS, &ranges), Ok(()));
        assert_eq!(
            vetted(&using(10_000), ABBREVIATIONS, &ranges).unwrap_err(),
            "its debug information repeats itself without end"
        );
    }

    #[test]
    fn abbreviations_that_overlap_are_refused() {
        // Each unit's table begins a byte behind the one before, and all end at the same place.
        let mut table = Vec::new();
        for code in 0..60_000u32 {
            let code = code % 100 + 1;
            table.extend([code as u8, 0x1d, 0, 0, 0]);
        }
        table.push(0);
        let mut info = Vec::new();
        for n in 0..2_000u32 {
            let mut unit = unit(&[0]);
            unit[6..10].copy_from_slice(&(n * 5).to_le_bytes());
            info.extend(unit);
        }
        assert_eq!(
            vetted(&info, &table, &[]).unwrap_err(),
            "its debug information repeats itself without end"
        );
    }
}
