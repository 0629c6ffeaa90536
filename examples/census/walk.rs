//! Finds manifests.

use std::fs;
use std::path::{Path, PathBuf};

use flightrec::stackerr::{Error, ResultExt};
use log::{debug, trace};

/// How many directories deep manifests are searched.
const MAX_DEPTH: usize = 12;

/// All files called `Cargo.toml` below `dir`, sorted.
pub(crate) fn manifests(dir: &Path) -> Result<Vec<PathBuf>, Error> {
    let mut found = Vec::new();
    let mut pending = vec![(dir.to_owned(), 0)];
    while let Some((dir, depth)) = pending.pop() {
        trace!("listing {}", dir.display());
        let entries =
            fs::read_dir(&dir).with_context(|| format!("cannot list {}", dir.display()))?;
        for entry in entries {
            let entry = entry.with_context(|| format!("cannot list {}", dir.display()))?;
            if entry.file_name() == "Cargo.toml" {
                found.push(entry.path());
            } else if entry.file_type()?.is_dir() && depth < MAX_DEPTH {
                pending.push((entry.path(), depth + 1));
            }
        }
    }
    found.sort();
    debug!("found {} manifests", found.len());
    Ok(found)
}
