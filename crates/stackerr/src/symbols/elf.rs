//! The sections of an ELF file, of whatever class and byte order, by the generic ABI.

use crate::cursor::Cursor;

const SHT_NOTE: u32 = 7;
const SHT_NOBITS: u32 = 8;
const SHF_COMPRESSED: u64 = 0x800;
const ELFCOMPRESS_ZLIB: u64 = 1;
const ELFCOMPRESS_ZSTD: u64 = 2;
const NT_GNU_BUILD_ID: u64 = 3;

/// An ELF file whose headers are there; whatever they say of the rest may be wrong.
#[derive(Clone, Copy)]
pub(crate) struct Elf<'data> {
    bytes: &'data [u8],
    /// Of 64 bits.
    pub(super) wide: bool,
    pub(super) big: bool,
    headers: &'data [u8],
    header_size: usize,
    names: &'data [u8],
}

/// The header of a section.
#[derive(Clone, Copy)]
pub(super) struct Section {
    name: u64,
    pub(super) kind: u32,
    flags: u64,
    offset: u64,
    size: u64,
    pub(super) link: u64,
}

/// A section's content as it is in the file.
pub(crate) struct Content<'data> {
    pub(super) data: &'data [u8],
    pub(super) compression: Compression,
    /// How large it is once inflated, by its own account.
    pub(super) size: u64,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Compression {
    None,
    Zlib,
    Zstandard,
    /// The section is not there, or compressed in an unknown way.
    Damaged,
}

impl<'data> Elf<'data> {
    pub(crate) fn parse(bytes: &'data [u8]) -> Option<Self> {
        let [0x7f, b'E', b'L', b'F', class @ 1..=2, order @ 1..=2, 1, ..] = *bytes else {
            return None;
        };
        let (wide, big) = (class == 2, order == 2);
        let word = if wide { 8 } else { 4 };
        // The sections' headers: where they are, their size and number, and which has the names.
        let mut cursor = Cursor::at(bytes, if wide { 40 } else { 32 }, big)?;
        let start = cursor.number(word)?;
        cursor.skip(10)?;
        let header_size = cursor.number(2)? as usize;
        let mut count = cursor.number(2)?;
        let mut names = cursor.number(2)?;
        let mut elf = Self {
            bytes,
            wide,
            big,
            headers: &[],
            header_size,
            names: &[],
        };
        if start == 0 {
            return Some(elf);
        }
        if header_size != if wide { 64 } else { 40 } {
            return None;
        }
        elf.headers = bytes.get(usize::try_from(start).ok()?..)?;
        // What is too large for the fields of the header is in the first section's.
        let first = elf.section(0)?;
        if count == 0 {
            count = first.size;
        }
        if names == 0xffff {
            names = first.link;
        }
        let size = count.checked_mul(header_size as u64)?;
        elf.headers = elf.headers.get(..usize::try_from(size).ok()?)?;
        if names != 0 {
            elf.names = elf.data(elf.section(usize::try_from(names).ok()?)?)?;
        }
        Some(elf)
    }

    fn section(&self, index: usize) -> Option<Section> {
        let start = index.checked_mul(self.header_size)?;
        let mut cursor = Cursor::at(self.headers, start as u64, self.big)?;
        let word = if self.wide { 8 } else { 4 };
        // Behind the flags comes the address.
        Some(Section {
            name: cursor.number(4)?,
            kind: cursor.number(4)? as u32,
            flags: cursor.number(word)?,
            offset: cursor
                .skip(u64::from(word))
                .and_then(|()| cursor.number(word))?,
            size: cursor.number(word)?,
            link: cursor.number(4)?,
        })
    }

    pub(super) fn sections(&self) -> impl Iterator<Item = Section> + '_ {
        (0..).map_while(|index| self.section(index))
    }

    pub(super) fn cursor(&self, data: &'data [u8]) -> Cursor<'data> {
        Cursor::new(data, self.big)
    }

    pub(super) fn section_at(&self, index: u64) -> Option<Section> {
        self.section(usize::try_from(index).ok()?)
    }

    /// The bytes of a section in the file.
    pub(super) fn data(&self, section: Section) -> Option<&'data [u8]> {
        if section.kind == SHT_NOBITS {
            return Some(&[]);
        }
        let start = usize::try_from(section.offset).ok()?;
        let end = start.checked_add(usize::try_from(section.size).ok()?)?;
        self.bytes.get(start..end)
    }

    /// What is left of a section's name behind some text that it begins with.
    // The table of names may have one without end.
    fn name_behind(&self, section: Section, text: &str) -> Option<&'data [u8]> {
        let name = self.names.get(usize::try_from(section.name).ok()?..)?;
        name.strip_prefix(text.as_bytes())
    }

    /// The contents of the sections with those names.
    ///
    /// Old tools compress `.debug_info` into a section `.zdebug_info`.
    pub(crate) fn contents<const N: usize>(&self, names: [&str; N]) -> [Option<Content<'data>>; N] {
        let mut contents = [const { None }; N];
        for section in self.sections() {
            let behind = |text| self.name_behind(section, text);
            let (rest, is_old) = match behind(".z") {
                Some(rest) => (rest, true),
                None => (behind(".").unwrap_or(&[]), false),
            };
            for (name, content) in names.iter().zip(&mut contents) {
                let end = rest.strip_prefix(&name.as_bytes()[1..]);
                if content.is_none() && end.is_some_and(|end| end.first() == Some(&0)) {
                    *content = Some(self.content(section, is_old));
                }
            }
        }
        contents
    }

    fn content(&self, section: Section, is_old: bool) -> Content<'data> {
        let damaged = Content {
            data: &[],
            compression: Compression::Damaged,
            size: 0,
        };
        let Some(data) = self.data(section) else {
            return damaged;
        };
        if is_old {
            self.old(data).unwrap_or(damaged)
        } else if section.flags & SHF_COMPRESSED != 0 {
            self.compressed(data).unwrap_or(damaged)
        } else {
            Content {
                data,
                compression: Compression::None,
                size: data.len() as u64,
            }
        }
    }

    /// `ZLIB`, and the size in eight bytes of the one order.
    #[cold]
    fn old(&self, data: &'data [u8]) -> Option<Content<'data>> {
        let data = data.strip_prefix(b"ZLIB")?;
        Some(Content {
            size: Cursor::new(data, true).number(8)?,
            data: data.get(8..)?,
            compression: Compression::Zlib,
        })
    }

    /// The header of a compressed section.
    fn compressed(&self, data: &'data [u8]) -> Option<Content<'data>> {
        let word = if self.wide { 8 } else { 4 };
        let mut cursor = Cursor::new(data, self.big);
        let kind = cursor.number(4)?;
        if self.wide {
            cursor.skip(4)?;
        }
        let size = cursor.number(word)?;
        cursor.skip(u64::from(word))?; // the alignment
        let data = cursor.take(cursor.len() as u64)?;
        let compression = match kind {
            ELFCOMPRESS_ZLIB => Compression::Zlib,
            ELFCOMPRESS_ZSTD => Compression::Zstandard,
            _ => return None,
        };
        Some(Content {
            data,
            compression,
            size,
        })
    }

    /// The build-id, from the first note that has one.
    pub(crate) fn build_id(&self) -> Option<&'data [u8]> {
        self.sections()
            .filter(|section| section.kind == SHT_NOTE)
            .find_map(|section| build_id(Cursor::new(self.data(section)?, self.big)))
    }

    /// The name of the file that the debug information was moved to, and the CRC of its content:
    /// a text, padded to four bytes, and a number.
    #[cfg(feature = "symbols")]
    pub(super) fn debug_link(&self) -> Option<(&'data [u8], u32)> {
        let mut sections = self.sections();
        let section = sections.find(|&section| {
            let behind = self.name_behind(section, ".gnu_debuglink");
            behind.is_some_and(|end| end.first() == Some(&0))
        });
        let mut cursor = Cursor::new(self.data(section?)?, self.big);
        let name = cursor.text()?;
        let read = name.len() + 1;
        cursor.skip((read.next_multiple_of(4) - read) as u64)?;
        Some((name, cursor.number(4)? as u32))
    }
}

/// The build-id among notes, each of which has three words (length of the owner, length of the
/// content, type), the owner and the content, both padded to four bytes.
fn build_id<'data>(mut notes: Cursor<'data>) -> Option<&'data [u8]> {
    loop {
        let owner_len = notes.number(4)?;
        let content_len = notes.number(4)?;
        let kind = notes.number(4)?;
        let owner = notes.take(owner_len.next_multiple_of(4))?;
        let content = notes.take(content_len)?;
        if kind == NT_GNU_BUILD_ID && owner == b"GNU\0" {
            return Some(content);
        }
        notes.skip(content_len.next_multiple_of(4) - content_len)?;
    }
}

#[cfg(test)]
mod tests;
