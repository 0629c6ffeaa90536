//! Checks that the libraries build with the lowest dependency versions that they allow.

use std::fs;
use std::path::Path;

use anyhow::{Result, bail};

use crate::cargo;
use crate::ci::CRATES;
use crate::files::{copy_dir, copy_file, read, write};

/// Builds the libraries, without their tests, with the lowest version of each direct dependency.
///
/// Cargo writes such a lock file only with an unstable option, and only beside the workspace's
/// manifest. So this builds a copy of the crates in the target directory.
pub(crate) fn run(args: &[String]) -> Result<()> {
    if !args.is_empty() {
        bail!("usage: cargo xtask minimal");
    }
    let copy = cargo::target_dir().join("minimal");
    let target = copy.join("target");
    copy_workspace(&copy)?;
    let target = target.to_string_lossy();
    // Only this command gets the variable: build scripts must not see it.
    cargo::run_in(
        &copy,
        "generate-lockfile --quiet -Z direct-minimal-versions",
        &[("RUSTC_BOOTSTRAP", "1")],
    )?;
    for features in ["--no-default-features", "--all-features"] {
        cargo::run_in(
            &copy,
            &format!("check --quiet --workspace --locked {features}"),
            &[("CARGO_TARGET_DIR", &target), ("CARGO_INCREMENTAL", "0")],
        )?;
    }
    Ok(())
}

fn copy_workspace(to: &Path) -> Result<()> {
    let crates = to.join("crates");
    if crates.exists() {
        fs::remove_dir_all(&crates)?;
    }
    // The program may require the newest versions, since nothing depends on it.
    for name in CRATES.iter().filter(|name| **name != "flightrec-cli") {
        let from = cargo::root().join("crates").join(name);
        let to = crates.join(name);
        copy_dir(&from.join("src"), &to.join("src"))?;
        copy_file(&from.join("README.md"), &to.join("README.md"))?;
        let manifest = read(&from.join("Cargo.toml"))?;
        write(&to.join("Cargo.toml"), &without_tests(&manifest))?;
    }
    let manifest = read(&cargo::root().join("Cargo.toml"))?;
    let lines = manifest.lines().map(|line| {
        let is_members = line.starts_with("members = ");
        (if is_members {
            "members = [\"crates/*\"]"
        } else {
            line
        })
        .to_owned()
            + "\n"
    });
    let manifest: String = lines.collect();
    write(&to.join("Cargo.toml"), &manifest)
}

/// A manifest without the parts for tests and benchmarks.
fn without_tests(manifest: &str) -> String {
    let mut kept = String::new();
    let mut is_kept = true;
    for line in manifest.lines() {
        if line.starts_with('[') {
            let is_of_tests = ["dev-dependencies", "[[test]]", "[[bench]]"];
            is_kept = !is_of_tests.iter().any(|of_tests| line.contains(of_tests));
        }
        if is_kept {
            kept.push_str(line);
            kept.push('\n');
        }
    }
    kept
}
