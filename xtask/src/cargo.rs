//! Calls Cargo, and finds directories of the workspace.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

/// The root of the workspace.
pub(crate) fn root() -> &'static Path {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().unwrap_or(here)
}

/// The Cargo that runs this task.
pub(crate) fn cargo() -> Command {
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.current_dir(root());
    cargo
}

/// Runs Cargo with these arguments. Fails if Cargo fails.
pub(crate) fn run(words: &str) -> Result<()> {
    run_with(words, &[])
}

pub(crate) fn run_with(words: &str, env: &[(&str, &str)]) -> Result<()> {
    run_in(root(), words, env)
}

/// Runs Cargo in another directory.
pub(crate) fn run_in(dir: &Path, words: &str, env: &[(&str, &str)]) -> Result<()> {
    println!("$ cargo {words}");
    let mut command = cargo();
    command
        .current_dir(dir)
        .args(words.split_whitespace())
        .envs(env.iter().copied());
    let status = command.status().context("cannot start cargo")?;
    if !status.success() {
        bail!("`cargo {words}`: {status}");
    }
    Ok(())
}

/// Cargo's target directory.
pub(crate) fn target_dir() -> PathBuf {
    match std::env::var_os("CARGO_TARGET_DIR") {
        Some(dir) => root().join(dir),
        None => root().join("target"),
    }
}
