//! Once the buffers are full, recording makes no system call; `strace` checks this.
#![cfg(target_os = "linux")]

mod common;

use std::fs;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use common::quiet;
use flightrec_tracing::BuilderExt;
use tracing::{debug, info_span, warn};
use tracing_subscriber::prelude::*;

/// Paths that are opened to mark the beginning and the end of the steady state in the trace.
const BEGIN: &str = "/the steady state begins";
const END: &str = "/the steady state ends";

const EVENTS: u64 = 30_000;

/// Runs in the child: records until everything is warm, and once more between the two marks.
#[test]
fn program() {
    let Some(dir) = std::env::var_os("DUMPS") else {
        return;
    };
    let crash_safe = std::env::var_os("CRASH_SAFE").is_some();
    let builder = quiet().dir(dir).crash_safe(crash_safe);
    let (recorder, layer) = builder.install_layer().unwrap();
    tracing_subscriber::registry().with(layer).init();
    let record = || {
        for number in 0..EVENTS {
            let _span = info_span!("span", number).entered();
            debug!("a message without arguments");
            debug!(number, of = EVENTS, "number {number} of {EVENTS}");
            if number % 10 == 0 {
                warn!("a warning, number {number}");
            }
        }
    };
    record();
    let _ = fs::exists(BEGIN);
    record();
    let _ = fs::exists(END);
    assert!(recorder.snapshot().latest_logs.len() > 100);
    recorder.close();
}

/// Runs the child under `strace`. Returns `None` if there is no `strace`, or if it may not trace.
fn traced(crash_safe: bool, dir: &Path, trace: &Path) -> Option<Output> {
    let strace = || {
        let mut command = Command::new("strace");
        command.args(["-f", "-o"]).arg(trace);
        command
    };
    let probe = strace().arg("true").stderr(Stdio::null()).status();
    if !probe.is_ok_and(|status| status.success()) {
        return None;
    }
    let mut command = strace();
    if crash_safe {
        command.env("CRASH_SAFE", "yes");
    }
    let output = command
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", "program", "--nocapture", "--test-threads=1"])
        .env("DUMPS", dir)
        .output();
    Some(output.unwrap())
}

#[test]
fn an_event_that_is_kept_makes_no_system_call() {
    for crash_safe in [false, true] {
        let dir = tempfile::tempdir().unwrap();
        let trace = dir.path().join("trace");
        let Some(output) = traced(crash_safe, &dir.path().join("state"), &trace) else {
            println!("skipped: strace is missing or may not trace");
            return;
        };
        assert!(output.status.success(), "{output:?}");
        let trace = fs::read_to_string(&trace).unwrap();
        let lines = trace.lines().skip_while(|line| !line.contains(BEGIN));
        let calls: Vec<_> = lines
            .skip(1)
            .take_while(|line| !line.contains(END))
            .collect();
        assert!(trace.contains(END), "{trace}");
        assert_eq!(calls, [""; 0], "crash-safe: {crash_safe}");
    }
}
