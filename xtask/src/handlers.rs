//! Checks how programs end that also have other crash handlers: the package `xtask/handlers`.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail, ensure};

use crate::cargo;

/// Peers that need only Cargo.
const CRATES: &[&str] = &[
    "none",
    "signal-hook",
    "sentry",
    "color-eyre",
    "crash-handler",
];
const GO: &str = "Go";
const JVM: &str = "JVM";

const USAGE: &str = "usage: cargo xtask deaths --peers [--tries N]";

pub(crate) fn run(args: &[String]) -> Result<()> {
    let tries = match args {
        [] => "1",
        [option, tries] if option == "--tries" => tries,
        _ => bail!("{USAGE}"),
    };
    let target = cargo::target_dir().join("handlers");
    fs::create_dir_all(&target)?;
    let mut peers: Vec<&str> = CRATES.to_vec();
    let mut env = vec![
        ("CARGO_TARGET_DIR", target.clone()),
        ("HANDLERS_TRIES", tries.into()),
    ];
    match go_library(&target) {
        Ok(library) => {
            peers.push(GO);
            env.push(("HANDLERS_GO", library));
        }
        Err(error) => println!("skipped: {GO}: {error:#}"),
    }
    match java_class(&target) {
        Ok((library, classes)) => {
            peers.push(JVM);
            env.extend([("HANDLERS_JVM", library), ("HANDLERS_CLASSES", classes)]);
        }
        Err(error) => println!("skipped: {JVM}: {error:#}"),
    }
    let mut command = cargo::cargo();
    command
        .args("test --quiet --release --test ends".split(' '))
        .current_dir(dir())
        .envs(env)
        .env("HANDLERS_PEERS", peers.join(","))
        .stdout(Stdio::piped());
    let mut child = command.spawn().context("cannot start cargo")?;
    let stdout = child.stdout.take().context("no pipe")?;
    println!("| peer | the recorder is installed | runs | wrong |\n|---|---|--:|--:|");
    for line in BufReader::new(stdout).lines() {
        let line = line?;
        match line.strip_prefix("row\t") {
            Some(row) => {
                // The test prints the peer's position, the table shows the recorder's.
                let row = row
                    .replace("\tbefore\t", "\tlater\t")
                    .replace("\tafter\t", "\tfirst\t");
                println!("| {} |", row.replace('\t', " | "));
            }
            None => println!("{line}"),
        }
    }
    ensure!(
        child.wait()?.success(),
        "a program ended in the wrong way: see above"
    );
    Ok(())
}

fn dir() -> PathBuf {
    cargo::root().join("xtask").join("handlers")
}

/// Builds the library with Go's runtime.
fn go_library(target: &Path) -> Result<PathBuf> {
    need("go", "version", "golang-go")?;
    let library = target.join("libpeer.so");
    finish(
        Command::new("go")
            .args(["build", "-buildmode=c-shared", "-o"])
            .args([&library, Path::new("peer.go")])
            .current_dir(dir().join("go")),
    )?;
    Ok(library)
}

/// Compiles the class. Returns the library of the virtual machine and the directory of the class.
fn java_class(target: &Path) -> Result<(PathBuf, PathBuf)> {
    need("javac", "-version", "default-jdk-headless")?;
    let settings = Command::new("java")
        .args(["-XshowSettings:properties", "-version"])
        .output()
        .context("cannot start java")?;
    let settings = String::from_utf8_lossy(&settings.stderr).into_owned();
    let home = settings
        .lines()
        .find_map(|line| line.trim().strip_prefix("java.home = "))
        .context("java does not print its directory")?;
    let library = Path::new(home).join("lib/server/libjvm.so");
    ensure!(library.exists(), "{} is missing", library.display());
    let classes = target.join("java");
    finish(
        Command::new("javac")
            .args(["-nowarn", "-d"])
            .args([&classes, &dir().join("java/Peer.java")]),
    )?;
    Ok((library, classes))
}

/// Installs the Debian package if the program is missing.
fn need(program: &str, version: &str, package: &str) -> Result<()> {
    let is_there = || {
        let tried = Command::new(program).arg(version).output();
        tried.is_ok_and(|output| output.status.success())
    };
    if !is_there() {
        println!("$ apt-get install {package}");
        // The check below reports failures.
        let _ = Command::new("apt-get")
            .args(["install", "--yes", "--no-install-recommends", package])
            .output();
    }
    ensure!(
        is_there(),
        "{program} is missing: install the Debian package {package}"
    );
    Ok(())
}

/// Runs the command. Prints its output if it fails.
fn finish(command: &mut Command) -> Result<()> {
    let name = command.get_program().display().to_string();
    let output = command
        .output()
        .with_context(|| format!("cannot run {name}"))?;
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{name}: {}\n{said}", output.status);
    Ok(())
}
