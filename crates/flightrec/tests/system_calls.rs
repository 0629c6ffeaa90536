//! In the steady state, recording makes no system call. This is checked by `strace`.
#![cfg(all(target_os = "linux", feature = "crash-safe"))]

mod common;

use std::fs;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use common::{quiet, scenario};
use log::{debug, warn};

/// System calls with these paths mark the begin and the end of the steady state in the trace.
const BEGIN: &str = "/the steady state begins";
const END: &str = "/the steady state ends";

/// So many that a thread fills all segments several times, both with and without a quota.
const RECORDS: u64 = 50_000;

/// The child process: records until the steady state is reached, then again between the two marks.
#[test]
fn program() {
    let Some((scenario, dir)) = scenario() else {
        return;
    };
    let recorder = quiet(&dir)
        .crash_safe(scenario == "crash-safe")
        .install()
        .unwrap();
    let record = || {
        for number in 0..RECORDS {
            debug!("a message without arguments");
            debug!(number, of = RECORDS; "number {number} of {RECORDS}");
            if number % 10 == 0 {
                warn!("a warning, number {number}");
            }
        }
    };
    record();
    let _ = fs::exists(BEGIN);
    record();
    let _ = fs::exists(END);
    assert!(recorder.snapshot().latest_logs.len() > 1_000);
    recorder.close();
}

/// Runs the child process in `strace`. Returns `None` if there is no `strace`, or it may not trace.
fn traced(scenario: &str, dir: &Path, trace: &Path) -> Option<Output> {
    let strace = || {
        let mut command = Command::new("strace");
        command.args(["-f", "-o"]).arg(trace);
        command
    };
    let probe = strace().arg("true").stderr(Stdio::null()).status();
    if !probe.is_ok_and(|status| status.success()) {
        return None;
    }
    let output = strace()
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", "program", "--nocapture", "--test-threads=1"])
        .env("SCENARIO", scenario)
        .env("DUMPS", dir)
        .output();
    Some(output.unwrap())
}

#[test]
fn a_record_that_is_kept_makes_no_system_call() {
    for scenario in ["in memory", "crash-safe"] {
        let dir = tempfile::tempdir().unwrap();
        let trace = dir.path().join("trace");
        let Some(output) = traced(scenario, &dir.path().join("state"), &trace) else {
            println!("skipped: there is no strace here, or it may not trace");
            return;
        };
        assert!(output.status.success(), "{}", common::stderr(&output));

        let trace = fs::read_to_string(&trace).unwrap();
        let mut lines = trace.lines().skip_while(|line| !line.contains(BEGIN));
        let begin = lines.next();
        assert!(begin.is_some(), "{scenario}: the trace has no beginning");
        let made: Vec<_> = lines
            .by_ref()
            .take_while(|line| !line.contains(END))
            .collect();
        assert!(lines.next().is_some(), "{scenario}: the trace has no end");
        assert!(
            made.is_empty(),
            "{scenario}: {} calls: {:#?}",
            made.len(),
            &made[..made.len().min(10)]
        );
    }
}
