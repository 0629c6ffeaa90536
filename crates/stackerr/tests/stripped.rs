//! Stacks in a stripped program: this test runs a copy of itself without symbols.
#![cfg(all(target_os = "linux", feature = "anyhow"))]

use stackerr::{Error, FrameKind, StackTrace, err};
use std::path::Path;
use std::process::Command;

const CHILD: &str = "STACKERR_STRIPPED";

/// Checks that the name of each frame can be looked up later.
fn can_be_completed(trace: &StackTrace) {
    let exe = std::env::current_exe().unwrap();
    let own: Vec<_> = trace
        .frames()
        .iter()
        .filter(|frame| frame.module() == exe.to_str())
        .collect();
    assert!(own.len() > 4, "{trace}");
    for frame in own {
        assert!(!frame.is_named() && frame.file().is_none(), "{trace}");
        assert!(
            frame.address() > 0 && frame.address() < frame.ip(),
            "{trace}"
        );
        // A frame without a name may be the program's, so it must not be hidden.
        assert_eq!(frame.kind(), FrameKind::App);
    }
    assert!(trace.trail()[0].file().ends_with("stripped.rs"), "{trace}");
}

fn only(error: &Error) -> StackTrace {
    let traces = error.stack_traces();
    assert_eq!(traces.len(), 1);
    traces.into_iter().next().unwrap()
}

#[test]
fn a_stack_can_be_completed() {
    if std::env::var_os(CHILD).is_some() {
        let error = err!("ours");
        can_be_completed(&only(&error));
        // anyhow has a backtrace, but its text has neither names nor addresses.
        let theirs = anyhow::anyhow!("theirs");
        let text = theirs.backtrace().to_string();
        assert!(text.contains("<unknown>"), "{text}");
        can_be_completed(&only(&Error::wrap(theirs)));
        return;
    }
    let exe = std::env::current_exe().unwrap();
    let stripped = Path::new(env!("CARGO_TARGET_TMPDIR")).join("stripped");
    let strip = Command::new("strip")
        .arg("-o")
        .args([&stripped, &exe])
        .status();
    assert!(strip.unwrap().success());
    let child = Command::new(&stripped)
        .args(["--exact", "a_stack_can_be_completed", "--nocapture"])
        .env(CHILD, "1")
        .env("RUST_BACKTRACE", "1")
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&child.stderr);
    assert!(child.status.success(), "{text}");
    assert!(String::from_utf8_lossy(&child.stdout).contains("1 passed"));
}
