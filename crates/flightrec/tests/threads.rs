//! The stacks of all threads in dumps.
#![cfg(all(target_os = "linux", target_env = "gnu", target_arch = "x86_64"))]

mod common;

use std::hint::black_box;
use std::path::Path;
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread;

use common::{child, dumps, quiet, scenario};
use flightrec::{Dump, Thread};
use tempfile::tempdir;

#[inline(never)]
fn waits_for(release: &Receiver<()>, ready: &Sender<()>) {
    ready.send(()).unwrap();
    let _ = black_box(release.recv());
}

/// Starts a thread that waits until the returned sender is dropped.
fn waiting(name: &str) -> Sender<()> {
    let (release, waits) = mpsc::channel();
    let (ready, wait) = mpsc::channel();
    thread::Builder::new()
        .name(name.to_owned())
        .spawn(move || waits_for(&waits, &ready))
        .unwrap();
    wait.recv().unwrap();
    release
}

fn calls(thread: &Thread, function: &str) -> bool {
    thread
        .frames
        .iter()
        .any(|frame| frame.name.contains(function))
}

#[inline(never)]
fn fails() -> std::num::ParseIntError {
    black_box("x").parse::<u8>().unwrap_err()
}

/// The child process: fails as the scenario says.
#[test]
fn program() {
    let Some((scenario, dir)) = scenario() else {
        return;
    };
    let recorder = quiet(&dir).all_threads(true).install().unwrap();
    let _waiting = waiting("waiter");
    let _secret = waiting("token=hunter2xyz");
    match scenario.as_str() {
        "error" => {
            recorder.dump_error(&fails()).unwrap();
        }
        "panic" => {
            let _ = thread::spawn(|| panic!("it panicked")).join();
        }
        other => panic!("no scenario {other}"),
    }
}

fn dump_of(scenario: &str, dir: &Path) -> Dump {
    let output = child("program", scenario, dir);
    assert!(output.status.success(), "{output:?}");
    let [(path, dump)] = <[_; 1]>::try_from(dumps(dir)).expect("one dump");
    let json = std::fs::read_to_string(path).unwrap();
    assert!(!json.contains("hunter2"), "{json}");
    dump
}

#[test]
fn with_all_threads_dumps_of_errors_and_panics_have_all_threads() {
    for scenario in ["error", "panic"] {
        let dir = tempdir().unwrap();
        let dump = dump_of(scenario, dir.path());
        assert_eq!(dump.reason.kind.as_str(), scenario);
        let named = |name: &str| {
            let mut threads = dump.threads.iter();
            threads.find(|thread| thread.name.as_deref() == Some(name))
        };
        let waiter = named("waiter").unwrap_or_else(|| panic!("{:?}", dump.threads));
        assert!(calls(waiter, "waits_for"), "{waiter:?}");
        assert_eq!(waiter.stack_ended, None);
        let main = named("main").expect("the main thread");
        assert_eq!(main.id, u64::from(dump.process.pid));
        assert!(!main.frames.is_empty());
        assert!(
            dump.threads.iter().any(|thread| {
                let name = thread.name.as_deref();
                name.is_some_and(|name| name.contains("[redacted]"))
            }),
            "{:?}",
            dump.threads
        );
        assert!(!dump.stack_traces.is_empty());
        // One of them is the C library, in which the threads wait.
        assert!(dump.modules.len() > 1, "{:?}", dump.modules);
    }
}

#[test]
fn by_default_dumps_of_errors_have_no_threads() {
    let dir = tempdir().unwrap();
    let (recorder, _tee) = quiet(dir.path()).build();
    recorder.dump_error(&fails()).unwrap();
    assert!(dumps(dir.path())[0].1.threads.is_empty());
}
