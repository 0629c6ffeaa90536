//! `flightrec recover`
#![cfg(any(target_os = "linux", target_os = "macos", windows))]

use std::fs;
use std::process::Command;

use flightrec::Dump;
use log::{Level, Log, Record};
use tempfile::tempdir;

#[test]
fn a_ring_becomes_a_dump_and_stays_where_it_is() {
    let dir = tempdir().unwrap();
    let (_recorder, tee) = flightrec::builder("test")
        .dir(dir.path())
        .crash_safe(true)
        .build();
    let record = |message| {
        tee.log(
            &Record::builder()
                .level(Level::Debug)
                .target("t")
                .args(message)
                .build(),
        );
    };
    record(format_args!("the last words, password=hunter2"));

    let rings = || {
        let paths = fs::read_dir(dir.path())
            .unwrap()
            .map(|entry| entry.unwrap().path());
        paths
            .filter(|path| {
                path.extension()
                    .is_some_and(|extension| extension == "ring")
            })
            .collect::<Vec<_>>()
    };
    // This process is alive, and has it open.
    let program = || Command::new(env!("CARGO_BIN_EXE_flightrec"));
    let output = program().arg("recover").args(rings()).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    let dump = Dump::from_json(&output.stdout).unwrap();
    assert_eq!(
        (dump.reason.kind.as_str(), dump.app.as_str()),
        ("crash", "test")
    );
    assert_eq!(
        dump.latest_logs[0].msg,
        "the last words, password=[redacted]"
    );
    assert_eq!(rings().len(), 1);

    let none = program().args(["recover", "Cargo.toml"]).output().unwrap();
    assert_eq!(none.status.code(), Some(2));
    let said = String::from_utf8_lossy(&none.stderr).into_owned();
    assert!(
        said.starts_with("flightrec: Cargo.toml: ") && said.contains("a ring is a file"),
        "{said}"
    );
}
