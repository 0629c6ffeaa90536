//! Debug information in files of its own.

use std::path::{Path, PathBuf};

use stackerr::symbols::SymbolFile;

use super::files::read;
use crate::outcome::{Result, Trouble};

/// The debug file of a build-id below a directory such as `/usr/lib/debug`:
/// `.build-id/ab/cdef….debug`.
pub(super) fn in_dir(
    dir: &Path,
    build_id: &str,
    max_size: u64,
) -> Result<Option<(PathBuf, SymbolFile)>> {
    // What a dump says becomes no path unless it is a build-id.
    if build_id.len() < 4 || !build_id.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Ok(None);
    }
    let build_id = build_id.to_ascii_lowercase();
    let (folder, rest) = build_id.split_at(2);
    let path = dir
        .join(".build-id")
        .join(folder)
        .join(format!("{rest}.debug"));
    if !path.exists() {
        return Ok(None);
    }
    let file = read(&path, max_size)?;
    match file.build_id() {
        Some(found) if found == build_id => Ok(Some((path, file))),
        found => {
            let found = found.unwrap_or("missing");
            let why = format!("its name is that of build-id {build_id}, but its own is {found}");
            Err(Trouble::at(&path, why))
        }
    }
}

/// The debug file that a binary without debug information names (`.gnu_debuglink`), beside it or
/// in `.debug/` beside it, if it is of the same build.
pub(super) fn linked(
    binary: &Path,
    file: &SymbolFile,
    max_size: u64,
) -> Result<Option<(PathBuf, SymbolFile)>> {
    let Some((name, crc)) = file.debug_link().filter(|_| !file.has_debug_info()) else {
        return Ok(None);
    };
    // A path would lead to anywhere.
    if name.contains(['/', '\\']) || matches!(name, "" | "." | "..") {
        return Ok(None);
    }
    let beside = binary.parent().unwrap_or(Path::new(""));
    for path in [beside.join(name), beside.join(".debug").join(name)] {
        // Some binaries name themselves.
        if path == binary || !path.is_file() {
            continue;
        }
        let linked = read(&path, max_size)?;
        let same = match (file.build_id(), linked.build_id()) {
            (Some(ours), Some(theirs)) => ours == theirs,
            _ => crc32fast::hash(linked.bytes()) == crc,
        };
        if same {
            return Ok(Some((path, linked)));
        }
    }
    Ok(None)
}
