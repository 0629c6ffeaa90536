//! Runs every check that a change must pass.

use std::process::Command;

use anyhow::{Result, bail};

use crate::{cargo, demo, minimal, tidy, tracing_tests};

/// The crates that are published.
pub(crate) const CRATES: &[&str] = &[
    "forklock",
    "tailwriter",
    "packlog",
    "stackwalk",
    "stackerr",
    "logtee",
    "logredact",
    "flightrec-dump",
    "dumpmaker",
    "crashring",
    "flightrec",
    "flightrec-tracing",
    "flightrec-cli",
];

/// Examples that build with one crate alone.
const ALONE: &[(&str, &str)] = &[
    ("tailwriter", "last_lines"),
    ("stackerr", "keep_stacks"),
    ("logtee", "fan_out"),
];

/// The crates with loom models, and options without the features that the models do not use.
const MODELS: &[(&str, &str)] = &[
    ("tailwriter", "--no-default-features"),
    ("logtee", "--no-default-features"),
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
    // Without `--all-features`, which makes other crates enable exact numbers in serde_json.
    cargo::run("test --quiet -p dumpmaker --features nested-values --lib json_is_nested")?;
    for (name, example) in ALONE {
        cargo::run(&format!(
            "run --quiet -p examples --no-default-features --features {name} --example {example}"
        ))?;
    }
    minimal::run(&[])?;
    tracing_tests::run(&[])?;
    other_targets()?;
    models()?;
    demo::run(&[])
}

/// Targets without 64-bit atomics, and without some functions of the unwinder.
const OTHER_TARGETS: &[&str] = &["powerpc-unknown-linux-gnu", "armv7-unknown-linux-gnueabihf"];

/// Checks the library crates for other targets, if rustup has them.
fn other_targets() -> Result<()> {
    for target in OTHER_TARGETS {
        let added = Command::new("rustup")
            .args(["target", "add", target])
            .output();
        if !added.is_ok_and(|output| output.status.success()) {
            println!("skipped: rustup cannot add {target}");
            continue;
        }
        let libraries = CRATES.iter().filter(|name| **name != "flightrec-cli");
        let packages: String = libraries.map(|name| format!(" --package {name}")).collect();
        cargo::run(&format!(
            "check --lib --all-features --target {target}{packages}"
        ))?;
    }
    Ok(())
}

/// Runs the loom models of code with atomics.
fn models() -> Result<()> {
    // In its own directory, because the flag makes Cargo compile everything again.
    let dir = cargo::target_dir().join("loom");
    let dir = dir.to_string_lossy();
    for (name, features) in MODELS {
        cargo::run_with(
            &format!("test --quiet -p {name} --lib {features} models::"),
            &[
                ("RUSTFLAGS", "--cfg loom"),
                // Higher limits find no more here, and take minutes.
                ("LOOM_MAX_PREEMPTIONS", "3"),
                ("CARGO_TARGET_DIR", &dir),
            ],
        )?;
    }
    Ok(())
}
