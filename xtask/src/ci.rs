//! All that must hold before a change goes in.

use anyhow::{Result, bail};

use crate::{cargo, demo, tidy};

/// The crates that are published, and the features that are worth a build of their own.
const CRATES: &[&str] = &[
    "tailwriter",
    "stackerr",
    "logtee",
    "flightrec",
    "flightrec-cli",
];

/// The example of each crate that builds with that crate alone.
const ALONE: &[(&str, &str)] = &[
    ("tailwriter", "last_lines"),
    ("stackerr", "keep_stacks"),
    ("logtee", "fan_out"),
];

pub(crate) fn run(args: &[String]) -> Result<()> {
    let test = match args {
        [] => true,
        [option] if option == "--no-test" => false,
        _ => bail!("usage: cargo xtask ci [--no-test]"),
    };
    tidy::run(&[])?;
    cargo::run("fmt --all --check")?;
    if test {
        cargo::run("test --workspace --all-features")?;
    }
    cargo::run("clippy --workspace --all-targets --all-features -- -D warnings")?;
    cargo::run_with(
        "doc --workspace --no-deps --all-features",
        &[("RUSTDOCFLAGS", "-D warnings")],
    )?;
    for name in CRATES {
        for features in ["--no-default-features", "", "--all-features"] {
            cargo::run_with(
                &format!("check --package {name} --all-targets {features}"),
                &[("RUSTFLAGS", "-D warnings")],
            )?;
        }
        cargo::run(&format!(
            "package --package {name} --no-verify --allow-dirty --list"
        ))?;
    }
    for (name, example) in ALONE {
        cargo::run(&format!(
            "run --quiet -p examples --no-default-features --features {name} --example {example}"
        ))?;
    }
    demo::run(&[])
}
