//! The files with symbols, and the module that each is of.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use stackerr::symbols::{SymbolFile, Symbols};

use super::debug_files;
use super::modules::{Module, Modules};
use crate::look::count;
use crate::look::text;
use crate::outcome::{Result, Trouble};

/// Modules that are named in an error.
const MAX_NAMED: usize = 4;

/// Where the user said that symbols are.
#[derive(Debug)]
pub(crate) struct Asked<'a> {
    pub(crate) binaries: &'a [PathBuf],
    pub(crate) debug_dirs: &'a [PathBuf],
    /// Whether to take a binary whose build-id is another.
    pub(crate) force: bool,
    /// The largest file that is read, in bytes.
    pub(crate) max_size: u64,
}

/// The files for each module of the dump.
#[derive(Debug)]
pub(crate) struct Sources(Vec<Vec<(PathBuf, SymbolFile)>>);

impl Sources {
    pub(crate) fn open(asked: &Asked<'_>, modules: &Modules) -> Result<Sources> {
        let list = modules.list();
        let mut files: Vec<Vec<_>> = list.iter().map(|_| Vec::new()).collect();
        for path in asked.binaries {
            let file = read(path, asked.max_size)?;
            let module =
                module_of(path, &file, list, asked.force).map_err(|why| Trouble::at(path, why))?;
            let linked = debug_files::linked(path, &file, asked.max_size)?;
            files[module].push((path.clone(), file));
            files[module].extend(linked);
        }
        for (module, files) in list.iter().zip(&mut files) {
            let Some(id) = &module.build_id else { continue };
            for dir in asked.debug_dirs {
                files.extend(debug_files::in_dir(dir, id, asked.max_size)?);
            }
        }
        Ok(Sources(files))
    }

    /// What finds names, for each module.
    pub(crate) fn symbols(&self) -> Result<Vec<Vec<Symbols<'_>>>> {
        let mut all = Vec::with_capacity(self.0.len());
        for files in &self.0 {
            let mut symbols = Vec::with_capacity(files.len());
            for (path, file) in files {
                symbols.push(file.symbols().map_err(|error| Trouble::at(path, error))?);
            }
            all.push(symbols);
        }
        Ok(all)
    }
}

/// Reads a file with symbols, whatever it may be instead.
pub(super) fn read(path: &Path, max_size: u64) -> Result<SymbolFile> {
    let failed = |error: io::Error| Trouble::at(path, format!("cannot read it: {error}"));
    // A device or a pipe would be read, or waited for, without end.
    let metadata = fs::metadata(path).map_err(failed)?;
    if !metadata.is_file() {
        return Err(Trouble::at(path, "it is no regular file"));
    }
    if metadata.len() > max_size {
        let size = count::bytes(max_size);
        let why = format!("it is larger than {size}; a larger --max-size allows more");
        return Err(Trouble::at(path, why));
    }
    let mut file = File::open(path).map_err(failed)?;
    // Its beginning first: a large file of another kind is not read for nothing.
    let mut bytes = Vec::new();
    file.by_ref()
        .take(64)
        .read_to_end(&mut bytes)
        .map_err(failed)?;
    if SymbolFile::is_elf(&bytes) {
        bytes.reserve(metadata.len() as usize);
        let rest = max_size.saturating_sub(bytes.len() as u64);
        file.take(rest).read_to_end(&mut bytes).map_err(failed)?;
    }
    let what = kind(&bytes);
    SymbolFile::parse(bytes, max_size).map_err(|error| match what {
        Some(what) => Trouble::at(path, format!("{error} but {what}")),
        None => Trouble::at(path, error),
    })
}

/// What else people might give.
fn kind(start: &[u8]) -> Option<&'static str> {
    const KINDS: &[(&[u8], &str)] = &[
        (b"#!", "a script"),
        (b"MZ", "a Windows program, whose symbols are in a .pdb"),
        (b"Microsoft C/C++", "a .pdb"),
        (b"\xcf\xfa\xed\xfe", "a Mach-O file"),
        (b"\xca\xfe\xba\xbe", "a Mach-O file"),
        (b"!<arch>", "a static library"),
        (b"\x1f\x8b", "a gzip archive; unpack it first"),
        (b"{", "JSON"),
    ];
    let kind = KINDS.iter().find(|(magic, _)| start.starts_with(magic));
    kind.map(|(_, what)| *what)
}

/// The number of the module that a file has the symbols of, or why it is of none.
fn module_of(
    path: &Path,
    file: &SymbolFile,
    modules: &[Module],
    force: bool,
) -> std::result::Result<usize, String> {
    if modules.is_empty() {
        return Err("the dump tells of no modules that it could be one of".to_owned());
    }
    let id = file.build_id();
    if let Some(id) = id
        && let Some(module) = modules.iter().position(|module| module.has_build_id(id))
    {
        return Ok(module);
    }
    let named = modules.iter().position(|module| is_named_so(module, path));
    if let Some(module) = named
        && id.is_none()
        && modules[module].build_id.is_none()
    {
        return Ok(module);
    }
    if force {
        // Under another name it can only be guessed to be the program.
        return Ok(named.unwrap_or(0));
    }
    let found = match id {
        Some(id) => format!("its build-id is {id}"),
        None => "it has no build-id".to_owned(),
    };
    let expected: Vec<String> = match named {
        Some(module) => vec![said(&modules[module])],
        None => modules.iter().take(MAX_NAMED).map(said).collect(),
    };
    let more = if named.is_none() && modules.len() > MAX_NAMED {
        format!(" and {} more", modules.len() - MAX_NAMED)
    } else {
        String::new()
    };
    Err(format!(
        "{found}, but the dump is from {}{more}; give the build that failed, or --force to use \
         this one all the same",
        expected.join(", ")
    ))
}

fn said(module: &Module) -> String {
    let name = text::line(module.file_name());
    match &module.build_id {
        Some(id) => format!("{name} with {}", text::line(id)),
        None => format!("{name} without a build-id"),
    }
}

/// Whether a file is called as the module is, perhaps with `.debug` behind it.
fn is_named_so(module: &Module, path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let name = name.strip_suffix(".debug").unwrap_or(&name);
    name == module.file_name()
}
