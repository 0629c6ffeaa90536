//! The functions that an address is in: the one that is called, and those inlined into each
//! other there (3.3, 3.3.8).

use super::abbrev::Abbrevs;
use super::constants::tag;
use super::entry::Entry;
use super::unit::Unit;
use super::{Look, within};

/// Functions inlined into each other; compilers stop long before.
const MAX_INLINED: usize = 256;

/// A function at an address.
pub(super) struct Level {
    /// Where its entry is, in `.debug_info`.
    pub(super) entry: u64,
    /// Where the function is inlined: the index of a file, a line and a column, 0 if unknown.
    pub(super) call_file: Option<u64>,
    pub(super) call_line: u64,
    pub(super) call_column: u64,
}

/// A function whose entry has not ended yet.
struct Scope {
    depth: usize,
    entry: u64,
    /// Whether any of the addresses is in it.
    is_hit: bool,
}

/// Walks through the entries of a unit, and gives each address its functions. Damage ends it.
pub(super) fn walk(unit: &Unit<'_, '_>, abbrevs: &Abbrevs, looks: &mut [Look]) -> Option<()> {
    let mut cursor = unit.entries(unit.header.root)?;
    let encoding = unit.header.encoding;
    let mut depth = 0usize;
    let mut scopes: Vec<Scope> = Vec::new();
    let mut lacking = looks.len();
    loop {
        unit.fuel.burn(1)?;
        let at = unit.header.end - cursor.len() as u64;
        let code = cursor.leb()?;
        if code == 0 {
            depth = depth.saturating_sub(1);
            continue;
        }
        let abbrev = abbrevs.get(code)?;
        while scopes.last().is_some_and(|scope| scope.depth >= depth) {
            scopes.pop();
        }
        if lacking == 0 && scopes.is_empty() {
            return Some(());
        }
        let specs = abbrevs.specs(abbrev);
        let above = scopes.last().filter(|scope| scope.is_hit);
        let above = above.map(|scope| scope.entry);
        let is_function = abbrev.tag == tag::SUBPROGRAM;
        if is_function || (abbrev.tag == tag::INLINED_SUBROUTINE && above.is_some()) {
            let entry = Entry::read(&mut cursor, specs, encoding, unit.fuel)?;
            let mut is_hit = false;
            unit.ranges(&entry, &mut |begin, end| {
                for look in within(looks, begin, end) {
                    // What is inlined there is in the function that is around its entry, too.
                    let around = look.levels.last().map(|level| level.entry);
                    let around = if is_function {
                        around.is_none()
                    } else {
                        around == above
                    };
                    let room = look.levels.len() <= MAX_INLINED && unit.fuel.burn(1).is_some();
                    if around && room {
                        look.levels.push(Level::new(unit, at, &entry));
                        is_hit = true;
                        lacking -= usize::from(is_function);
                    }
                }
            });
            scopes.push(Scope {
                depth,
                entry: at,
                is_hit,
            });
        } else if let Some(size) = abbrev.size {
            cursor.skip(u64::from(size))?;
        } else {
            Entry::skip(&mut cursor, specs, encoding, unit.fuel)?;
        }
        depth += usize::from(abbrev.has_children);
    }
}

impl Level {
    fn new(unit: &Unit<'_, '_>, at: u64, entry: &Entry<'_>) -> Self {
        // Up to DWARF 4 files count from 1.
        let is_file = |file: &u64| *file > 0 || unit.header.encoding.version >= 5;
        Self {
            entry: at,
            call_file: entry.call_file.number().filter(is_file),
            call_line: entry.call_line.number().unwrap_or(0),
            call_column: entry.call_column.number().unwrap_or(0),
        }
    }
}
