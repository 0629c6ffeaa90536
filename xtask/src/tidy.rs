//! Checks conventions that the compiler does not check.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};

use crate::cargo;

/// A file with more lines of code has probably more than one purpose.
const MAX_LINES: usize = 400;
/// The files at the top level, without dot-files.
const TOP: &[&str] = &[
    "Cargo.lock",
    "Cargo.toml",
    "LICENSE-APACHE",
    "LICENSE-MIT",
    "README.md",
    "crates",
    "examples",
    "target",
    "xtask",
];

pub(crate) fn run(args: &[String]) -> Result<()> {
    ensure!(args.is_empty(), "usage: cargo xtask tidy");
    let mut problems = Vec::new();
    top_level(&mut problems)?;
    let mut sources = Vec::new();
    for dir in ["crates", "examples", "xtask"] {
        collect(&cargo::root().join(dir), &mut sources)?;
    }
    for path in &sources {
        check_source(path, &mut problems)?;
    }
    crates(&mut problems)?;
    for problem in &problems {
        println!("tidy: {problem}");
    }
    if problems.is_empty() {
        println!("tidy: no problems in {} files", sources.len());
        return Ok(());
    }
    bail!("{} problems", problems.len())
}

fn top_level(problems: &mut Vec<String>) -> Result<()> {
    for entry in fs::read_dir(cargo::root())? {
        let name = entry?.file_name();
        let name = name.to_string_lossy();
        if !name.starts_with('.') && !TOP.contains(&&*name) {
            problems.push(format!("{name} must not be at the top level"));
        }
    }
    Ok(())
}

fn collect(dir: &Path, sources: &mut Vec<PathBuf>) -> Result<()> {
    for entry in fs::read_dir(dir).with_context(|| format!("cannot list {}", dir.display()))? {
        let path = entry?.path();
        if path.is_dir() {
            if path.file_name().is_some_and(|name| name != "target") {
                collect(&path, sources)?;
            }
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            sources.push(path);
        }
    }
    Ok(())
}

/// Counts lines before the tests, without comments, blank lines and entries of lists of words.
fn lines_of_code(text: &str) -> usize {
    let code = text.split("#[cfg(test)]\nmod tests").next().unwrap_or(text);
    let is_code = |line: &&str| {
        let line = line.trim();
        !line.is_empty() && !line.starts_with("//") && !line.starts_with('"')
    };
    code.lines().filter(is_code).count()
}

fn check_source(path: &Path, problems: &mut Vec<String>) -> Result<()> {
    let text = fs::read_to_string(path)?;
    let shown = path.strip_prefix(cargo::root()).unwrap_or(path).display();
    let lines = lines_of_code(&text);
    let is_test = shown.to_string().contains("tests");
    if lines > MAX_LINES && !is_test {
        problems.push(format!(
            "{shown} has {lines} lines of code, more than {MAX_LINES}"
        ));
    }
    if !path.starts_with(cargo::root().join("xtask")) {
        for word in [
            concat!("TO", "DO"),
            concat!("FIX", "ME"),
            concat!("#[ig", "nore"),
            concat!("XX", "X"),
        ] {
            if text.contains(word) {
                problems.push(format!("{shown} has {word}"));
            }
        }
    }
    let is_source = path.components().any(|part| part.as_os_str() == "src");
    if is_source && !text.starts_with("//!") && !text.starts_with("#!") {
        problems.push(format!("{shown} does not begin with a `//!` comment"));
    }
    let blocks = text.matches(concat!("unsafe", " {")).count()
        + text.matches(concat!("unsafe", " impl")).count();
    let reasons = text.matches("SAFETY:").count();
    if is_source && blocks > reasons {
        problems.push(format!(
            "{shown} has {blocks} unsafe blocks and {reasons} SAFETY comments"
        ));
    }
    Ok(())
}

/// Checks the files and keys that every published crate must have.
fn crates(problems: &mut Vec<String>) -> Result<()> {
    for entry in fs::read_dir(cargo::root().join("crates"))? {
        let dir = entry?.path();
        // `README.md` is beside the crates.
        if !dir.is_dir() {
            continue;
        }
        let name = dir
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        for file in ["README.md", "CHANGELOG.md", "LICENSE-MIT", "LICENSE-APACHE"] {
            if !dir.join(file).is_file() {
                problems.push(format!("crates/{name} has no {file}"));
            }
        }
        let manifest = fs::read_to_string(dir.join("Cargo.toml"))?;
        for key in [
            "description",
            "keywords",
            "categories",
            "readme",
            "license",
            "rust-version",
        ] {
            if !manifest.lines().any(|line| line.starts_with(key)) {
                problems.push(format!("crates/{name}/Cargo.toml has no {key}"));
            }
        }
    }
    Ok(())
}
