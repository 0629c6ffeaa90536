//! Writes the interned modules and files of a process to a file, so that another process can read its
//! records.
//!
//! ```text
//!  0      for each number: the position of its names u24, a mark u8, the lengths of the module path and
//!         of the file name u16 each
//!  16384  the names
//! ```
//!
//! All numbers are little-endian. The mark is stored last, so that an incomplete entry has none.

use std::borrow::Cow;
use std::sync::atomic::{AtomicU8, Ordering, fence};

use crate::intern::{self, MAX_PLACE_BYTES, MAX_PLACES};
use crate::layout::*;

const ENTRY: usize = 8;
const NAMES: usize = MAX_PLACES * ENTRY;
const MARK: u8 = 1;
/// Replaces a name that is not in the file.
const UNKNOWN: &str = "[unknown]";

/// The length of the area in the file that the places of a process need.
pub const PLACES_BYTES: usize = NAMES + MAX_PLACE_BYTES;

/// Returns how many places of this process are interned. While it does not change, a [`PlaceWriter`] has
/// nothing new to write.
#[inline]
#[must_use]
pub fn place_count() -> usize {
    intern::place_count()
}

/// Writes the names of the interned modules and files of this process to an area of a file.
#[derive(Debug)]
pub struct PlaceWriter {
    is_written: Vec<bool>,
    /// The position of the next name.
    end: usize,
}

impl PlaceWriter {
    /// Creates a writer for an area of zeros.
    #[must_use]
    pub fn new() -> PlaceWriter {
        PlaceWriter {
            is_written: vec![false; MAX_PLACES],
            end: NAMES,
        }
    }

    /// Writes the places that were interned since the last call. `area` has [`PLACES_BYTES`] bytes. Does
    /// not allocate.
    pub fn write_new(&mut self, area: &[AtomicU8]) {
        for (number, place) in intern::places() {
            let number = usize::from(number);
            if self.is_written[number] {
                continue;
            }
            let names = [place.module, place.file];
            let start = self.end;
            for name in names {
                // All names fit, because `intern` has the same limit.
                store(area.get(self.end..).unwrap_or_default(), name.as_bytes());
                self.end += name.len();
            }
            let Some(entry) = area.get(number * ENTRY..(number + 1) * ENTRY) else {
                continue;
            };
            store(entry, &(start as u32).to_le_bytes()[..3]);
            for (at, name) in [4, 6].into_iter().zip(names) {
                store(&entry[at..], &(name.len() as u16).to_le_bytes());
            }
            // Release: if the process is killed, the file has the mark only if it has the entry.
            fence(Ordering::Release);
            store(&entry[3..], &[MARK]);
            self.is_written[number] = true;
        }
    }
}

impl Default for PlaceWriter {
    fn default() -> PlaceWriter {
        PlaceWriter::new()
    }
}

fn store(area: &[AtomicU8], bytes: &[u8]) {
    for (cell, byte) in area.iter().zip(bytes) {
        cell.store(*byte, Ordering::Relaxed);
    }
}

/// The places that a [`PlaceWriter`], usually of another process, has written.
#[derive(Clone, Copy, Debug)]
pub struct Places<'a>(&'a [u8]);

impl<'a> Places<'a> {
    /// Reads an area. If it is damaged or too short, names that can't be read are `[unknown]`.
    #[must_use]
    pub fn read(area: &'a [u8]) -> Places<'a> {
        Places(area)
    }

    /// Returns module path and file name.
    fn names(&self, number: u16) -> Option<[&'a str; 2]> {
        let entry = self.0.get(usize::from(number) * ENTRY..)?;
        let [a, b, c, mark, entry @ ..] = entry.first_chunk::<ENTRY>()?;
        if *mark != MARK {
            return None;
        }
        let [module, file] = [[entry[0], entry[1]], [entry[2], entry[3]]];
        let [module, file] = [module, file].map(|len| usize::from(u16::from_le_bytes(len)));
        let names = self.0.get(u32::from_le_bytes([*a, *b, *c, 0]) as usize..)?;
        let (module, names) = names.split_at_checked(module)?;
        let [module, file] = [Some(module), names.get(..file)]
            .map(|name| name.and_then(|name| std::str::from_utf8(name).ok()));
        Some([module?, file?])
    }

    /// Replaces the numbers in a packed record by the names, so that any process can
    /// [`unpack`](crate::unpack) it. Returns `packed` itself if it has no such numbers, or is not a packed
    /// record.
    #[must_use]
    pub fn write_out<'r>(&self, packed: &'r [u8]) -> Cow<'r, [u8]> {
        self.written_out(packed)
            .map_or(Cow::Borrowed(packed), Cow::Owned)
    }

    fn written_out(&self, packed: &[u8]) -> Option<Vec<u8>> {
        let mut header = Header::from_bytes(packed.first_chunk()?)?;
        let has = |bit: u16| header.flags & bit != 0;
        let [module, file] = [
            (flag::MODULE_INTERNED, header.module, 0),
            (flag::FILE_INTERNED, header.file, 1),
        ]
        .map(|(bit, number, name)| {
            let names = || self.names(number).unwrap_or([UNKNOWN; 2]);
            has(bit).then(|| names()[name])
        });
        if module.is_none() && file.is_none() {
            return None;
        }
        let mut at = HEADER + usize::from(header.thread);
        if has(flag::HAS_SPAN) {
            at += size_of::<u64>();
        }
        if header.kind == record::SPAN {
            at += 2 * size_of::<u64>();
            at += 1 + size_of::<u64>() * usize::from(*packed.get(at)?);
        }
        let (front, mut rest) = packed.split_at_checked(at)?;
        let mut written = front.to_vec();
        // Module, target and file, in the order of the layout. Names that are not interned are copied.
        let mut add = |name: Option<&str>, is_written: bool, len: u16| {
            let (old, left) = rest.split_at_checked(if is_written { len.into() } else { 0 })?;
            rest = left;
            written.extend_from_slice(name.map_or(old, str::as_bytes));
            Some(())
        };
        add(
            module,
            module.is_none() && has(flag::HAS_MODULE),
            header.module,
        )?;
        add(None, !has(flag::TARGET_IS_MODULE), header.target)?;
        add(file, file.is_none() && has(flag::HAS_FILE), header.file)?;
        written.extend_from_slice(rest);
        if let Some(module) = module {
            header.module = module.len() as u16;
        }
        if let Some(file) = file {
            header.file = file.len() as u16;
        }
        header.flags &= !(flag::MODULE_INTERNED | flag::FILE_INTERNED);
        let version = packed[0];
        written[..HEADER].copy_from_slice(&header.to_bytes());
        written[0] = version;
        Some(written)
    }
}
