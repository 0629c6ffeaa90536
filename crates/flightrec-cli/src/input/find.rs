//! Finds the files that a user asks for, and the dumps of this machine.

use std::collections::HashSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use dumpmaker::store::is_dump_name;

use super::{is_stdin, note};
use crate::error::{CliError, Result};
use crate::render::count;
use crate::render::text;

/// The maximum depth of nested directories that are searched.
const MAX_DEPTH: usize = 32;

/// A file, and the number of a dump in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Source {
    pub(crate) path: PathBuf,
    /// Counted from 1; `None` for the last.
    pub(crate) number: Option<usize>,
    /// Whether the file was found as the newest, and not named by the user.
    pub(crate) is_newest: bool,
}

impl Source {
    /// The newest of several files.
    pub(crate) fn newest(path: PathBuf) -> Source {
        Source {
            path,
            number: None,
            is_newest: true,
        }
    }

    /// A file that the user has named.
    pub(crate) fn named(path: PathBuf, number: Option<usize>) -> Source {
        Source {
            path,
            number,
            is_newest: false,
        }
    }

    /// The name of the file without directories; empty for standard input.
    pub(crate) fn file_name(&self) -> String {
        if is_stdin(&self.path) {
            return String::new();
        }
        let name = self.path.file_name().unwrap_or_default();
        name.to_string_lossy().into_owned()
    }

    /// The name that the user can type, escaped.
    pub(crate) fn name(&self) -> String {
        let path = self.path.to_string_lossy();
        let number = self.number.map(|number| format!(":{number}"));
        text::line(&path).into_owned() + &number.unwrap_or_default()
    }
}

/// The file of a dump that was not read yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Found {
    pub(crate) path: PathBuf,
    /// The name of the program's directory, which is derived from the program's name.
    pub(crate) app: String,
    pub(crate) size: u64,
}

/// The directory of the programs' state directories.
///
/// `$XDG_STATE_HOME` on Linux and macOS, the local application data on Windows.
///
/// # Errors
///
/// Fails if there is no home directory.
pub(crate) fn state_dir() -> Result<PathBuf> {
    dumpmaker::store::state_dir().ok_or_else(|| {
        CliError::new("there is no state directory, because there is no home directory")
    })
}

/// The dumps of every program, or of one, newest first.
///
/// # Errors
///
/// Fails if there are no dumps and a directory may not be read. If there are dumps, that is a warning.
pub(crate) fn all_dumps(state: &Path, app: Option<&str>) -> Result<Vec<Found>> {
    let mut found = Vec::new();
    let mut denied = Vec::new();
    let mut list = |dir: &Path| match fs::read_dir(dir) {
        Ok(entries) => entries.flatten().collect(),
        Err(error) => {
            if error.kind() == io::ErrorKind::PermissionDenied {
                denied.push(dir.to_owned());
            }
            Vec::new()
        }
    };
    for entry in list(state) {
        let name = entry.file_name().to_string_lossy().into_owned();
        if app.is_some_and(|app| app != name) {
            continue;
        }
        for file in list(&entry.path().join("flightrec")) {
            let Ok(metadata) = file.metadata() else {
                continue;
            };
            if metadata.is_file() && is_dump_name(&file.file_name().to_string_lossy()) {
                found.push(Found {
                    path: file.path(),
                    app: name.clone(),
                    size: metadata.len(),
                });
            }
        }
    }
    if let Some(dir) = denied.first() {
        let error = CliError::at(
            dir,
            "permission denied; to see the dumps in it, run flightrec as its owner or as root",
        );
        if found.is_empty() {
            return Err(error);
        }
        note(&error.to_string());
    }
    newest_first(&mut found);
    Ok(found)
}

/// The dumps that a user asks for; the newest of this machine if nothing is given.
///
/// # Errors
///
/// Fails if there is no such dump.
pub(crate) fn several(asked: &[PathBuf]) -> Result<Vec<Source>> {
    match asked {
        [] => Ok(vec![one(None)?]),
        asked => asked.iter().map(|path| one(Some(path))).collect(),
    }
}

/// Each dump that a user asks for: every file of a directory, in the order of their names; the newest
/// dump of this machine if nothing is given.
///
/// # Errors
///
/// Fails if there is no such dump.
pub(crate) fn each(asked: &[PathBuf]) -> Result<Vec<Source>> {
    if asked.is_empty() {
        return Ok(vec![one(None)?]);
    }
    let mut sources = Vec::new();
    for path in asked {
        if path.is_dir() {
            let mut files = files_in(path)?;
            files.sort_unstable();
            let files = files.into_iter();
            sources.extend(files.map(|file| Source::named(file, None)));
        } else {
            sources.push(one(Some(path))?);
        }
    }
    Ok(sources)
}

/// The dump that a user asks for: a file, `FILE:2` for the second dump in it, `-` for standard input,
/// a directory for the newest dump in it, a number of `flightrec list`, or a program for its newest
/// dump.
///
/// # Errors
///
/// Fails if there is no such dump.
pub(crate) fn one(asked: Option<&Path>) -> Result<Source> {
    let Some(path) = asked else {
        let state = state_dir()?;
        let newest = all_dumps(&state, None)?.into_iter().next();
        return newest
            .map(|found| Source::newest(found.path))
            .ok_or_else(|| {
                CliError::at(&state, "there are no dumps of any program on this machine")
            });
    };
    if path.is_dir() {
        return newest_in(path);
    }
    // Not `exists`, which is false for a file that may not be accessed.
    if is_stdin(path) || fs::symlink_metadata(path).is_ok() {
        return Ok(Source::named(path.to_owned(), None));
    }
    let word = path.to_string_lossy();
    if let Some((file, number)) = word.rsplit_once(':')
        && let Ok(number) = number.parse()
        && (is_stdin(Path::new(file)) || Path::new(file).is_file())
    {
        return Ok(Source::named(file.into(), Some(number)));
    }
    let state = state_dir()?;
    let found = match word.parse::<usize>() {
        Ok(number) => {
            let all = all_dumps(&state, None)?;
            let dumps = count::of(all.len(), "dump");
            let at = number.checked_sub(1);
            let found = at.and_then(|at| all.into_iter().nth(at));
            return found
                .map(|found| Source::named(found.path, None))
                .ok_or_else(|| {
                    CliError::new(format!(
                        "there is no dump {number}: `flightrec list` has {dumps}"
                    ))
                });
        }
        Err(_) => all_dumps(&state, Some(&word))?.into_iter().next(),
    };
    if let Some(found) = found {
        return Ok(Source::newest(found.path));
    }
    let why = match fs::symlink_metadata(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => format!("cannot read it: {error}"),
        _ => "there is no such file, and no program of that name has dumps on this machine; \
              `flightrec list` shows the dumps that there are"
            .to_owned(),
    };
    Err(CliError::at(path, why))
}

fn newest_in(dir: &Path) -> Result<Source> {
    let mut files: Vec<Found> = files_in(dir)?
        .into_iter()
        .map(|path| Found {
            path,
            app: String::new(),
            size: 0,
        })
        .collect();
    newest_first(&mut files);
    let count = files.len();
    let newest = files
        .into_iter()
        .next()
        .ok_or_else(|| CliError::at(dir, "there are no dumps in this directory"))?;
    if count > 1 {
        let name = newest.path.to_string_lossy();
        note(&format!(
            "{}: the newest of {count} files in the directory; `flightrec list` shows all",
            text::line(&name)
        ));
    }
    Ok(Source::newest(newest.path))
}

/// Every file in a directory that may have dumps, at any depth, without following links.
///
/// # Errors
///
/// Fails if the directory can't be read.
pub(crate) fn files_in(dir: &Path) -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    let entries = fs::read_dir(dir).map_err(|error| CliError::reading(dir, &error))?;
    search(entries, &mut files, MAX_DEPTH);
    let mut seen = HashSet::new();
    files.retain(|file| seen.insert(file.clone()));
    Ok(files)
}

fn search(entries: fs::ReadDir, files: &mut Vec<PathBuf>, depth: usize) {
    for entry in entries.flatten() {
        let Ok(kind) = entry.file_type() else {
            continue;
        };
        let path = entry.path();
        if kind.is_dir() && depth > 0 {
            if let Ok(entries) = fs::read_dir(&path) {
                search(entries, files, depth - 1);
            }
        } else if kind.is_file() && may_have_dumps(&path) {
            files.push(path);
        }
    }
}

fn may_have_dumps(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let name = name.trim_end_matches(".gz").trim_end_matches(".zst");
    name.ends_with(".json") && !name.starts_with('.')
}

/// Sorts by the time at the beginning of the names. Other names come last, by the time of the file.
pub(crate) fn newest_first(found: &mut [Found]) {
    found.sort_by_cached_key(|found| {
        let name = found.path.file_name().unwrap_or_default();
        let name = name.to_string_lossy().into_owned();
        let (time, changed) = match is_dump_name(&name) {
            true => (name, None),
            false => {
                let changed = fs::metadata(&found.path).and_then(|metadata| metadata.modified());
                (String::new(), changed.ok())
            }
        };
        std::cmp::Reverse((time, changed, std::cmp::Reverse(found.path.clone())))
    });
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
            let found = all_dumps(state.path(), app).unwrap().into_iter();
            found.map(|found| found.app).collect::<Vec<_>>()
        };
        assert_eq!(apps(None), ["a", "b", "b"]);
        assert_eq!(apps(Some("b")), ["b", "b"]);
        assert!(apps(Some("c")).is_empty());
        let none = all_dumps(&state.path().join("none"), None);
        assert!(none.unwrap().is_empty());
    }
}
