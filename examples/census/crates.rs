//! Reading crates, several at a time.

use std::fs;
use std::panic;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use flightrec::stackerr::{Error, JoinExt, ResultExt, bail};
use log::debug;

/// Data from a manifest and the files of its crate.
pub(crate) struct Crate {
    pub(crate) licence: Option<String>,
    pub(crate) edition: Edition,
    pub(crate) licence_files: usize,
    pub(crate) sources: usize,
    pub(crate) lines: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Edition {
    E2015,
    E2018,
    E2021,
    E2024,
}

/// Reads all crates. The error joins those of all crates.
pub(crate) fn read_all(manifests: &[PathBuf], threads: usize) -> Result<Vec<Crate>, Error> {
    let next = AtomicUsize::new(0);
    let work = || {
        let mut results = Vec::new();
        while let Some(manifest) = manifests.get(next.fetch_add(1, Ordering::Relaxed)) {
            let read =
                read(manifest).with_context(|| format!("cannot read {}", manifest.display()));
            results.push(read);
        }
        results
    };
    let results = thread::scope(|scope| {
        let worker = |number| {
            thread::Builder::new()
                .name(format!("census-{number}"))
                .spawn_scoped(scope, work)
        };
        let workers: Result<Vec<_>, _> = (1..=threads).map(worker).collect();
        let mut results = Vec::new();
        for worker in workers? {
            // A panic in a worker ends the program.
            results.extend(
                worker
                    .join()
                    .unwrap_or_else(|panic| panic::resume_unwind(panic)),
            );
        }
        Ok::<_, Error>(results)
    })?;
    results.into_iter().join_errors::<Vec<_>>()
}

fn read(manifest: &Path) -> Result<Crate, Error> {
    debug!("reading {}", manifest.display());
    let text = fs::read_to_string(manifest)?;
    let toml: toml::Table = text.parse()?;
    let package = toml.get("package").and_then(toml::Value::as_table);
    let text_of = |key: &str| {
        package
            .and_then(|package| package.get(key))
            .and_then(toml::Value::as_str)
    };
    let edition = edition(text_of("edition"));
    let mut read = Crate {
        licence: text_of("license").map(str::to_owned),
        edition,
        licence_files: 0,
        sources: 0,
        lines: 0,
    };
    let dir = manifest.parent().unwrap_or(Path::new(""));
    read_files(dir, 0, &mut read)?;
    debug!(
        "{} is {:?} under {}; {} sources with {} lines",
        text_of("name").unwrap_or("a workspace"),
        edition,
        read.licence.as_deref().unwrap_or("no licence"),
        read.sources,
        read.lines,
    );
    Ok(read)
}

fn edition(text: Option<&str>) -> Edition {
    match text {
        None | Some("2015") => Edition::E2015,
        Some("2018") => Edition::E2018,
        Some("2021") => Edition::E2021,
        Some("2024") => Edition::E2024,
        Some(other) => unreachable!("Cargo does not accept the edition {other}"),
    }
}

/// Counts the crate's own files, without those of nested crates.
fn read_files(dir: &Path, depth: usize, read: &mut Crate) -> Result<(), Error> {
    if depth > 8 {
        bail!("{} is nested too deeply", dir.display());
    }
    for entry in fs::read_dir(dir)? {
        let entry = entry?;
        let path = entry.path();
        let name = entry.file_name();
        let name = name.to_string_lossy();
        if entry.file_type()?.is_dir() {
            if !path.join("Cargo.toml").exists() && name != "target" && !name.starts_with('.') {
                read_files(&path, depth + 1, read)?;
            }
        } else if name.starts_with("LICENSE")
            || name.starts_with("LICENCE")
            || name.starts_with("COPYING")
        {
            read.licence_files += 1;
            debug!(file:% = path.display(); "licence file {name}");
        } else if name.ends_with(".rs") {
            let source =
                fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?;
            let lines = source.iter().filter(|&&byte| byte == b'\n').count();
            read.sources += 1;
            read.lines += lines;
            debug!(lines, bytes = source.len(); "read {}", path.display());
        }
    }
    Ok(())
}
