//! Helpers for the tests.
#![allow(dead_code, reason = "no test binary uses all of it")]

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use flightrec::logtee::Tee;
use flightrec::{Builder, Dump, FlightRecorder};
use log::{Level, Log, Record};

/// A recorder that writes to `dir` and shows nothing on the console.
pub(crate) fn quiet(dir: &Path) -> Builder {
    flightrec::builder("test")
        .dir(dir)
        .console(log::LevelFilter::Off)
}

pub(crate) fn build(dir: &Path) -> (FlightRecorder, Tee) {
    quiet(dir).build()
}

pub(crate) fn log(tee: &Tee, level: Level, message: &str) {
    tee.log(
        &Record::builder()
            .level(level)
            .target("test")
            .args(format_args!("{message}"))
            .build(),
    );
}

/// Returns the dumps in a directory, oldest first. Panics if there is another file.
pub(crate) fn dumps(dir: &Path) -> Vec<(PathBuf, Dump)> {
    let Ok(entries) = fs::read_dir(dir) else {
        return Vec::new();
    };
    let mut dumps: Vec<_> = entries
        .map(|entry| {
            let path = entry.unwrap().path();
            let dump = Dump::from_json(&fs::read(&path).unwrap());
            let dump = dump.unwrap_or_else(|error| panic!("{}: {error}", path.display()));
            (path, dump)
        })
        .collect();
    dumps.sort_by(|a, b| a.0.cmp(&b.0));
    dumps
}

/// Runs the test `name` of this binary in a child process, with `SCENARIO` set.
pub(crate) fn child(name: &str, scenario: &str, dir: &Path) -> Output {
    child_with(name, scenario, dir, &[])
}

/// Like [`child`], with more environment variables.
pub(crate) fn child_with(
    name: &str,
    scenario: &str,
    dir: &Path,
    variables: &[(&str, &str)],
) -> Output {
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", name, "--nocapture", "--test-threads=1"])
        .env("SCENARIO", scenario)
        .env("DUMPS", dir)
        // No directory to fall back to.
        .env("TMPDIR", "/proc")
        .env_remove("RUST_BACKTRACE")
        .envs(variables.iter().copied())
        .output()
        .unwrap()
}

/// In a child process: its scenario, and the directory for dumps.
pub(crate) fn scenario() -> Option<(String, PathBuf)> {
    Some((
        std::env::var("SCENARIO").ok()?,
        std::env::var_os("DUMPS")?.into(),
    ))
}

pub(crate) fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// Starts the test `program` of this binary in a child process, and waits until it is ready.
pub(crate) fn start(scenario: &str, dir: &Path) -> Child {
    let child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "program", "--nocapture"])
        .env("SCENARIO", scenario)
        .env("DUMPS", dir)
        // No directory to fall back to.
        .env("TMPDIR", "/proc")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    wait_until_ready(child)
}

/// Waits until the child prints "ready".
pub(crate) fn wait_until_ready(mut child: Child) -> Child {
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    assert!(
        lines
            .map_while(Result::ok)
            .any(|line| line.ends_with("ready")),
        "it did not print \"ready\""
    );
    child
}

/// Returns the files in a directory that are not dumps.
pub(crate) fn rings(dir: &Path) -> Vec<PathBuf> {
    let paths = fs::read_dir(dir)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    paths
        .filter(|path| {
            path.extension()
                .is_some_and(|extension| extension != "json")
        })
        .collect()
}

/// Asserts that a directory has only dumps.
pub(crate) fn assert_no_rings(dir: &Path) {
    assert_eq!(rings(dir), [""; 0].map(PathBuf::from));
}

/// Returns the dumps in a directory that may also have rings.
pub(crate) fn dumps_of(dir: &Path) -> Vec<Dump> {
    let files = fs::read_dir(dir)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    let json = files.filter(|path| {
        path.extension()
            .is_some_and(|extension| extension == "json")
    });
    json.map(|path| Dump::from_json(&fs::read(path).unwrap()).unwrap())
        .collect()
}
