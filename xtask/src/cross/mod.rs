//! Tests other platforms, as far as this machine can run their programs.

mod table;
mod targets;
mod wine;

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::cargo;
use crate::demo::{self, Platform};
use table::Table;
use targets::{Kind, TARGETS, Target};

const USAGE: &str = "usage: cargo xtask cross [--table] [--write] [TARGET]… | --here";

/// The tests that run on every target, by package: those that depend on the platform.
const TESTS: &[&str] = &[
    "-p stackwalk --lib --test oracle --test modules",
    "-p tailwriter --all-features --lib --test mapped --test memory",
    "-p dumpmaker -p crashring",
    "-p forklock --test threads",
    "-p flightrec --all-features --test dump --test store --test crash",
    "-p flightrec-cli --no-default-features --test recover",
];

/// This test needs `madvise`, which `qemu-user` ignores.
const NOT_EMULATED: &str = "the_kernel_is_asked_not_to_read_ahead";

/// For each target, runs tests and a program that tries each capability, and compares the results
/// with the README's table.
pub(crate) fn run(args: &[String]) -> Result<()> {
    let (mut only_table, mut write, mut names) = (false, false, Vec::new());
    if args == ["--here"] {
        return here();
    }
    for arg in args {
        match arg.as_str() {
            "--table" => only_table = true,
            "--write" => write = true,
            name if !name.starts_with('-') => names.push(name),
            _ => bail!(USAGE),
        }
    }
    let asks_for_all = names.is_empty();
    let chosen: Vec<&Target> = match asks_for_all {
        true => TARGETS.iter().collect(),
        false => names
            .into_iter()
            .map(targets::find)
            .collect::<Result<_>>()?,
    };

    let mut table = Table::read()?;
    let mut skipped = Vec::new();
    let mut failed = Vec::new();
    for target in chosen {
        println!("\n== {}", target.name);
        if let Err(why) = target.prepare() {
            let why = format!("{}: {why:#}", target.name);
            // A target that was named on the command line must not be skipped.
            match asks_for_all {
                true => skipped.push(why),
                false => failed.push(why),
            }
            continue;
        }
        if target.kind == Kind::Checked {
            let checked = cargo::run(&format!(
                "check --lib --all-features --target {} {}",
                target.name,
                libraries()
            ));
            match checked {
                Ok(()) => skipped.push(format!("{}: only `cargo check` was run", target.name)),
                Err(error) => failed.push(format!("{}: {error:#}", target.name)),
            }
            continue;
        }
        if !only_table {
            for tried in [tests(target), demo(target, &mut skipped)] {
                if let Err(error) = tried {
                    failed.push(format!("{}: {error:#}", target.name));
                }
            }
        }
        match probe(target) {
            Ok(lines) => table.set(target.column, &lines)?,
            Err(error) => failed.push(format!("{}: {error:#}", target.name)),
        }
    }

    println!("\n{}", table.markdown());
    for line in &skipped {
        println!("skipped: {line}");
    }
    for line in &failed {
        println!("failed: {line}");
    }
    if !failed.is_empty() {
        bail!("{} steps failed", failed.len());
    }
    if write {
        return table.write();
    }
    table.check()
}

/// Runs the same tests and the probe on this machine. Does not compare the table.
fn here() -> Result<()> {
    let target = &targets::HERE;
    let tested = tests(target);
    probe(target)?;
    tested
}

/// The library crates.
fn libraries() -> String {
    let names = crate::ci::CRATES.iter();
    let libraries = names.filter(|name| **name != "flightrec-cli");
    libraries.map(|name| format!("--package {name} ")).collect()
}

/// Runs all tests, even if some fail.
fn tests(target: &Target) -> Result<()> {
    let mut failed = Vec::new();
    for tests in TESTS {
        if target.skips.iter().any(|package| tests.contains(package)) {
            println!("skipped: {tests}");
            continue;
        }
        let mut words = format!("test --quiet --no-fail-fast {tests}{}", target.option());
        if matches!(target.kind, Kind::Emulated { .. }) {
            words += &format!(" -- --skip {NOT_EMULATED}");
        }
        if let Err(error) = cargo::run_with(&words, &borrowed(&target.env())) {
            failed.push(format!("{error:#}"));
        }
    }
    if !failed.is_empty() {
        bail!("{}", failed.join("; "));
    }
    Ok(())
}

/// Runs the demo with programs of the target, if possible.
fn demo(target: &Target, skipped: &mut Vec<String>) -> Result<()> {
    let why = match target.kind {
        Kind::Native | Kind::Emulated { .. } if target.name.starts_with("armv7") => {
            "the demo: slow in an emulator, and aarch64 runs it"
        }
        Kind::Native | Kind::Emulated { .. } => {
            skipped.push(format!(
                "{}: acts 5 and 6 of the demo: no stacks of crashes and other threads",
                target.name
            ));
            return demo::run_on(Platform {
                option: target.option(),
                dir: target.name,
                env: target.env(),
                has_crash_stacks: false,
            });
        }
        Kind::Host => "the demo: `cargo xtask demo` runs it",
        Kind::Wine => "the demo: it needs Unix paths and a named pipe",
        Kind::Checked => "the demo: no runner",
    };
    skipped.push(format!("{}: {why}", target.name));
    Ok(())
}

/// Runs `examples/what_works.rs` on the target and returns its lines.
fn probe(target: &Target) -> Result<Vec<(String, String)>> {
    cargo::run_with(
        &format!(
            "build --quiet -p examples -p flightrec-cli --no-default-features \
             --features examples/platform --example what_works --bin flightrec{}",
            target.option()
        ),
        &borrowed(&target.env()),
    )?;
    let mut dir = cargo::target_dir();
    if target.kind != Kind::Host {
        dir.push(target.name);
    }
    dir.push("debug");
    let suffix = target.suffix();
    let program = dir.join(format!("examples/what_works{suffix}"));
    let mut command = match target.runner {
        Some(runner) => {
            let mut command = Command::new(runner);
            command.arg(&program);
            command
        }
        None => Command::new(&program),
    };
    let flightrec = dir.join(format!("flightrec{suffix}"));
    command.arg(&flightrec).envs(target.env());
    let output = command
        .output()
        .with_context(|| format!("cannot run {}", program.display()))?;
    let stdout = String::from_utf8_lossy(&output.stdout);
    print!("{stdout}");
    if !output.status.success() {
        bail!(
            "{}: {}\n{}",
            program.display(),
            output.status,
            String::from_utf8_lossy(&output.stderr)
        );
    }
    if target.kind == Kind::Wine {
        wine::colours(&program, &flightrec, &target.env())?;
    }
    let lines = stdout.lines().filter_map(|line| line.split_once('\t'));
    Ok(lines
        .map(|(capability, result)| (capability.to_owned(), result.trim().to_owned()))
        .collect())
}

fn borrowed(env: &[(String, String)]) -> Vec<(&str, &str)> {
    env.iter()
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .collect()
}

/// Finds a program in `PATH`. An absolute path is used unchanged.
fn find_program(name: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH")?;
    env::split_paths(&path)
        .map(|dir| dir.join(name))
        .find(|path| Path::is_file(path))
}
