//! Where the dumps of this machine lie.

use std::fs;
use std::path::{Path, PathBuf};

use etcetera::BaseStrategy;

use crate::input;
use crate::outcome::{Result, Trouble};

/// A dump by its name, unread.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Found {
    pub(crate) path: PathBuf,
    /// The program's directory, which its name was made to.
    pub(crate) app: String,
    pub(crate) size: u64,
}

/// The directory that the programs have their state directories in.
///
/// `$XDG_STATE_HOME` on Linux and macOS, the local application data on Windows; none without a
/// home directory.
pub(crate) fn state_dir() -> Option<PathBuf> {
    let base = etcetera::choose_base_strategy().ok()?;
    Some(base.state_dir().unwrap_or_else(|| base.cache_dir()))
}

/// Every dump of every program, or of one, newest first.
pub(crate) fn find(state: &Path, app: Option<&str>) -> Vec<Found> {
    let mut found = Vec::new();
    let apps = fs::read_dir(state).into_iter().flatten().flatten();
    for entry in apps {
        let name = entry.file_name().to_string_lossy().into_owned();
        if app.is_none_or(|app| app == name) {
            find_in(&entry.path().join("flightrec"), &name, &mut found);
        }
    }
    newest_first(&mut found);
    found
}

/// The dump that a user means: a file, `-`, a number of the list, or a program's newest; the
/// newest of all if nothing is said.
pub(crate) fn resolve(asked: Option<&Path>) -> Result<PathBuf> {
    let state = state_dir().unwrap_or_default();
    let Some(path) = asked else {
        let newest = find(&state, None).into_iter().next();
        return newest
            .map(|found| found.path)
            .ok_or_else(|| Trouble::at(&state, "no program has dumps on this machine"));
    };
    if input::is_stdin(path) || path.exists() {
        return Ok(path.to_owned());
    }
    let word = path.to_string_lossy();
    let found = match word.parse::<usize>() {
        Ok(number) => number
            .checked_sub(1)
            .and_then(|n| find(&state, None).into_iter().nth(n)),
        Err(_) => find(&state, Some(&word)).into_iter().next(),
    };
    found.map(|found| found.path).ok_or_else(|| {
        Trouble::at(
            path,
            "there is no such file, and no program of that name has dumps on this machine; \
             `flightrec list` shows those that there are",
        )
    })
}

fn find_in(dir: &Path, app: &str, found: &mut Vec<Found>) {
    for entry in fs::read_dir(dir).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let Ok(metadata) = entry.metadata() else {
            continue;
        };
        if metadata.is_file() && is_dump(&name.to_string_lossy()) {
            found.push(Found {
                path: entry.path(),
                app: app.to_owned(),
                size: metadata.len(),
            });
        }
    }
}

/// The names begin with the time.
fn newest_first(found: &mut [Found]) {
    found.sort_by(|a, b| {
        b.path
            .file_name()
            .cmp(&a.path.file_name())
            .then_with(|| a.path.cmp(&b.path))
    });
}

/// `20261123T003015.123456Z-error-4711-0.json`
fn is_dump(name: &str) -> bool {
    let time = name.split('-').next().unwrap_or_default();
    name.ends_with(".json")
        && time.len() > 15
        && time.ends_with('Z')
        && time.bytes().take(8).all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_come_first_whatever_the_program() {
        let state = tempfile::tempdir().unwrap();
        let put = |app: &str, name: &str| {
            let dir = state.path().join(app).join("flightrec");
            fs::create_dir_all(&dir).unwrap();
            fs::write(dir.join(name), "{}").unwrap();
        };
        put("b", "20261123T003015.123456Z-error-4711-0.json");
        put("a", "20261123T003015.123457Z-panic-4711-0.json");
        put("b", "20261123T003014.000000Z-error-4711-0.json");
        put("a", "notes.json");
        put("a", ".tmp-1-2");
        let apps = |app| {
            find(state.path(), app)
                .into_iter()
                .map(|found| found.app)
                .collect::<Vec<_>>()
        };
        assert_eq!(apps(None), ["a", "b", "b"]);
        assert_eq!(apps(Some("b")), ["b", "b"]);
        assert!(apps(Some("c")).is_empty());
        assert!(find(&state.path().join("none"), None).is_empty());
    }
}
