//! Lists the system calls of a program, and makes one of them fail, by `strace`.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;

use super::host::MARKS;
use super::{row::Row, watch};

/// Whether `strace` works here. If not, the test is skipped.
pub(crate) fn is_there(row: &mut Row) -> bool {
    let works = Command::new("strace")
        .args(["-qq", "-e", "inject=getppid:error=EIO", "true"])
        .output()
        .is_ok_and(|output| output.status.success());
    if !works {
        row.skip("`strace` is missing or may not trace");
    }
    works
}

/// A system call of a program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Call {
    pub(crate) name: String,
    /// Its number among the calls with this name, from 1.
    pub(crate) number: u64,
    /// The call as `strace` shows it.
    pub(crate) shown: String,
}

/// Returns the system calls between the marks `begin` and `end`.
pub(crate) fn calls(scenario: &str, dir: &Path) -> Vec<Call> {
    let trace = tempfile::NamedTempFile::new().expect("a temporary file");
    let mut strace = Command::new("strace");
    strace.args(["-f", "-qq", "-o"]).arg(trace.path());
    let ended = watch::run(wrap(&mut strace, scenario, dir)).expect("it does not hang");
    assert!(ended.status.code().is_some(), "{ended:?}");
    let text = fs::read_to_string(trace.path()).expect("a trace");
    let mut counts = BTreeMap::<String, u64>::new();
    let mut calls = Vec::new();
    let mut inside = false;
    for line in text.lines() {
        let call = line
            .split_once(' ')
            .map_or("", |(_, call)| call.trim_start());
        let Some((name, _)) = call.split_once('(') else {
            continue;
        };
        if !name
            .chars()
            .all(|char| char.is_ascii_alphanumeric() || char == '_')
        {
            continue;
        }
        let number = counts.entry(name.to_owned()).or_default();
        *number += 1;
        if call.contains(&format!("{MARKS}/begin")) {
            inside = true;
        } else if call.contains(&format!("{MARKS}/end")) {
            inside = false;
        } else if inside && !name.starts_with("exit") {
            let (name, shown) = (name.to_owned(), call.to_owned());
            calls.push(Call {
                name,
                number: *number,
                shown,
            });
        }
    }
    assert!(!calls.is_empty(), "no marks in {text}");
    calls
}

impl Call {
    /// Whether the call may change files.
    pub(crate) fn changes_files(&self) -> bool {
        const NAMES: [&str; 15] = [
            "mkdir",
            "chmod",
            "fchmod",
            "write",
            "fsync",
            "fdatasync",
            "fallocate",
            "ftruncate",
            "flock",
            "link",
            "linkat",
            "rename",
            "renameat2",
            "unlink",
            "unlinkat",
        ];
        NAMES.contains(&&*self.name) || self.name == "openat" && self.shown.contains("O_CREAT")
    }
}

/// Chooses all calls that may change files, and about `others` evenly spaced calls of each other name.
pub(crate) fn choose(calls: Vec<Call>, others: u64) -> Vec<Call> {
    let mut counts = BTreeMap::<String, u64>::new();
    for call in &calls {
        *counts.entry(call.name.clone()).or_default() += 1;
    }
    let mut seen = BTreeMap::<String, u64>::new();
    let mut is_chosen = |call: &Call| {
        let seen = seen.entry(call.name.clone()).or_default();
        *seen += 1;
        let step = counts[&call.name].div_ceil(others);
        call.changes_files() || seen.is_multiple_of(step)
    };
    calls.into_iter().filter(|call| is_chosen(call)).collect()
}

/// Returns the command that runs the program with a fault at a call, such as `signal=KILL` or `error=EIO`.
pub(crate) fn inject(
    call: &Call,
    from_then_on: bool,
    what: &str,
    scenario: &str,
    dir: &Path,
) -> Command {
    let Call { name, number, .. } = call;
    let mut strace = Command::new("strace");
    strace
        .args(["-f", "-qq", "-o", "/dev/null", "-e"])
        .arg(format!("trace={name}"));
    let plus = if from_then_on { "+" } else { "" };
    strace.args(["-e", &format!("inject={name}:{what}:when={number}{plus}")]);
    if !what.starts_with("signal") {
        // This is faster, but does not work for signals.
        strace.arg("--seccomp-bpf");
    }
    wrap(&mut strace, scenario, dir);
    strace
}

fn wrap<'a>(strace: &'a mut Command, scenario: &str, dir: &Path) -> &'a mut Command {
    let program = std::env::current_exe().expect("our own path");
    super::host::set_scenario(strace, scenario, dir, true);
    strace.arg("--").arg(program)
}
