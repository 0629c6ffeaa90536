//! Runs tests of `flightrec-tracing` that need their own lock file: the package `xtask/tracing`.

use anyhow::{Result, bail};

use crate::cargo;

pub(crate) fn run(args: &[String]) -> Result<()> {
    if !args.is_empty() {
        bail!("usage: cargo xtask tracing-tests");
    }
    let dir = cargo::root().join("xtask").join("tracing");
    let target = cargo::target_dir().join("tracing");
    let env = [("CARGO_TARGET_DIR", &*target.to_string_lossy())];
    cargo::run_in(&dir, "test --quiet", &env)?;
    let static_level = "test --quiet --features static-level --test static_level";
    cargo::run_in(&dir, static_level, &env)
}
