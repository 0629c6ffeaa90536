//! The names of functions (2.15, 3.3.1).

use super::abbrev::Abbrevs;
use super::form::Value;
use super::search::Search;
use super::unit::Unit;

/// Entries that refer to each other for a name; compilers stop at three.
const MAX_ORIGINS: usize = 16;

impl<'data> Search<'_, 'data> {
    /// The name of the function whose entry is there: the linker's if there is one, which has
    /// its path. An instance has that of what it is an instance of, and a definition that of
    /// what it defines, perhaps in another unit.
    pub(super) fn name(
        &self,
        unit: &Unit<'_, 'data>,
        abbrevs: &Abbrevs,
        at: u64,
    ) -> Option<&'data [u8]> {
        let mut entry = unit.entry(at, Some(abbrevs))?;
        let mut unit = unit;
        let mut own = Some(abbrevs);
        let mut other;
        for _ in 0..MAX_ORIGINS {
            for name in [entry.linkage_name, entry.name] {
                if let Some(name) = unit.text(name) {
                    return Some(name);
                }
            }
            let at = match entry.origin {
                Value::Near(offset) => unit.header.start.checked_add(offset)?,
                Value::Far(at) => at,
                _ => return None,
            };
            if at < unit.header.start || at >= unit.header.end {
                other = self.unit_around(at)?;
                unit = &other;
                own = None;
            }
            entry = unit.entry(at, own)?;
        }
        None
    }
}
