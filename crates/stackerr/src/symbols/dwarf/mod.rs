//! Names and lines out of debug information, of which nothing is kept in memory.
//!
//! This reads DWARF 2 to 5, by the chapters of the fifth standard; not what was split off into
//! other files (`.dwo`, `.dwp`, supplementary files). Nothing that a file says is trusted: what
//! is read is bounded by [`fuel`], and what memory that takes by the size of one unit.
//!
//! | file | what of DWARF |
//! |---|---|
//! | `form`, `constants` | the forms of attributes |
//! | `abbrev`, `entry`, `unit` | `.debug_abbrev` and `.debug_info` |
//! | `ranges`, `aranges` | `.debug_ranges`, `.debug_rnglists`, `.debug_aranges` |
//! | `lines`, `files` | `.debug_line` |
//! | `functions`, `names` | functions, and those inlined into them |
//! | `search` | which units have an address, and what they know of it |

mod abbrev;
mod aranges;
mod constants;
mod entry;
mod files;
mod form;
mod fuel;
mod functions;
mod lines;
mod names;
mod ranges;
mod search;
#[cfg(test)]
mod tests;
mod unit;

use fuel::Fuel;
use search::{Found, Look, Search, within};

use super::Symbol;
use crate::cursor::Cursor;

/// The sections with debug information, inflated; empty where there is none.
pub(crate) struct Sections<'data> {
    abbrev: &'data [u8],
    addr: &'data [u8],
    aranges: &'data [u8],
    info: &'data [u8],
    line: &'data [u8],
    line_str: &'data [u8],
    ranges: &'data [u8],
    rnglists: &'data [u8],
    str: &'data [u8],
    str_offsets: &'data [u8],
    big: bool,
}

impl<'data> Sections<'data> {
    /// The names of all of them.
    pub(crate) const NAMES: [&'static str; 10] = [
        ".debug_abbrev",
        ".debug_addr",
        ".debug_aranges",
        ".debug_info",
        ".debug_line",
        ".debug_line_str",
        ".debug_ranges",
        ".debug_rnglists",
        ".debug_str",
        ".debug_str_offsets",
    ];

    /// The sections, in the order of their names; whether numbers are big-endian.
    pub(crate) fn new(sections: [&'data [u8]; 10], big: bool) -> Self {
        let [
            abbrev,
            addr,
            aranges,
            info,
            line,
            line_str,
            ranges,
            rnglists,
            str,
            str_offsets,
        ] = sections;
        Self {
            abbrev,
            addr,
            aranges,
            info,
            line,
            line_str,
            ranges,
            rnglists,
            str,
            str_offsets,
            big,
        }
    }

    /// The functions at each of the addresses, which are sorted, the innermost first; an empty
    /// list where none is known. One with nothing but a line has no name.
    pub(crate) fn find(&self, addresses: &[(u64, u32)]) -> Vec<Vec<Symbol>> {
        let mut found: Vec<Option<Found>> = Vec::new();
        found.resize_with(addresses.len(), || None);
        Search::new(self, addresses.len()).run(addresses, &mut found);
        found
            .into_iter()
            .map(|found| found.map_or_else(Vec::new, |found| found.symbols))
            .collect()
    }

    fn cursor(&self, section: &'data [u8], offset: u64) -> Option<Cursor<'data>> {
        Cursor::at(section, offset, self.big)
    }

    /// How many bytes there are that refer to each other; texts do not.
    fn size(&self) -> usize {
        [
            self.abbrev,
            self.aranges,
            self.info,
            self.line,
            self.ranges,
            self.rnglists,
        ]
        .iter()
        .map(|section| section.len())
        .sum()
    }
}

/// Sorts some hundreds of pairs at most times, and never slowly. What std has for it is ten times
/// the code, for a speed that is not missed here.
pub(super) fn sort(pairs: &mut [(u64, u32)]) {
    for root in (0..pairs.len() / 2).rev() {
        sift(pairs, root);
    }
    for end in (1..pairs.len()).rev() {
        pairs.swap(0, end);
        sift(&mut pairs[..end], 0);
    }
}

/// Lets a pair sink to its place in a heap, the largest of which is its first.
fn sift(heap: &mut [(u64, u32)], mut parent: usize) {
    loop {
        let mut child = 2 * parent + 1;
        if child + 1 < heap.len() && heap[child] < heap[child + 1] {
            child += 1;
        }
        if child >= heap.len() || heap[parent] >= heap[child] {
            return;
        }
        heap.swap(parent, child);
        parent = child;
    }
}

/// A function's name without the hash of its symbol, which `{:#}` leaves out.
fn demangled(name: &[u8], fuel: &Fuel) -> Option<String> {
    let name = super::tables::demangled(name)?;
    fuel.burn(name.len()).map(|()| name)
}
