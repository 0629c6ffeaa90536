//! `.debug_aranges`: where the code of units is that don't list it themselves (6.1.2).

use super::Sections;
use super::form::Encoding;
use super::fuel::Fuel;
use super::ranges::Each;
use crate::cursor::Cursor;

/// Where the sets of ranges are, by the units that they are of.
pub(super) struct Aranges(Vec<(u64, u32)>);

impl Aranges {
    pub(super) fn read(sections: &Sections<'_>, fuel: &Fuel) -> Self {
        let mut sets = Vec::new();
        let mut at = 0;
        while fuel.burn(1).is_some()
            && let Ok(offset) = u32::try_from(at)
            && let Some(mut cursor) = sections.cursor(sections.aranges, at)
            && let Some(set) = Set::read(&mut cursor)
        {
            sets.push((set.unit, offset));
            at = (sections.aranges.len() - cursor.len()) as u64;
        }
        super::sort(&mut sets);
        Self(sets)
    }

    /// The ranges of the unit that begins there; whether there were any. There may be several
    /// sets for one unit.
    pub(super) fn of_unit(
        &self,
        sections: &Sections<'_>,
        unit: u64,
        fuel: &Fuel,
        each: &mut Each<'_>,
    ) -> bool {
        let mut any = false;
        let first = self.0.partition_point(|&(other, _)| other < unit);
        for &(other, offset) in &self.0[first..] {
            if other != unit {
                break;
            }
            let set = sections.cursor(sections.aranges, u64::from(offset));
            if let Some(set) = set.and_then(|mut cursor| Set::read(&mut cursor)) {
                set.ranges(fuel, &mut |begin, end| {
                    any = true;
                    each(begin, end);
                });
            }
        }
        any
    }
}

struct Set<'data> {
    unit: u64,
    encoding: Encoding,
    tuples: Option<Cursor<'data>>,
}

impl<'data> Set<'data> {
    /// Reads a set; of one that is damaged there are no tuples.
    fn read(cursor: &mut Cursor<'data>) -> Option<Self> {
        let (length, wide) = cursor.length()?;
        let mut content = cursor.split(length)?;
        let version = content.number(2)? as u16;
        let unit = content.offset(wide)?;
        let address_size = content.byte()?;
        let segment_size = content.byte()?;
        // Compilers have been seen to write 3, though the standard's number never changed.
        let is_known =
            matches!(version, 2 | 3) && segment_size == 0 && matches!(address_size, 1 | 2 | 4 | 8);
        let mut tuples = None;
        if is_known {
            // The first one is aligned to the size of one, from the beginning of the set on.
            let header: u64 = if wide { 24 } else { 12 };
            let size = 2 * u64::from(address_size);
            tuples = content
                .skip(header.next_multiple_of(size) - header)
                .map(|()| content);
        }
        let encoding = Encoding {
            version,
            address_size,
            wide,
        };
        Some(Self {
            unit,
            encoding,
            tuples,
        })
    }

    fn ranges(self, fuel: &Fuel, each: &mut Each<'_>) -> Option<()> {
        let mut tuples = self.tuples?;
        let size = self.encoding.address_size;
        loop {
            fuel.burn(1)?;
            // Two zeros should be the end, but linkers leave some behind for code that they
            // left out.
            let begin = tuples.number(size)?;
            let end = begin.checked_add(tuples.number(size)?);
            if let Some(end) = end
                && begin < end
                && !self.encoding.is_tombstone(begin)
            {
                each(begin, end);
            }
        }
    }
}
