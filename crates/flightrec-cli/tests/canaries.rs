//! Rings, dumps and exports have no secrets.
#![cfg(any(target_os = "linux", target_os = "macos"))]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;

use flightrec::stackerr::err;
use log::{Level, Log, Record};
use tempfile::tempdir;

const CANARY: &str = "c4nary9f27e1b0Zq7";

/// The files below a directory.
fn files(dir: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(dir)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    entries
        .flat_map(|path| {
            if path.is_dir() {
                files(&path)
            } else {
                vec![path]
            }
        })
        .collect()
}

#[track_caller]
fn assert_clean(bytes: &[u8], place: &str) {
    let text = String::from_utf8_lossy(bytes);
    assert!(!text.contains(CANARY), "{place}: {text}");
}

#[test]
fn planted_secrets_are_in_no_ring_no_dump_and_no_export() {
    let dir = tempdir().unwrap();
    let (recorder, tee) = flightrec::builder("canaries")
        .dir(dir.path())
        .crash_safety(flightrec::CrashSafety::Strict)
        .metadata("deploy_token", CANARY)
        .metadata("url", format!("postgres://app:{CANARY}@db/prod"))
        .build();
    let log = |message: &str| {
        let fields = [("api_key", CANARY), ("note", message)];
        tee.log(
            &Record::builder()
                .level(Level::Debug)
                .target(message)
                .args(format_args!("{message}"))
                .key_values(&fields)
                .build(),
        );
    };
    for message in [
        format!("password={CANARY}"),
        format!("Authorization: Bearer {CANARY}"),
        format!("{{\"secret\": \"{CANARY}\"}}"),
        // The redactor has learned the secret by now.
        format!("<b>{CANARY}</b>"),
    ] {
        log(&message);
    }
    thread::scope(|scope| {
        let name = format!("password={CANARY}");
        let thread = thread::Builder::new().name(name);
        thread.spawn_scoped(scope, || log("by a thread")).unwrap();
    });
    let rings = files(dir.path());
    assert!(
        rings
            .iter()
            .any(|path| path.extension().is_some_and(|it| it == "ring"))
    );
    let error = err!("password={CANARY}").context(format!("token: {CANARY}"));
    recorder.dump_error(&error).unwrap();

    let mut dump = None;
    for path in files(dir.path()) {
        assert_clean(&fs::read(&path).unwrap(), &path.display().to_string());
        if path
            .extension()
            .is_some_and(|extension| extension == "json")
        {
            dump = Some(path);
        }
    }
    let dump = dump.expect("a dump");
    for format in formats() {
        let output = Command::new(env!("CARGO_BIN_EXE_flightrec"))
            .args(["export", "--to", &format])
            .arg(&dump)
            .output()
            .unwrap();
        assert!(output.status.success(), "{format}: {output:?}");
        assert_clean(&output.stdout, &format);
        let text = String::from_utf8_lossy(&output.stdout);
        assert!(
            text.contains("[redacted]"),
            "{format} has the texts: {text}"
        );
    }
}

/// All export formats, from the program's own list.
fn formats() -> Vec<String> {
    let output = Command::new(env!("CARGO_BIN_EXE_flightrec"))
        .args(["export", "--to", "no such format"])
        .output()
        .unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    let (_, list) = said.split_once("[possible values: ").expect(&said);
    let (list, _) = list.split_once(']').unwrap();
    let formats: Vec<String> = list.split(", ").map(str::to_owned).collect();
    assert!(formats.len() >= 5 && formats.iter().any(|format| format == "html"));
    formats
}
