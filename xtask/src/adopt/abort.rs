//! Checks that a panic with `panic = "abort"` makes one dump, and not a second one for a crash at the
//! next start. Tests cannot be built with this setting, so this builds a program.

use std::fs;
use std::process::Command;

use anyhow::{Context, Result, ensure};

use super::dir;
use crate::cargo;
use crate::files::write;

const MAIN: &str = r#"fn main() {
    let recorder = flightrec::builder("aborts").crash_safe(true).init();
    log::debug!("a record");
    if std::env::args().len() > 1 {
        panic!("it panicked");
    }
    recorder.close();
}
"#;

pub(super) fn build() -> Result<()> {
    let package = dir().join("src").join("aborts");
    fs::create_dir_all(package.join("src"))?;
    let path = cargo::root().join("crates/flightrec");
    let manifest = format!(
        "[package]\nname = \"aborts\"\nversion = \"0.0.0\"\nedition = \"2024\"\n\n\
         [profile.dev]\npanic = \"abort\"\ndebug = 1\n\n[workspace]\n\n[dependencies]\nlog = \"0.4\"\n\
         flightrec = {{ path = {path:?}, features = [\"crash-safe\"] }}\n"
    );
    write(&package.join("Cargo.toml"), &manifest)?;
    write(&package.join("src/main.rs"), MAIN)?;
    // Uses the versions that the workspace is tested with.
    fs::copy(cargo::root().join("Cargo.lock"), package.join("Cargo.lock"))?;
    let target = dir().join("target");
    cargo::run_in(
        &package,
        "build --quiet",
        &[("CARGO_TARGET_DIR", &target.to_string_lossy())],
    )?;
    fs::copy(target.join("debug/aborts"), dir().join("bin/aborts"))?;
    Ok(())
}

pub(super) fn check() -> Result<()> {
    let state = tempfile::tempdir()?;
    let start = |args: &[&str]| {
        let mut command = Command::new(dir().join("bin/aborts"));
        command.args(args).env("XDG_STATE_HOME", state.path());
        command.output().context("cannot start the program")
    };
    let aborted = start(&["panic"])?;
    ensure!(aborted.status.code().is_none(), "it did not abort");
    ensure!(start(&[])?.status.success(), "the next start failed");
    let files: Vec<_> = fs::read_dir(state.path().join("aborts/flightrec"))?
        .map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned()))
        .collect::<Result<_>>()?;
    let [dump] = &files[..] else {
        anyhow::bail!("not exactly one dump: {files:?}");
    };
    ensure!(
        dump.contains("-panic-"),
        "the dump is not of a panic: {dump}"
    );
    println!("a panic that aborts makes one dump");
    Ok(())
}
