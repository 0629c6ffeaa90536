//! Compares the cost of recording with that of other crates, with the package `xtask/bench`.

use anyhow::{Context, Result, bail};

use crate::cargo;

pub(crate) fn run(args: &[String]) -> Result<()> {
    run_program("bench", args)
}

/// Runs one of the programs of the package.
pub(crate) fn run_program(name: &str, args: &[String]) -> Result<()> {
    let manifest = cargo::root().join("xtask").join("bench").join("Cargo.toml");
    let mut command = cargo::cargo();
    command
        .args(["run", "--release", "--quiet", "--bin", name])
        .arg("--manifest-path")
        .arg(manifest);
    // Inside our target directory, so that a second run builds nothing.
    command
        .arg("--target-dir")
        .arg(cargo::target_dir().join("bench"))
        .arg("--")
        .args(args);
    let status = command.status().context("cannot start cargo")?;
    if !status.success() {
        bail!("{name}: {status}");
    }
    Ok(())
}
