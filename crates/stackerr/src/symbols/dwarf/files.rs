//! The directories and files in the header of a line program (6.2.4), and their paths.

use super::constants::{at, lnct};
use super::form::{self, Encoding, Spec, Value};
use super::unit::Unit;
use crate::cursor::Cursor;

/// A path that is longer is damage.
const MAX_PATH: usize = 64 << 10;

/// What the indices in a line program, and those of calls, refer to.
#[derive(Default)]
pub(super) struct Files<'data> {
    /// Up to DWARF 4 both begin at 1.
    directories: Vec<File<'data>>,
    files: Vec<File<'data>>,
}

#[derive(Clone, Copy, Default)]
pub(super) struct File<'data> {
    name: Value<'data>,
    directory: u64,
}

impl<'data> Files<'data> {
    /// Reads both tables, behind which the header ends or has things of no use here.
    pub(super) fn read(
        cursor: &mut Cursor<'data>,
        encoding: Encoding,
        unit: &Unit<'_, 'data>,
    ) -> Option<Self> {
        let mut read = Self::default();
        if encoding.version >= 5 {
            table(cursor, encoding, unit, &mut read.directories)?;
            table(cursor, encoding, unit, &mut read.files)?;
            return Some(read);
        }
        // The first of each is the unit's own.
        read.directories.push(File {
            name: unit.root.comp_dir,
            directory: 0,
        });
        read.files.push(File {
            name: unit.root.name,
            directory: 0,
        });
        loop {
            unit.fuel.burn(1)?;
            let name = cursor.text()?;
            if name.is_empty() {
                break;
            }
            let name = Value::Text(name);
            read.directories.push(File { name, directory: 0 });
        }
        loop {
            unit.fuel.burn(1)?;
            match file(cursor)? {
                Some(file) => read.files.push(file),
                None => return Some(read),
            }
        }
    }

    /// Adds the file that a line program defines itself (6.2.5.3).
    #[cold]
    pub(super) fn define(&mut self, cursor: &mut Cursor<'data>) -> Option<()> {
        self.files.push(file(cursor)??);
        Some(())
    }

    /// The path of a file: what it is relative to comes before it.
    pub(super) fn path(&self, unit: &Unit<'_, 'data>, index: u64) -> Option<String> {
        let file = self.files.get(usize::try_from(index).ok()?)?;
        let directory = match file.directory {
            // The unit's, which comes before all others anyway.
            0 => None,
            index => self.directories.get(usize::try_from(index).ok()?),
        };
        let parts = [
            unit.text(unit.root.comp_dir),
            directory.and_then(|directory| unit.text(directory.name)),
            Some(unit.text(file.name)?),
        ];
        let mut path = String::new();
        for part in parts.into_iter().flatten() {
            if path.len() + part.len() > MAX_PATH {
                return None;
            }
            push(&mut path, part);
        }
        Some(path)
    }
}

/// A file up to DWARF 4; none at the end of the table.
fn file<'data>(cursor: &mut Cursor<'data>) -> Option<Option<File<'data>>> {
    let name = cursor.text()?;
    if name.is_empty() {
        return Some(None);
    }
    let directory = cursor.leb()?;
    cursor.leb()?; // the time it was changed
    cursor.leb()?; // its size
    let name = Value::Text(name);
    Some(Some(File { name, directory }))
}

/// A table of DWARF 5, which begins with what it is made of.
fn table<'data>(
    cursor: &mut Cursor<'data>,
    encoding: Encoding,
    unit: &Unit<'_, 'data>,
    files: &mut Vec<File<'data>>,
) -> Option<()> {
    let mut formats = Vec::new();
    for _ in 0..cursor.byte()? {
        let content = cursor.leb()?;
        let name = match content {
            lnct::PATH => at::NAME,
            lnct::DIRECTORY_INDEX => at::COMP_DIR,
            _ => 0,
        };
        let form = u16::try_from(cursor.leb()?).ok()?;
        formats.push(Spec {
            name,
            form,
            implicit: 0,
        });
    }
    for _ in 0..cursor.leb()? {
        unit.fuel.burn(1 + formats.len())?;
        let before = cursor.len();
        let mut file = File::default();
        for &spec in &formats {
            let value = form::read(cursor, spec, encoding)?;
            match spec.name {
                at::NAME => file.name = value,
                at::COMP_DIR => file.directory = value.number().unwrap_or(0),
                _ => {}
            }
        }
        // Any number of files that take up no bytes would be any amount of memory.
        if cursor.len() == before {
            return None;
        }
        files.push(file);
    }
    Some(())
}

/// Appends to a path, or replaces it by an absolute one, of whatever system.
fn push(path: &mut String, part: &[u8]) {
    let part = String::from_utf8_lossy(part);
    if is_absolute(&part, '/') || is_absolute(&part, '\\') {
        path.clear();
    }
    let separator = if is_absolute(path, '\\') { '\\' } else { '/' };
    if !path.is_empty() && !path.ends_with(separator) {
        path.push(separator);
    }
    path.push_str(&part);
}

/// `/usr` and `C:/Users`, or the same with backslashes.
fn is_absolute(path: &str, separator: char) -> bool {
    let drive = path.get(1..2) == Some(":") && path[2..].starts_with(separator);
    path.starts_with(separator) || drive
}

#[cfg(test)]
mod tests {
    use super::push;

    #[test]
    fn paths_are_put_together() {
        for (parts, path) in [
            (&["/home/u", "src", "main.rs"][..], "/home/u/src/main.rs"),
            (&["/home/u/", "main.rs"], "/home/u/main.rs"),
            (&["", "src/main.rs"], "src/main.rs"),
            (&["/home/u", "/rustc/1", "lib.rs"], "/rustc/1/lib.rs"),
            (&["C:\\u", "src", "main.rs"], "C:\\u\\src\\main.rs"),
            (&["/home/u", "C:\\r", "lib.rs"], "C:\\r\\lib.rs"),
            (&["C:/u", "src", "main.rs"], "C:/u/src/main.rs"),
            (&["\u{e9}:", "a"], "\u{e9}:/a"),
        ] {
            let mut joined = String::new();
            for part in parts {
                push(&mut joined, part.as_bytes());
            }
            assert_eq!(joined, path);
        }
    }
}
