//! A process aborts with events and spans in a file, and the next process makes a dump of it.
#![cfg(unix)]

mod common;

use std::path::Path;
use std::process::Command;

use common::{path_of, record, span, text};
use flightrec::{Builder, CrashSafety, Dump, Kind, Value};
use flightrec_tracing::BuilderExt;
use tracing::{debug, info_span};
use tracing_subscriber::prelude::*;

const CANARY: &str = "c4nary-9f27e1b0";

fn builder(dir: &Path, safety: CrashSafety) -> Builder {
    flightrec::builder("test")
        .dir(dir)
        .notice(false)
        .crash_safety(safety)
}

fn safety(strict: bool) -> CrashSafety {
    if strict {
        CrashSafety::Strict
    } else {
        CrashSafety::On
    }
}

/// Runs in the child: records, and aborts in a span.
#[test]
fn program() {
    let Some(dir) = std::env::var_os("DUMPS") else {
        return;
    };
    let strict = std::env::var_os("STRICT").is_some();
    let (recorder, layer) = builder(Path::new(&dir), safety(strict))
        .install_layer()
        .unwrap();
    tracing_subscriber::registry().with(layer).init();
    let _long = info_span!("long", id = 7, password = CANARY).entered();
    for number in 0..5_000 {
        info_span!("short", number).in_scope(|| debug!(number, api_key = CANARY, "event {number}"));
    }
    debug!("the last event, token={CANARY}");
    debug!(d = ?Some(CANARY.len()), "typed");
    // Spans take no room among the records.
    assert_eq!(recorder.snapshot().latest_logs.len(), 1_000);
    std::process::abort();
}

/// Runs in the child: forks in a span, and the forked process aborts.
#[test]
fn forking_program() {
    let Some(dir) = std::env::var_os("DUMPS_OF_FORK") else {
        return;
    };
    let (recorder, layer) = builder(Path::new(&dir), CrashSafety::On)
        .install_layer()
        .unwrap();
    tracing_subscriber::registry().with(layer).init();
    let _outer = info_span!("outer").entered();
    let _inner = info_span!("inner").entered();
    debug!("before the fork");
    // SAFETY: the forked process only logs and aborts.
    let forked = unsafe { libc::fork() };
    if forked == 0 {
        debug!("in the forked process");
        std::process::abort();
    }
    let mut status = 0;
    // SAFETY: `status` may be written.
    assert_eq!(unsafe { libc::waitpid(forked, &raw mut status, 0) }, forked);
    recorder.close();
}

#[test]
fn a_forked_process_keeps_the_spans_that_it_inherits() {
    let dir = tempfile::tempdir().unwrap();
    let output = Command::new(std::env::current_exe().unwrap())
        .args([
            "--exact",
            "forking_program",
            "--nocapture",
            "--test-threads=1",
        ])
        .env("DUMPS_OF_FORK", dir.path())
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    let (recorder, _) = flightrec::builder("reader")
        .dump_to(std::io::sink())
        .build();
    let paths = std::fs::read_dir(dir.path()).unwrap();
    let mut paths = paths.map(|entry| entry.unwrap().path());
    let ring = paths.find(|path| path.extension().is_some_and(|end| end == "ring"));
    let dump = recorder.recover(ring.expect("a ring")).unwrap();
    assert_eq!(path_of(&dump, "in the forked process"), ["outer", "inner"]);
    assert_eq!(dump.notes, [""; 0]);
}

/// The dump of a child that aborted.
fn dump(dir: &Path, strict: bool) -> Dump {
    let mut command = Command::new(std::env::current_exe().unwrap());
    if strict {
        command.env("STRICT", "yes");
    }
    let status = command
        .args(["--exact", "program", "--nocapture", "--test-threads=1"])
        .env("DUMPS", dir)
        .output()
        .unwrap()
        .status;
    assert!(!status.success());
    let ring = std::fs::read_dir(dir)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    let ring = ring.filter(|path| {
        path.extension()
            .is_some_and(|extension| extension == "ring")
    });
    for ring in ring {
        let bytes = std::fs::read(&ring).unwrap();
        let has = |text: &str| {
            bytes
                .windows(text.len())
                .any(|window| window == text.as_bytes())
        };
        assert!(has("typed"));
        // A text without a key is masked before it is written to the file only in strict mode.
        assert_eq!(has(CANARY), !strict, "strict: {strict}");
        assert!(!has(&format!("password{CANARY}")));
    }
    let (recorder, _) = builder(dir, safety(strict)).build();
    let ring = std::fs::read_dir(dir)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    let pid_of_ours = std::process::id().to_string();
    let mut rings = ring.filter(|path| {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        name.ends_with(".ring") && !name.starts_with(&pid_of_ours)
    });
    let dump = recorder.recover(rings.next().expect("a ring")).unwrap();
    recorder.close();
    dump
}

#[test]
fn spans_outlive_the_process() {
    for strict in [false, true] {
        let dir = tempfile::tempdir().unwrap();
        let dump = dump(dir.path(), strict);
        assert_eq!(dump.reason.kind, Kind::Crash);
        assert_eq!(dump.latest_logs.len(), 1_000);
        assert_eq!(dump.evicted_logs, 4_002);
        assert_eq!(path_of(&dump, "event 4999"), ["long", "short"]);
        assert_eq!(path_of(&dump, "typed"), ["long"]);
        let long = span(&dump, record(&dump, "typed").span.unwrap());
        assert_eq!(long.fields.get("id"), Some(&Value::Int(7)));
        assert_eq!(long.name, "long");
        assert_eq!(
            record(&dump, "typed").fields.get("d"),
            Some(&text("Some(15)"))
        );
        assert_eq!(
            record(&dump, "event 4999").fields.get("number"),
            Some(&Value::Int(4_999))
        );
        let json = serde_json::to_string(&dump).unwrap();
        assert!(!json.contains(CANARY), "{json}");
        assert_eq!(dump.notes, [""; 0]);
    }
}
