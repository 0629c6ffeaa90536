//! Builds the programs: fetches the sources from the registry, applies our patch, builds in release.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;

use super::{PROGRAMS, Program, Variant, dir};
use crate::cargo;
use crate::files::{copy_dir, read, write};

pub(super) fn run() -> Result<()> {
    let sources = fetch()?;
    for program in PROGRAMS {
        let source = sources.join(program.source());
        for &variant in program.variants() {
            build(program, variant, &source)?;
        }
    }
    Ok(())
}

/// Makes Cargo download the sources, and returns their directory.
fn fetch() -> Result<PathBuf> {
    let package = dir().join("fetch");
    fs::create_dir_all(&package)?;
    let mut manifest = "[package]\nname = \"fetch\"\nversion = \"0.0.0\"\nedition = \"2024\"\n\n\
                        [lib]\npath = \"lib.rs\"\n\n[workspace]\n\n[dependencies]\n"
        .to_owned();
    for program in PROGRAMS {
        manifest += &format!("{} = \"={}\"\n", program.name, program.version);
    }
    write(&package.join("Cargo.toml"), &manifest)?;
    write(&package.join("lib.rs"), "")?;
    cargo::run_in(&package, "fetch --quiet", &[])?;
    let mut metadata = cargo::cargo();
    metadata
        .current_dir(&package)
        .args(["metadata", "--format-version", "1"]);
    let output = metadata.output().context("cannot start cargo")?;
    ensure!(output.status.success(), "`cargo metadata` failed");
    let metadata: Value = serde_json::from_slice(&output.stdout)?;
    let packages = metadata["packages"].as_array().into_iter().flatten();
    let manifests = packages.filter_map(|package| package["manifest_path"].as_str());
    // The metadata has no packages without a library, but all sources are in one directory.
    let mut places = manifests.filter_map(|manifest| Path::new(manifest).parent()?.parent());
    let is_there = |place: &&Path| {
        PROGRAMS
            .iter()
            .all(|program| place.join(program.source()).is_dir())
    };
    let place = places
        .find(is_there)
        .context("the sources were not fetched")?;
    Ok(place.to_owned())
}

impl Program {
    /// The name of its source directory.
    fn source(&self) -> String {
        format!("{}-{}", self.name, self.version)
    }
}

fn build(program: &Program, variant: Variant, source: &Path) -> Result<()> {
    println!("{} {}, {}", program.name, program.version, variant.name());
    let to = dir()
        .join("src")
        .join(format!("{}-{}", program.name, variant.name()));
    if to.exists() {
        fs::remove_dir_all(&to)?;
    }
    copy_dir(source, &to)?;
    let mut manifest = read(&to.join("Cargo.toml"))?;
    if variant != Variant::Plain {
        patch(program, &to)?;
        for (name, features) in program.needs {
            manifest += &dependency(name, name, features);
        }
    }
    if variant == Variant::Compat {
        manifest = without(&manifest, "[dependencies.anyhow]");
        manifest += &dependency("anyhow", "stackerr", "");
    }
    manifest += "\n[workspace]\n";
    write(&to.join("Cargo.toml"), &manifest)?;
    let target = dir().join("target");
    let target_name = target.to_string_lossy();
    cargo::run_in(
        &to,
        &format!("build --quiet --release --bin {}", program.bin),
        &[
            ("CARGO_TARGET_DIR", &target_name),
            // The copy is inside our repository. Build scripts must not use our revision.
            ("GIT_CEILING_DIRECTORIES", &dir().to_string_lossy()),
        ],
    )?;
    let built = target.join("release").join(program.bin);
    let executable = program.executable(variant);
    fs::create_dir_all(executable.parent().unwrap_or(&executable))?;
    fs::copy(&built, executable).with_context(|| built.display().to_string())?;
    Ok(())
}

/// A dependency on one of our crates.
fn dependency(name: &str, package: &str, features: &str) -> String {
    let path = cargo::root().join("crates").join(package);
    format!(
        "\n[dependencies.{name}]\npackage = \"{package}\"\npath = {path:?}\nfeatures = [{features}]\n"
    )
}

/// A manifest without one of its tables.
fn without(manifest: &str, table: &str) -> String {
    let mut is_kept = true;
    let lines = manifest.lines().filter(|line| {
        if line.starts_with('[') {
            is_kept = *line != table;
        }
        is_kept
    });
    lines.map(|line| format!("{line}\n")).collect()
}

fn patch(program: &Program, dir: &Path) -> Result<()> {
    let patch = cargo::root().join("xtask/adopt");
    let patch = patch.join(format!("{}.patch", program.name));
    let mut git = Command::new("git");
    git.current_dir(dir)
        .env("GIT_CEILING_DIRECTORIES", super::dir())
        .args(["apply", "--whitespace=nowarn"])
        .arg(&patch);
    let status = git.status().context("cannot start git")?;
    if !status.success() {
        bail!("{} does not apply to {}", patch.display(), dir.display());
    }
    Ok(())
}
