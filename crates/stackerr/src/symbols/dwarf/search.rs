//! Looking up several addresses at once.

use super::abbrev::Abbrevs;
use super::aranges::Aranges;
use super::fuel::Fuel;
use super::functions::{self, Level};
use super::lines::{Program, Row};
use super::unit::{Header, Unit};
use super::{Sections, demangled};
use crate::symbols::Symbol;
use std::cell::OnceCell;

/// What is used while units are looked through, none of which is kept.
pub(super) struct Search<'a, 'data> {
    sections: &'a Sections<'data>,
    fuel: Fuel,
    /// Where the units begin, once an entry refers to another unit's.
    starts: OnceCell<Vec<u64>>,
}

/// An address that is looked for in one unit.
pub(super) struct Look {
    address: u64,
    /// Its place among all that are looked for.
    index: usize,
    pub(super) row: Option<Row>,
    /// The outermost function first.
    pub(super) levels: Vec<Level>,
}

/// What is known of an address.
pub(super) struct Found {
    /// The end of the range of the unit that knew it; other units may claim the address, too.
    end: u64,
    pub(super) symbols: Vec<Symbol>,
}

/// The ones that lie in a range, which are sorted.
pub(super) fn within(looks: &mut [Look], begin: u64, end: u64) -> &mut [Look] {
    let first = looks.partition_point(|look| look.address < begin);
    let looks = &mut looks[first..];
    let count = looks.partition_point(|look| look.address < end);
    &mut looks[..count]
}

impl<'a, 'data> Search<'a, 'data> {
    pub(super) fn new(sections: &'a Sections<'data>, addresses: usize) -> Self {
        Self {
            sections,
            fuel: Fuel::of(sections.size(), addresses),
            starts: OnceCell::new(),
        }
    }

    #[cfg(test)]
    pub(super) fn fuel(&self) -> &Fuel {
        &self.fuel
    }

    /// Looks for addresses that are sorted; for each there is a place in `found`.
    ///
    /// All units are gone through, but of most just the root entry is read. Of several units that
    /// claim an address and know anything of it the one counts whose range ends first, which is
    /// the tightest: a unit may claim all from its first function to its last one.
    pub(super) fn run(&self, addresses: &[(u64, u32)], found: &mut [Option<Found>]) {
        let aranges = Aranges::read(self.sections, &self.fuel);
        let mut ends = vec![u64::MAX; addresses.len()];
        let mut start = 0;
        while self.fuel.burn(1).is_some()
            && let Some((header, next)) = Header::read(self.sections, start)
        {
            if let Some(header) = header
                && header.has_code
                && let Some(unit) = Unit::read(self.sections, &self.fuel, header)
            {
                let mut some = false;
                self.ranges(&unit, &aranges, &mut |begin, end| {
                    let first = addresses.partition_point(|&(address, _)| address < begin);
                    for (n, &(address, _)) in addresses.iter().enumerate().skip(first) {
                        if address >= end || self.fuel.burn(1).is_none() {
                            break;
                        }
                        ends[n] = ends[n].min(end);
                        some = true;
                    }
                });
                if some {
                    self.look(&unit, addresses, &ends, found);
                    ends.fill(u64::MAX);
                }
            }
            start = next;
        }
    }

    /// The ranges of a unit's code: those it lists itself; else those of the index, since some
    /// compilers give just the first and last address of several ranges; and if it says nothing,
    /// what its line program covers. Of code that was left out there is none.
    fn ranges(&self, unit: &Unit<'_, 'data>, aranges: &Aranges, each: &mut dyn FnMut(u64, u64)) {
        let is_listed = !unit.root.ranges.is_none();
        if !is_listed && aranges.of_unit(self.sections, unit.header.start, &self.fuel, each) {
            return;
        }
        if is_listed || !unit.root.high_pc.is_none() {
            unit.ranges(&unit.root, each);
        } else if let Some(mut program) = Program::read(unit) {
            program.each(unit, &mut |begin, end, _| {
                each(begin, end);
                Some(())
            });
        }
    }

    /// Looks in a unit for those of the addresses that it has a better claim to than others.
    #[inline(never)]
    fn look(
        &self,
        unit: &Unit<'_, 'data>,
        addresses: &[(u64, u32)],
        ends: &[u64],
        found: &mut [Option<Found>],
    ) {
        let mut looks = Vec::new();
        for (index, &(address, _)) in addresses.iter().enumerate() {
            let before = found[index].as_ref().map_or(u64::MAX, |found| found.end);
            if ends[index] < before {
                looks.push(Look {
                    address,
                    index,
                    row: None,
                    levels: Vec::new(),
                });
            }
        }
        let mut program = Program::read(unit);
        if let Some(program) = &mut program {
            program.run(unit, &mut looks);
        }
        let Some(abbrevs) = unit.abbrevs(None) else {
            return;
        };
        functions::walk(unit, &abbrevs, &mut looks);
        for look in &looks {
            if look.row.is_some() || !look.levels.is_empty() {
                found[look.index] = Some(Found {
                    end: ends[look.index],
                    symbols: self.symbols(unit, &abbrevs, program.as_ref(), look),
                });
            }
        }
    }

    /// The innermost function first: it is where the instruction comes from, and each other one
    /// where the function before it is called.
    fn symbols(
        &self,
        unit: &Unit<'_, 'data>,
        abbrevs: &Abbrevs,
        program: Option<&Program<'data>>,
        look: &Look,
    ) -> Vec<Symbol> {
        let place = |file: Option<u64>, line: u64, column: u64| {
            let path = program.and_then(|program| program.files.path(unit, file?));
            let number = |number: u64| Some(number as u32).filter(|&number| number > 0);
            Symbol {
                name: None,
                file: path.filter(|path| self.fuel.burn(path.len()).is_some()),
                line: number(line),
                column: number(column).filter(|_| line > 0),
            }
        };
        let mut next = match look.row {
            Some(row) => place(Some(row.file), row.line, row.column),
            None => Symbol::default(),
        };
        let mut symbols = Vec::with_capacity(look.levels.len().max(1));
        for level in look.levels.iter().rev() {
            let mut symbol = next;
            let name = self.name(unit, abbrevs, level.entry);
            symbol.name = name.and_then(|name| demangled(name, &self.fuel));
            symbols.push(symbol);
            next = place(level.call_file, level.call_line, level.call_column);
        }
        if symbols.is_empty() {
            symbols.push(next);
        }
        symbols
    }

    /// The unit that has the entry at that offset.
    #[cold]
    pub(super) fn unit_around(&self, at: u64) -> Option<Unit<'_, 'data>> {
        let starts = self.starts.get_or_init(|| self.starts());
        let after = starts.partition_point(|&start| start <= at);
        let start = *starts.get(after.checked_sub(1)?)?;
        let (header, _) = Header::read(self.sections, start)?;
        Unit::read(self.sections, &self.fuel, header?)
    }

    fn starts(&self) -> Vec<u64> {
        let mut starts = Vec::new();
        let mut start = 0;
        while self.fuel.burn(1).is_some()
            && let Some((_, next)) = Header::read(self.sections, start)
        {
            starts.push(start);
            start = next;
        }
        starts
    }
}
