//! Compares stacks with those of the system's unwinder, in programs built in each of the usual ways.

use anyhow::{Result, ensure};

use crate::cargo;

/// Options of Cargo, and an environment variable with its value.
const BUILDS: &[(&str, &str, &str)] = &[
    ("", "CARGO_PROFILE_DEV_LTO", "off"),
    ("", "CARGO_PROFILE_DEV_LTO", "fat"),
    ("--release", "CARGO_PROFILE_RELEASE_LTO", "off"),
    ("--release", "CARGO_PROFILE_RELEASE_LTO", "fat"),
];

pub(crate) fn run(args: &[String]) -> Result<()> {
    ensure!(args.is_empty(), "usage: cargo xtask stacks");
    for (profile, variable, lto) in BUILDS {
        println!("{variable}={lto}");
        cargo::run_with(
            &format!(
                "test --quiet {profile} --package stackwalk --package stackerr --lib --test oracle \
                 --test foreign"
            ),
            &[(*variable, *lto)],
        )?;
    }
    Ok(())
}
