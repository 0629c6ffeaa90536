//! The files with symbols, and the module that each belongs to.

use std::path::{Path, PathBuf};

use flightrec_dump::Module;

use super::binary::{Binary, Symbols};
use super::modules::{Modules, file_name, has_build_id};
use crate::error::{CliError, Result};
use crate::render::text;

/// How many modules an error names.
const MAX_NAMED: usize = 4;

/// Where to look for symbols.
#[derive(Debug)]
pub(crate) struct Options<'a> {
    pub(crate) binaries: &'a [PathBuf],
    pub(crate) debug_dirs: &'a [PathBuf],
    /// Whether to use a binary with another build-id.
    pub(crate) force: bool,
    /// The largest file that is read, in bytes.
    pub(crate) max_size: u64,
}

/// The files for each module of the dump.
#[derive(Debug)]
pub(crate) struct Sources(Vec<Vec<(PathBuf, Binary)>>);

impl Sources {
    /// The files that the dump itself names, if they exist and have the same build-id, and the debug
    /// files of the system.
    pub(crate) fn recorded(modules: &Modules, max_size: u64) -> Sources {
        let files = modules.list().iter().map(|module| {
            let Some(id) = &module.build_id else {
                return Vec::new();
            };
            let path = PathBuf::from(&module.name);
            let binary = Binary::read(&path, max_size).ok();
            let binary = binary.filter(|file| file.build_id() == Some(id));
            let linked = binary
                .as_ref()
                .and_then(|file| linked(&path, file, max_size).ok().flatten());
            let system = in_dir(Path::new("/usr/lib/debug"), id, max_size);
            let binary = binary.map(|file| (path, file));
            let files = binary.into_iter().chain(linked);
            files.chain(system.ok().flatten()).collect()
        });
        Sources(files.collect())
    }

    /// Whether there is no file at all.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.iter().all(Vec::is_empty)
    }

    pub(crate) fn open(options: &Options<'_>, modules: &Modules) -> Result<Sources> {
        let list = modules.list();
        let mut files: Vec<Vec<_>> = list.iter().map(|_| Vec::new()).collect();
        for path in options.binaries {
            let file = Binary::read(path, options.max_size)?;
            let module = module_of(path, &file, list, options.force)
                .map_err(|why| CliError::at(path, why))?;
            let linked = linked(path, &file, options.max_size)?;
            files[module].push((path.clone(), file));
            files[module].extend(linked);
        }
        for (module, files) in list.iter().zip(&mut files) {
            let Some(id) = &module.build_id else { continue };
            for dir in options.debug_dirs {
                files.extend(in_dir(dir, id, options.max_size)?);
            }
        }
        Ok(Sources(files))
    }

    /// The symbols of each module.
    pub(crate) fn symbols(&self) -> Result<Vec<Vec<Symbols<'_>>>> {
        let mut all = Vec::with_capacity(self.0.len());
        for files in &self.0 {
            let mut symbols = Vec::with_capacity(files.len());
            for (path, file) in files {
                symbols.push(file.symbols().map_err(|error| CliError::at(path, error))?);
            }
            all.push(symbols);
        }
        Ok(all)
    }
}

/// The number of the module that a file has symbols for, or why it has symbols for none of them.
fn module_of(
    path: &Path,
    file: &Binary,
    modules: &[Module],
    force: bool,
) -> std::result::Result<usize, String> {
    if modules.is_empty() {
        return Err("the dump has no modules".to_owned());
    }
    let id = file.build_id();
    if let Some(id) = id
        && let Some(module) = modules.iter().position(|module| has_build_id(module, id))
    {
        return Ok(module);
    }
    let named = modules.iter().position(|module| has_name_of(module, path));
    if let Some(module) = named
        && id.is_none()
        && modules[module].build_id.is_none()
    {
        return Ok(module);
    }
    if force {
        // A file with another name is assumed to be for the program.
        return Ok(named.unwrap_or(0));
    }
    let found = match id {
        Some(id) => format!("its build-id is {id}"),
        None => "it has no build-id".to_owned(),
    };
    let expected: Vec<String> = match named {
        Some(module) => vec![described(&modules[module])],
        None => modules.iter().take(MAX_NAMED).map(described).collect(),
    };
    let more = if named.is_none() && modules.len() > MAX_NAMED {
        format!(" and {} more", modules.len() - MAX_NAMED)
    } else {
        String::new()
    };
    Err(format!(
        "{found}, but the dump is from {}{more}; give the build that failed, or use --force",
        expected.join(", ")
    ))
}

fn described(module: &Module) -> String {
    let name = text::line(file_name(module));
    match &module.build_id {
        Some(id) => format!("{name} with {}", text::line(id)),
        None => format!("{name} without a build-id"),
    }
}

/// Whether a file has the name of the module, with or without `.debug` at the end.
fn has_name_of(module: &Module, path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let name = name.strip_suffix(".debug").unwrap_or(&name);
    name == file_name(module)
}

/// The debug file of a build-id below a directory such as `/usr/lib/debug`:
/// `.build-id/ab/cdef….debug`.
fn in_dir(dir: &Path, build_id: &str, max_size: u64) -> Result<Option<(PathBuf, Binary)>> {
    // Only a build-id of the dump becomes part of a path.
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
    let file = Binary::read(&path, max_size)?;
    match file.build_id() {
        Some(found) if found == build_id => Ok(Some((path, file))),
        found => {
            let found = found.unwrap_or("missing");
            let why =
                format!("its name is for the build-id {build_id}, but its build-id is {found}");
            Err(CliError::at(&path, why))
        }
    }
}

/// The debug file of a binary without debug information, if it is from the same build. Its name is in
/// `.gnu_debuglink`. It may be in the same directory or in `.debug/` there.
fn linked(binary: &Path, file: &Binary, max_size: u64) -> Result<Option<(PathBuf, Binary)>> {
    let Some((name, crc)) = file.debug_link().filter(|_| !file.has_debug_info()) else {
        return Ok(None);
    };
    // A path could lead anywhere.
    if name.contains(['/', '\\']) || matches!(name, "" | "." | "..") {
        return Ok(None);
    }
    let beside = binary.parent().unwrap_or(Path::new(""));
    for path in [beside.join(name), beside.join(".debug").join(name)] {
        // The link of some binaries is their own name.
        if path == binary || !path.is_file() {
            continue;
        }
        let linked = Binary::read(&path, max_size)?;
        let same = match (file.build_id(), linked.build_id()) {
            (Some(ours), Some(theirs)) => ours == theirs,
            _ => linked.crc() == crc,
        };
        if same {
            return Ok(Some((path, linked)));
        }
    }
    Ok(None)
}
