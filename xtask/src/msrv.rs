//! Checks the published crates with their minimum Rust version.

use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::cargo;
use crate::ci::CRATES;
use crate::files::read;

/// Checks the crates with the `rust-version` of the workspace. If that toolchain is not installed, a
/// lint searches for newer items of the standard library.
pub(crate) fn run(args: &[String]) -> Result<()> {
    if !args.is_empty() {
        bail!("usage: cargo xtask msrv");
    }
    let version = rust_version()?;
    let packages: String = CRATES.iter().map(|name| format!(" -p {name}")).collect();
    if !is_installed(&version) {
        println!(
            "skipped: Rust {version} is not installed \
             (`rustup toolchain install {version} --profile minimal`); only a lint runs"
        );
        return cargo::run(&format!(
            "clippy --all-features{packages} -- -D clippy::incompatible_msrv"
        ));
    }
    for features in ["--no-default-features", "--all-features"] {
        let words = format!("check --locked {features}{packages}");
        println!("$ cargo +{version} {words}");
        let status = Command::new("rustup")
            .current_dir(cargo::root())
            .args(["run", &version, "cargo"])
            .args(words.split_whitespace())
            .status()
            .context("cannot start rustup")?;
        if !status.success() {
            bail!("`cargo +{version} {words}`: {status}");
        }
    }
    Ok(())
}

fn rust_version() -> Result<String> {
    let manifest = read(&cargo::root().join("Cargo.toml"))?;
    let version = manifest
        .lines()
        .find_map(|line| line.strip_prefix("rust-version = "))
        .context("the workspace's manifest has no rust-version")?;
    Ok(version.trim_matches('"').to_owned())
}

/// Whether rustup has the toolchain. Does not run it, because rustup may then install it.
fn is_installed(version: &str) -> bool {
    let output = Command::new("rustup").args(["toolchain", "list"]).output();
    output.is_ok_and(|output| {
        String::from_utf8_lossy(&output.stdout)
            .lines()
            .any(|line| line.starts_with(&format!("{version}-")))
    })
}
