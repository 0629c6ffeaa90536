//! The symbol tables and the debug information in the files of the loaded modules.
//!
//! Debug information in files of its own (`.debug`, `.dwp`, `.dwo`) is not looked for: it would
//! cost tens of megabytes for the system's libraries, and a dump can be completed elsewhere.

use super::mapped;
use crate::modules::Module;
use crate::symbols::{Symbol, Tables, inflate};
use object::Object;
use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// The tables of each module that a stack went through, kept for the next stack.
static TABLES: Mutex<Option<HashMap<Key, Option<Tables<'static>>>>> = Mutex::new(None);

/// A module by path and place: another library may be loaded where one was.
#[derive(PartialEq, Eq, Hash)]
struct Key {
    path: String,
    base: usize,
    build_id: Option<String>,
}

/// More bytes than this in one compressed section are taken for damage.
const MAX_SECTION: u64 = 2 << 30;

pub(super) struct Symbols(MutexGuard<'static, Option<HashMap<Key, Option<Tables<'static>>>>>);

impl Symbols {
    /// One at a time: whoever else wants names waits.
    pub(super) fn open() -> Self {
        Self(TABLES.lock().unwrap_or_else(PoisonError::into_inner))
    }

    pub(super) fn find(
        &mut self,
        ip: usize,
        module: Option<&Module>,
        found: &mut dyn FnMut(Symbol),
    ) {
        let Some(module) = module else { return };
        let key = Key {
            path: module.name().to_owned(),
            base: module.base(),
            build_id: module.build_id().map(str::to_owned),
        };
        let tables = self
            .0
            .get_or_insert_with(HashMap::new)
            .entry(key)
            .or_insert_with(|| read(module));
        if let Some(tables) = tables {
            // The call is before the address it returns to.
            let address = ip.wrapping_sub(module.base()).wrapping_sub(1) as u64;
            tables.find(address, found);
        }
    }
}

fn read(module: &Module) -> Option<Tables<'static>> {
    let data = mapped::map(module.file())?;
    let file = object::File::parse(data).ok()?;
    // A library that was replaced on the disk since it was loaded names other functions.
    if let (Some(loaded), Ok(Some(on_disk))) = (module.build_id(), file.build_id())
        && !loaded.eq_ignore_ascii_case(&crate::modules::hex(on_disk))
    {
        return None;
    }
    let dwarf = crate::symbols::dwarf(&file, |name| section(&file, name));
    Some(Tables::new(&file, dwarf))
}

/// The bytes of a section; inflated, and then kept for good, if it is compressed.
fn section(file: &object::File<'static>, name: &str) -> Option<&'static [u8]> {
    let data = crate::symbols::section(file, name)?.ok()?;
    inflate(data, MAX_SECTION).map(|bytes| match bytes {
        std::borrow::Cow::Borrowed(bytes) => bytes,
        std::borrow::Cow::Owned(bytes) => Vec::leak(bytes),
    })
}

#[cfg(test)]
mod tests {
    use super::read;

    #[test]
    fn a_file_that_was_replaced_names_nothing() {
        let exe = crate::modules().remove(0);
        // Not every linker gives one.
        if exe.build_id().is_none() {
            return;
        }
        assert!(read(&exe).is_some());
        assert!(read(&exe.with_build_id("00")).is_none());
    }
}
