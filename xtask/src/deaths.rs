//! The long crash tests: each kind of crash, in programs built in each of the usual ways.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail, ensure};

use crate::{cargo, handlers};

/// How a program is built: its name, and the environment of Cargo.
const BUILDS: &[(&str, &[(&str, &str)])] = &[
    ("dynamic", &[]),
    (STRIPPED, &[]),
    (IN_C, &[]),
    (
        "static-pie",
        &[("RUSTFLAGS", "-C target-feature=+crt-static")],
    ),
    ("panic=abort", &[("CARGO_PROFILE_RELEASE_PANIC", "abort")]),
    ("opt-level=z", &[("CARGO_PROFILE_RELEASE_OPT_LEVEL", "z")]),
    ("fat LTO", &[("CARGO_PROFILE_RELEASE_LTO", "fat")]),
];
const STRIPPED: &str = "stripped";
const IN_C: &str = "library in a C program";
/// Given explicitly, so that the flags do not apply to build scripts, which cannot be static.
const TARGET: &str = "x86_64-unknown-linux-gnu";

const USAGE: &str = "usage: cargo xtask deaths [--tries N] [BUILD]… | --peers [--tries N]";

pub(crate) fn run(args: &[String]) -> Result<()> {
    ensure!(
        cfg!(all(
            target_os = "linux",
            target_env = "gnu",
            target_arch = "x86_64"
        )),
        "this task needs Linux on x86-64 with glibc"
    );
    if let [option, args @ ..] = args
        && option == "--peers"
    {
        return handlers::run(args);
    }
    let (tries, names) = match args {
        [option, tries, names @ ..] if option == "--tries" => (tries.parse()?, names),
        [option, ..] if option.starts_with('-') => bail!("{USAGE}"),
        names => (200_usize, names),
    };
    for name in names {
        let known = BUILDS.iter().any(|(build, _)| build == name);
        ensure!(known, "unknown build {name:?}\n{USAGE}");
    }
    let mut rows = Vec::new();
    let mut is_good = true;
    for (build, env) in BUILDS {
        if names.is_empty() || names.iter().any(|name| name == build) {
            let program = program(build, env)?;
            is_good &= campaign(build, &program, tries, &mut rows)?;
        }
    }
    println!("\n| build | death | tries | hung | changed | lost | stacks equal to gdb's |");
    println!("|---|---|--:|--:|--:|--:|--:|");
    for row in rows {
        println!("| {} |", row.join(" | "));
    }
    ensure!(is_good, "a crash test failed: see above");
    Ok(())
}

fn program(build: &str, env: &[(&str, &str)]) -> Result<PathBuf> {
    // The first three differ only in the last step.
    let name = if env.is_empty() { "dynamic" } else { build };
    let dir = cargo::target_dir()
        .join("deaths")
        .join(name.replace([' ', '='], "-"));
    let made = dir.join(TARGET).join("release");
    let kind = match build {
        IN_C => "--lib --crate-type cdylib",
        _ => "--bin deaths",
    };
    let mut env = env.to_vec();
    let shown = dir.to_string_lossy();
    env.extend([
        ("CARGO_TARGET_DIR", &*shown),
        // gdb would read debug information for each core dump, which is slow.
        ("CARGO_PROFILE_RELEASE_DEBUG", "0"),
    ]);
    let words = format!("rustc --quiet --release -p deaths --target {TARGET} {kind}");
    cargo::run_with(&words, &env)?;
    let program = made.join("deaths");
    match build {
        STRIPPED => {
            let stripped = made.join("deaths-stripped");
            fs::copy(&program, &stripped)?;
            finish(Command::new("strip").arg(&stripped))?;
            Ok(stripped)
        }
        IN_C => {
            let host = made.join("deaths-in-c");
            let source = cargo::root().join("xtask/deaths/src/host.c");
            let rpath = format!("-Wl,-rpath,{}", made.display());
            finish(
                Command::new("cc")
                    .args(["-O2", "-fomit-frame-pointer", "-o"])
                    .args([&host, &source, &made.join("libdeaths.so")])
                    .arg(rpath),
            )?;
            Ok(host)
        }
        _ => Ok(program),
    }
}

fn finish(command: &mut Command) -> Result<()> {
    let name = command.get_program().display().to_string();
    let status = command
        .status()
        .with_context(|| format!("cannot run {name}"))?;
    ensure!(status.success(), "{name}: {status}");
    Ok(())
}

/// Runs the package's test with that program. Returns false if it fails.
fn campaign(
    build: &str,
    program: &Path,
    tries: usize,
    rows: &mut Vec<Vec<String>>,
) -> Result<bool> {
    let mut command = cargo::cargo();
    command
        .args("test --quiet -p deaths --test campaign".split(' '))
        .env("DEATHS_PROGRAM", program)
        .env("DEATHS_TRIES", tries.to_string())
        // 2,000 tries in all builds together.
        .env("DEATHS_BUSY", (tries * 3 / 2).to_string())
        .env("DEATHS_GDB", tries.min(10).to_string())
        .stdout(Stdio::piped());
    if build == IN_C {
        // If `main` is not in Rust, std gives threads no alternate stack.
        command.env("DEATHS_LOG_ONLY", "stack overflow in a thread");
    }
    if Path::new("/dev/shm").is_dir() {
        command.env("TMPDIR", "/dev/shm");
    }
    let mut child = command.spawn().context("cannot start cargo")?;
    let stdout = child.stdout.take().context("no pipe")?;
    for line in BufReader::new(stdout).lines() {
        let line = line?;
        match line.strip_prefix("row\t") {
            Some(row) => {
                let cells = row.split('\t').take(6).map(str::to_owned);
                rows.push([build.to_owned()].into_iter().chain(cells).collect());
                println!("{build}: {}", row.replace('\t', " | "));
            }
            None => println!("{build}: {line}"),
        }
    }
    Ok(child.wait()?.success())
}
