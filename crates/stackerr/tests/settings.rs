//! Settings of the whole process. Each case runs in its own process.

use stackerr::{Capture, Error, err, set_capture, set_capture_stamp, set_max_depth};
use std::process::Command;

const CASE: &str = "STACKERR_TEST_CASE";

/// Runs the test of this name again in a child process with the variables. Returns true in that child.
fn in_child(name: &str, variables: &[(&str, &str)]) -> bool {
    if std::env::var_os(CASE).is_some_and(|case| case == name) {
        return true;
    }
    let mut child = Command::new(std::env::current_exe().unwrap());
    child.args(["--exact", name, "--nocapture"]);
    child
        .env_remove("RUST_BACKTRACE")
        .env_remove("RUST_LIB_BACKTRACE");
    child.env(CASE, name).envs(variables.iter().copied());
    let output = child.output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{text}{errors}");
    assert!(text.contains("1 passed"), "{text}{errors}");
    false
}

fn has_stack(err: &Error) -> bool {
    !err.stack_traces().is_empty()
}

#[test]
fn stacks_are_captured_independently_of_the_environment() {
    if in_child(
        "stacks_are_captured_independently_of_the_environment",
        &[("RUST_BACKTRACE", "0")],
    ) {
        assert!(has_stack(&err!("x")));
    }
}

#[test]
fn never_and_always() {
    if in_child("never_and_always", &[("RUST_BACKTRACE", "1")]) {
        set_capture(Capture::Never);
        let bare = err!("x").context("c");
        assert!(!has_stack(&bare));
        assert_eq!(format!("{bare:?}"), "c\ncaused by: x");
        assert_eq!(stackerr::StackTraces::capture("asked for").len(), 1);
        set_capture(Capture::Always);
        assert!(has_stack(&err!("x")));
        assert!(!has_stack(&bare));
    }
}

#[test]
fn env_unset() {
    if in_child("env_unset", &[]) {
        set_capture(Capture::Env);
        assert!(!has_stack(&err!("x")));
    }
}

#[test]
fn env_set() {
    if in_child("env_set", &[("RUST_BACKTRACE", "1")]) {
        set_capture(Capture::Env);
        assert!(has_stack(&err!("x")));
    }
}

#[test]
fn env_off_for_libraries() {
    if in_child(
        "env_off_for_libraries",
        &[("RUST_BACKTRACE", "1"), ("RUST_LIB_BACKTRACE", "0")],
    ) {
        set_capture(Capture::Env);
        assert!(!has_stack(&err!("x")));
    }
}

#[inline(never)]
fn deep(levels: u32) -> Error {
    let err = if levels == 0 {
        err!("deep")
    } else {
        deep(levels - 1)
    };
    std::hint::black_box(err)
}

fn frames(err: &Error) -> usize {
    err.stack_traces()
        .iter()
        .next()
        .map_or(0, |trace| trace.frames().len())
}

#[test]
fn the_depth_is_fifty_unless_set() {
    if in_child("the_depth_is_fifty_unless_set", &[]) {
        assert_eq!(frames(&deep(500)), 50);
        set_max_depth(3);
        let err = deep(500);
        assert_eq!(frames(&err), 3);
        let traces = err.stack_traces();
        assert!(
            traces.iter().next().unwrap().frames()[0]
                .name()
                .ends_with("deep")
        );
        set_max_depth(200);
        assert_eq!(frames(&deep(500)), 200);
        set_max_depth(0);
        assert!(!has_stack(&deep(5)));
    }
}

#[test]
fn a_stack_gets_its_stamp_when_it_is_captured() {
    if in_child("a_stack_gets_its_stamp_when_it_is_captured", &[]) {
        use std::sync::atomic::{AtomicU64, Ordering};
        static SEQ: AtomicU64 = AtomicU64::new(41);
        let before = err!("before");
        assert!(set_capture_stamp(|| SEQ.load(Ordering::Relaxed)));
        assert!(!set_capture_stamp(|| 0));
        let first = err!("first");
        SEQ.store(99, Ordering::Relaxed);
        let join = Error::join([before, first.context("later"), err!("last")]).unwrap();
        let stamps: Vec<_> = join
            .stack_traces()
            .iter()
            .map(|trace| trace.stamp())
            .collect();
        assert_eq!(stamps, [None, Some(41), Some(99)]);
        #[cfg(feature = "serde")]
        {
            let json = serde_json::to_value(join.stack_traces()).unwrap();
            assert_eq!(json[1]["stamp"], 41);
            assert!(json[0].get("stamp").is_none());
        }
    }
}

#[cfg(feature = "anyhow")]
#[test]
fn the_backtrace_of_an_anyhow_error_is_used() {
    if in_child(
        "the_backtrace_of_an_anyhow_error_is_used",
        &[("RUST_BACKTRACE", "1")],
    ) {
        #[inline(never)]
        fn created_by_anyhow() -> anyhow::Error {
            std::hint::black_box(anyhow::anyhow!("theirs"))
        }
        let (theirs, line) = (created_by_anyhow(), line!());
        let err = Error::wrap(theirs.context("context")).context("ours");
        let traces = err.stack_traces();
        let trace = traces.iter().next().unwrap();
        let [first, second, ..] = trace.frames() else {
            panic!("{trace}")
        };
        assert!(first.name().ends_with("created_by_anyhow"), "{trace}");
        assert!(first.file().unwrap().ends_with("settings.rs"), "{trace}");
        assert!(first.column().is_some(), "{trace}");
        assert_eq!(second.line(), Some(line), "{trace}");
        assert!(trace.frames().iter().any(stackerr::Frame::is_noise));

        // A stack of this crate in the chain is preferred.
        let both = anyhow::Error::from(err!("inner")).context("theirs");
        assert_eq!(
            both.backtrace().status(),
            std::backtrace::BacktraceStatus::Captured
        );
        let traces = Error::wrap(both).stack_traces();
        assert_eq!(traces.len(), 1);
        let trace = traces.iter().next().unwrap();
        assert_eq!(trace.error(), "inner");
        assert!(trace.frames()[0].address() > 0);
    }
}

#[cfg(feature = "anyhow")]
#[test]
fn an_anyhow_error_without_a_backtrace_gets_our_stack() {
    if in_child("an_anyhow_error_without_a_backtrace_gets_our_stack", &[]) {
        let err = Error::wrap(anyhow::anyhow!("theirs"));
        let traces = err.stack_traces();
        let trace = traces.iter().next().unwrap();
        assert!(trace.frames()[0].address() > 0, "{trace}");
        assert!(
            trace.frames()[0].name().contains("an_anyhow_error_without"),
            "{trace}"
        );
    }
}
