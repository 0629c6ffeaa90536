//! Programs of two versions, five of each at the same time, with one directory for dumps.

use std::collections::BTreeSet;
use std::process::ExitCode;
use std::thread;

use super::host::{self, Host};
use super::kills::files;
use super::row::{self, Row};
use super::watch;
use crate::common::dumps;

const NUMBER: &str = "FLIGHTREC_HOST_NUMBER";

fn version(number: u64) -> &'static str {
    if number.is_multiple_of(2) {
        "1.0"
    } else {
        "2.0"
    }
}

pub(crate) fn host(scenario: &str) -> ExitCode {
    let number: u64 = std::env::var(NUMBER)
        .expect("a number")
        .parse()
        .expect("a number");
    let host = Host::start(|builder| {
        builder
            .version(version(number))
            .metadata("instance", number.to_string())
            .keep_dumps(1_000)
            .keep_dump_bytes(u64::MAX)
            .crash_safe(true)
    });
    log::debug!("instance {number} records");
    let words = format!("instance {number} fails");
    host.dump_error(&std::io::Error::other(words));
    log::debug!("the last record of instance {number}");
    if scenario == "dies" {
        host::die();
    }
    host.close();
    ExitCode::SUCCESS
}

pub(crate) fn by_ten(row: &mut Row) {
    for _ in 0..row::tries(2, 20) {
        let dir = tempfile::tempdir().expect("a directory");
        // Ten processes are killed, ten more make dumps of them and are killed, and ten more make dumps of
        // the rest.
        for (scenario, first) in [("dies", 0), ("dies", 10), ("ends", 20)] {
            let threads: Vec<_> = (first..first + 10)
                .map(|number| {
                    let mut program = watch::host(&format!("shared:{scenario}"), dir.path(), true);
                    program.env(NUMBER, number.to_string());
                    thread::spawn(move || watch::run(&mut program))
                })
                .collect();
            for thread in threads {
                let ended = thread.join().expect("no panic");
                let Some(ended) = ended else {
                    row.hung(scenario);
                    continue;
                };
                for line in ended.recorder_lines() {
                    if !line.contains("crash report written to") {
                        row.harmed(line);
                    }
                }
            }
        }
        let left: Vec<_> = files(dir.path()).into_keys().collect();
        if let Some(stray) = left.iter().find(|name| !name.ends_with(".json")) {
            row.torn(format!("{stray} is left"));
            continue;
        }
        check(row, dir.path());
    }
}

fn check(row: &mut Row, dir: &std::path::Path) {
    let mut found = BTreeSet::new();
    for (path, dump) in dumps(dir) {
        let number = dump
            .metadata
            .get("instance")
            .and_then(|number| number.parse::<u64>().ok());
        let Some(number) = number else {
            row.torn(format!("{} has no instance", path.display()));
            continue;
        };
        let own = |msg: &str| {
            msg.contains(&format!("instance {number} "))
                || msg.ends_with(&format!("instance {number}"))
        };
        let is_own = dump.version.as_deref() == Some(version(number))
            && dump.latest_logs.iter().all(|log| own(&log.msg));
        if !is_own {
            row.torn(format!("{} is mislabelled", path.display()));
        }
        if !found.insert((number, dump.reason.kind.to_string())) {
            row.torn(format!("{} is a duplicate", path.display()));
        }
    }
    for number in 0..30 {
        row.tries += 1;
        if !found.contains(&(number, "error".to_owned())) {
            row.lost(format!("the error of instance {number}"));
        }
        if number < 20 && !found.contains(&(number, "crash".to_owned())) {
            row.lost(format!("the crash of instance {number}"));
        }
    }
}
