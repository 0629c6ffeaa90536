//! `.debug_info`: units, and what their entries refer to (7.5.1).

use super::Sections;
use super::abbrev::Abbrevs;
use super::constants::ut;
use super::entry::Entry;
use super::form::{Encoding, Value};
use super::fuel::Fuel;
use crate::cursor::Cursor;

/// The header of a unit.
#[derive(Clone, Copy)]
pub(super) struct Header {
    /// Where the unit begins, and where it ends, in `.debug_info`.
    pub(super) start: u64,
    pub(super) end: u64,
    pub(super) encoding: Encoding,
    /// Whether it is one that has code, not types or parts of others.
    pub(super) has_code: bool,
    /// Where its abbreviations are.
    abbrevs: u64,
    /// Where its first entry is.
    pub(super) root: u64,
}

/// A unit, and what of its root entry all of its entries need.
pub(super) struct Unit<'a, 'data> {
    pub(super) sections: &'a Sections<'data>,
    pub(super) fuel: &'a Fuel,
    pub(super) header: Header,
    pub(super) root: Entry<'data>,
    /// What offsets in its range lists are relative to.
    pub(super) low_pc: u64,
}

impl Header {
    /// The header at that offset, none if it is damaged or of a kind that is not known; and where
    /// the next one is, if it can be told.
    pub(super) fn read(sections: &Sections<'_>, start: u64) -> Option<(Option<Self>, u64)> {
        let mut cursor = sections.cursor(sections.info, start)?;
        let before = cursor.len();
        let (length, wide) = cursor.length()?;
        let end = start
            .checked_add((before - cursor.len()) as u64)?
            .checked_add(length)?;
        let mut content = cursor.split(length)?;
        let header = Self::parse(&mut content, wide).map(|(encoding, abbrevs, has_code)| Self {
            start,
            end,
            encoding,
            has_code,
            abbrevs,
            root: end - content.len() as u64,
        });
        Some((header, end))
    }

    fn parse(content: &mut Cursor<'_>, wide: bool) -> Option<(Encoding, u64, bool)> {
        let version = content.number(2)? as u16;
        let (kind, address_size, abbrevs);
        match version {
            2..=4 => {
                kind = ut::COMPILE;
                abbrevs = content.offset(wide)?;
                address_size = content.byte()?;
            }
            5 => {
                kind = content.byte()?;
                address_size = content.byte()?;
                abbrevs = content.offset(wide)?;
                match kind {
                    ut::SKELETON | ut::SPLIT_COMPILE => content.skip(8)?,
                    ut::TYPE | ut::SPLIT_TYPE => {
                        content.skip(8)?;
                        content.offset(wide)?;
                    }
                    _ => {}
                }
            }
            _ => return None,
        }
        if !matches!(address_size, 1 | 2 | 4 | 8) {
            return None;
        }
        let has_code = !matches!(kind, ut::TYPE | ut::SPLIT_TYPE | ut::PARTIAL);
        let encoding = Encoding {
            version,
            address_size,
            wide,
        };
        Some((encoding, abbrevs, has_code))
    }
}

impl<'a, 'data> Unit<'a, 'data> {
    pub(super) fn read(
        sections: &'a Sections<'data>,
        fuel: &'a Fuel,
        header: Header,
    ) -> Option<Self> {
        let mut unit = Self {
            sections,
            fuel,
            header,
            root: Entry::default(),
            low_pc: 0,
        };
        unit.root = unit.entry(header.root, None)?;
        unit.low_pc = unit.address(unit.root.low_pc).unwrap_or(0);
        Some(unit)
    }

    /// The entries of the unit from an offset in `.debug_info` on, which lies within the unit.
    pub(super) fn entries(&self, from: u64) -> Option<Cursor<'data>> {
        if from < self.header.root {
            return None;
        }
        let length = self.header.end.checked_sub(from)?;
        let mut cursor = self.sections.cursor(self.sections.info, from)?;
        cursor.split(length)
    }

    /// All abbreviations, or that of one code.
    pub(super) fn abbrevs(&self, only: Option<u64>) -> Option<Abbrevs> {
        let table = self
            .sections
            .cursor(self.sections.abbrev, self.header.abbrevs)?;
        Some(Abbrevs::read(table, self.header.encoding, only, self.fuel))
    }

    /// The entry at an offset in `.debug_info`; by abbreviations that were read before, if any.
    pub(super) fn entry(&self, at: u64, abbrevs: Option<&Abbrevs>) -> Option<Entry<'data>> {
        let mut cursor = self.entries(at)?;
        let code = cursor.leb()?;
        let read;
        let abbrevs = match abbrevs {
            Some(abbrevs) => abbrevs,
            None => {
                read = self.abbrevs(Some(code))?;
                &read
            }
        };
        let specs = abbrevs.specs(abbrevs.get(code)?);
        Entry::read(&mut cursor, specs, self.header.encoding, self.fuel)
    }

    /// An address, perhaps by its index (`.debug_addr`, 7.27).
    pub(super) fn address(&self, value: Value<'_>) -> Option<u64> {
        match value {
            Value::Address(address) => Some(address),
            Value::AddressIndex(index) => self.indexed_address(index),
            _ => None,
        }
    }

    #[cold]
    pub(super) fn indexed_address(&self, index: u64) -> Option<u64> {
        let size = self.header.encoding.address_size;
        let base = self.root.addr_base.offset().unwrap_or(0);
        let at = index.checked_mul(u64::from(size))?.checked_add(base)?;
        self.sections.cursor(self.sections.addr, at)?.number(size)
    }

    /// A text, wherever it is (`.debug_str` and its like, 7.26).
    pub(super) fn text(&self, value: Value<'data>) -> Option<&'data [u8]> {
        let sections = self.sections;
        let (section, at) = match value {
            Value::Text(text) => return Some(text),
            Value::TextAt(at) => (sections.str, at),
            Value::LineTextAt(at) => (sections.line_str, at),
            Value::TextIndex(index) => (sections.str, self.indexed_text(index)?),
            _ => return None,
        };
        let text = sections.cursor(section, at)?.text()?;
        // A text of megabytes can be referred to from everywhere.
        self.fuel.burn(text.len() / 64)?;
        Some(text)
    }

    #[cold]
    fn indexed_text(&self, index: u64) -> Option<u64> {
        let wide = self.header.encoding.wide;
        let base = self.root.str_offsets_base.offset().unwrap_or(0);
        let at = index
            .checked_mul(if wide { 8 } else { 4 })?
            .checked_add(base)?;
        let sections = self.sections;
        sections.cursor(sections.str_offsets, at)?.offset(wide)
    }
}
