//! System calls: which ones a program makes, and having one of them fail.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;

use super::host::MARKS;
use super::{row::Row, watch};

/// Whether there is an `strace` that can trace; if not, the row says so.
pub(crate) fn is_there(row: &mut Row) -> bool {
    let works = Command::new("strace")
        .args(["-qq", "-e", "inject=getppid:error=EIO", "true"])
        .output()
        .is_ok_and(|output| output.status.success());
    if !works {
        row.skip("there is no `strace` here, or it may not trace");
    }
    works
}

/// One call of a program: its name, and which one of those that is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Call {
    pub(crate) name: String,
    pub(crate) number: u64,
    /// As `strace` shows it.
    pub(crate) shown: String,
}

/// The system calls between the marks `begin` and `end`, in the order of the first thread.
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
    /// Whether it may change what is on the disk.
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

/// All calls that may change what is on the disk; of each other, some `others` all along the way.
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

/// The program, with something done at a call: `signal=KILL`, `error=EIO`.
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
        // Faster; but a signal does not come that way.
        strace.arg("--seccomp-bpf");
    }
    wrap(&mut strace, scenario, dir);
    strace
}

fn wrap<'a>(strace: &'a mut Command, scenario: &str, dir: &Path) -> &'a mut Command {
    let program = std::env::current_exe().expect("our own path");
    super::host::tell(strace, scenario, dir, true);
    strace.arg("--").arg(program)
}
