//! Fuzzing: builds and runs the targets in `xtask/fuzz`, each for some seconds.
//!
//! Targets are compiled with the flags of cargo-fuzz without a sanitizer, so this needs only a C++
//! compiler. For sanitizers or to minimise an input, use `cargo fuzz --fuzz-dir xtask/fuzz`.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;
use std::thread;

use anyhow::{Context, Result, bail, ensure};

use crate::cargo;

/// Tells libFuzzer which code an input reached, and which values were compared.
const COVERAGE: &str = "--cfg fuzzing -Ccodegen-units=1 -Cpasses=sancov-module \
    -Cllvm-args=-sanitizer-coverage-level=4 \
    -Cllvm-args=-sanitizer-coverage-inline-8bit-counters \
    -Cllvm-args=-sanitizer-coverage-pc-table \
    -Cllvm-args=-sanitizer-coverage-trace-compares";

/// A target and its seeds.
struct Target {
    name: &'static str,
    /// Names of seed directories.
    seeds: &'static str,
    max_len: usize,
}

const fn target(name: &'static str, seeds: &'static str, max_len: usize) -> Target {
    Target {
        name,
        seeds,
        max_len,
    }
}

const TARGETS: &[Target] = &[
    target("backtrace", "backtrace", 4 << 10),
    target("complete", "json", 16 << 10),
    target("directives", "directives", 1 << 10),
    target("dump", "json", 16 << 10),
    target("outline", "json", 16 << 10),
    target("packed", "packed", 8 << 10),
    target("print", "json", 16 << 10),
    target("redact_dump", "json", 16 << 10),
    target("redact_text", "redact_text", 4 << 10),
    target("ring", "ring", 16 << 10),
    target("stream", "stream", 8 << 10),
];

/// How long each target runs by default.
const SECONDS: u64 = 60;

/// An input of a few kilobytes that takes longer is a finding.
const SECONDS_AN_INPUT: u64 = 10;

/// An input that needs more memory is a finding. Targets check documented bounds themselves.
const MEGABYTES: u64 = 1024;

struct Options<'a> {
    seconds: u64,
    targets: Vec<&'a Target>,
}

pub(crate) fn run(args: &[String]) -> Result<()> {
    let options = options(args)?;
    ensure!(
        Command::new("c++").arg("--version").output().is_ok(),
        "libFuzzer needs a C++ compiler (`c++`), which is missing: install g++ or clang"
    );
    let programs = build(&options)?;
    // One target per core; the outputs are not mixed.
    let queue = Mutex::new(options.targets.iter());
    let next = || queue.lock().ok()?.next();
    let failed = Mutex::new(Vec::new());
    println!(
        "{:<12} {:>12} {:>8}  findings",
        "target", "executions", "edges"
    );
    thread::scope(|scope| {
        for _ in 0..thread::available_parallelism().map_or(1, usize::from) {
            scope.spawn(|| {
                while let Some(target) = next() {
                    let outcome = fuzz(target, &programs, options.seconds);
                    report(target, &outcome);
                    if outcome.map_or(true, |found| found.said.is_some())
                        && let Ok(mut failed) = failed.lock()
                    {
                        failed.push(target.name);
                    }
                }
            });
        }
    });
    let failed = failed.into_inner().unwrap_or_default();
    ensure!(failed.is_empty(), "findings in {}", failed.join(", "));
    Ok(())
}

fn options(args: &[String]) -> Result<Options<'_>> {
    let mut options = Options {
        seconds: SECONDS,
        targets: Vec::new(),
    };
    let mut args = args.iter();
    while let Some(arg) = args.next() {
        match arg.as_str() {
            "--seconds" => {
                let seconds = args.next().context("--seconds needs a number")?;
                options.seconds = seconds.parse().context("--seconds needs a number")?;
            }
            name => match TARGETS.iter().find(|target| target.name == name) {
                Some(target) => options.targets.push(target),
                None => {
                    let names: Vec<_> = TARGETS.iter().map(|target| target.name).collect();
                    bail!(
                        "usage: cargo xtask fuzz [--seconds N] [TARGET]…; \
                         unknown target {name:?}; the targets are {}",
                        names.join(", ")
                    );
                }
            },
        }
    }
    if options.targets.is_empty() {
        options.targets.extend(TARGETS);
    }
    Ok(options)
}

/// Builds the targets, and returns where they are.
fn build(options: &Options<'_>) -> Result<PathBuf> {
    let host = host()?;
    let dir = cargo::target_dir().join("fuzz");
    let mut command = cargo::cargo();
    command
        .args(["build", "--release", "--quiet", "--manifest-path"])
        .arg(home().join("Cargo.toml"))
        // Given explicitly, so that build scripts and macros are not compiled for fuzzing.
        .args(["--target", &host, "--target-dir"])
        .arg(&dir);
    for target in &options.targets {
        command.args(["--bin", target.name]);
    }
    command.env("RUSTFLAGS", COVERAGE);
    println!("building {} targets", options.targets.len());
    let status = command.status().context("cannot start cargo")?;
    ensure!(status.success(), "cannot build the targets: {status}");
    Ok(dir.join(host).join("release"))
}

fn host() -> Result<String> {
    let output = Command::new("rustc").arg("-vV").output();
    let output = output.context("cannot start rustc")?;
    let text = String::from_utf8_lossy(&output.stdout);
    let host = text.lines().find_map(|line| line.strip_prefix("host: "));
    Ok(host.context("`rustc -vV` printed no host")?.to_owned())
}

fn home() -> PathBuf {
    cargo::root().join("xtask").join("fuzz")
}

/// The result of a target.
struct Outcome {
    executions: String,
    edges: String,
    /// libFuzzer's report on a failing input.
    said: Option<String>,
}

fn fuzz(target: &Target, programs: &Path, seconds: u64) -> Result<Outcome> {
    let work = cargo::target_dir().join("fuzz-work").join(target.name);
    let corpus = work.join("corpus");
    fs::create_dir_all(&corpus)?;
    let mut command = Command::new(programs.join(target.name));
    command
        .arg(&corpus)
        .arg(home().join("seeds").join(target.seeds));
    let dictionary = home().join(format!("{}.dict", target.seeds));
    if dictionary.is_file() {
        command.arg(format!("-dict={}", dictionary.display()));
    }
    let output = command
        .arg(format!("-max_total_time={seconds}"))
        .arg(format!("-max_len={}", target.max_len))
        .arg(format!("-timeout={SECONDS_AN_INPUT}"))
        .arg(format!("-rss_limit_mb={MEGABYTES}"))
        .arg(format!("-artifact_prefix={}/", work.display()))
        .arg("-print_final_stats=1")
        .current_dir(&work)
        .output()
        .context("cannot start the target")?;
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    fs::write(work.join("log"), &said)?;
    let executions = said
        .lines()
        .find_map(|line| line.strip_prefix("stat::number_of_executed_units:"));
    let edges = said.lines().rev().find_map(|line| {
        let (_, rest) = line.split_once(" cov: ")?;
        rest.split(' ').next()
    });
    Ok(Outcome {
        executions: executions.unwrap_or("?").trim().to_owned(),
        edges: edges.unwrap_or("?").to_owned(),
        said: (!output.status.success()).then_some(said),
    })
}

fn report(target: &Target, outcome: &Result<Outcome>) {
    let name = target.name;
    match outcome {
        Ok(found) => {
            let findings = if found.said.is_some() { "YES" } else { "none" };
            println!(
                "{name:<12} {:>12} {:>8}  {findings}",
                found.executions, found.edges
            );
            for line in found.said.iter().flat_map(|said| last_lines(said)) {
                println!("    {line}");
            }
        }
        Err(error) => println!("{name:<12} could not run: {error:#}"),
    }
}

/// The last lines of a target's output, without libFuzzer's progress lines.
fn last_lines(said: &str) -> Vec<&str> {
    let lines = said.lines().filter(|line| !line.starts_with('#'));
    let lines: Vec<_> = lines.collect();
    let skip = lines.len().saturating_sub(60);
    lines[skip..].to_vec()
}
