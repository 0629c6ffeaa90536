//! Where the code of an entry is: `.debug_ranges` of DWARF 2 to 4, `.debug_rnglists` of DWARF 5
//! (2.17.3, 7.25).

use super::constants::rle;
use super::entry::Entry;
use super::form::Value;
use super::unit::Unit;

/// Takes the first address of a range and the first one behind it.
pub(super) type Each<'a> = dyn FnMut(u64, u64) + 'a;

impl<'data> Unit<'_, 'data> {
    /// The ranges of an entry's code that are not empty; whether there were any. Damage ends them.
    pub(super) fn ranges(&self, entry: &Entry<'data>, each: &mut Each<'_>) -> bool {
        let mut any = false;
        let each = &mut |begin, end| {
            if begin < end && !self.header.encoding.is_tombstone(begin) {
                any = true;
                each(begin, end);
            }
        };
        if entry.ranges.is_none() {
            if let Some((begin, end)) = self.bounds(entry) {
                each(begin, end);
            }
        } else if self.header.encoding.version < 5 {
            self.old_list(entry.ranges, each);
        } else {
            self.list(entry.ranges, each);
        }
        any
    }

    /// `DW_AT_low_pc` and `DW_AT_high_pc`, which is an address or a length.
    fn bounds(&self, entry: &Entry<'data>) -> Option<(u64, u64)> {
        if entry.low_pc.is_none() {
            return None;
        }
        let begin = self.address(entry.low_pc)?;
        let end = match entry.high_pc {
            // One that overflows has its end before its beginning: it is none.
            Value::Number(length) => begin.wrapping_add(length),
            other => self.address(other)?,
        };
        Some((begin, end))
    }

    /// A list in `.debug_ranges`.
    fn old_list(&self, ranges: Value<'data>, each: &mut Each<'_>) -> Option<()> {
        let sections = self.sections;
        let encoding = self.header.encoding;
        let mut cursor = sections.cursor(sections.ranges, ranges.offset()?)?;
        let mut base = self.low_pc;
        loop {
            self.fuel.burn(1)?;
            let begin = cursor.number(encoding.address_size)?;
            let end = cursor.number(encoding.address_size)?;
            if (begin, end) == (0, 0) {
                return Some(());
            }
            if begin == encoding.last_address() {
                base = end;
            } else {
                self.offset_pair(base, begin, end, each);
            }
        }
    }

    /// Two offsets from the base, which may be that of code that was left out.
    fn offset_pair(&self, base: u64, begin: u64, end: u64, each: &mut Each<'_>) {
        let encoding = self.header.encoding;
        if !encoding.is_tombstone(base) {
            let address = |offset: u64| base.wrapping_add(offset) & encoding.last_address();
            each(address(begin), address(end));
        }
    }

    /// A list in `.debug_rnglists`.
    fn list(&self, ranges: Value<'data>, each: &mut Each<'_>) -> Option<()> {
        let sections = self.sections;
        let encoding = self.header.encoding;
        let at = match ranges {
            Value::ListIndex(index) => self.indexed_list(index)?,
            other => other.offset()?,
        };
        let mut cursor = sections.cursor(sections.rnglists, at)?;
        let mut base = self.low_pc;
        loop {
            self.fuel.burn(1)?;
            let kind = cursor.byte()?;
            let first = match kind {
                rle::END_OF_LIST => return Some(()),
                rle::BASE_ADDRESSX | rle::STARTX_ENDX | rle::STARTX_LENGTH => {
                    self.indexed_address(cursor.leb()?)?
                }
                rle::OFFSET_PAIR => cursor.leb()?,
                rle::BASE_ADDRESS | rle::START_END | rle::START_LENGTH => {
                    cursor.number(encoding.address_size)?
                }
                _ => return None,
            };
            match kind {
                rle::BASE_ADDRESS | rle::BASE_ADDRESSX => base = first,
                rle::OFFSET_PAIR => {
                    let end = cursor.leb()?;
                    self.offset_pair(base, first, end, each);
                }
                rle::STARTX_ENDX => each(first, self.indexed_address(cursor.leb()?)?),
                rle::START_END => each(first, cursor.number(encoding.address_size)?),
                _ => {
                    let length = cursor.leb()?;
                    each(first, first.wrapping_add(length) & encoding.last_address());
                }
            }
        }
    }

    #[cold]
    fn indexed_list(&self, index: u64) -> Option<u64> {
        let wide = self.header.encoding.wide;
        let base = self.root.rnglists_base.offset()?;
        let at = index
            .checked_mul(if wide { 8 } else { 4 })?
            .checked_add(base)?;
        let sections = self.sections;
        let offset = sections.cursor(sections.rnglists, at)?.offset(wide)?;
        base.checked_add(offset)
    }
}
