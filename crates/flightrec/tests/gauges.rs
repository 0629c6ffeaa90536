//! Gauges in dumps, also of a process that was killed while its memory grew.
#![cfg(target_os = "linux")]

mod common;

use common::build;
use tempfile::tempdir;

#[test]
fn each_dump_has_a_reading_of_the_gauges() {
    let dir = tempdir().unwrap();
    let (recorder, _tee) = build(dir.path());
    let gauges = recorder.snapshot().gauges;
    let [gauge] = &gauges[..] else {
        panic!("not one reading: {gauges:?}")
    };
    assert!(gauge.resident_bytes > Some(1 << 20), "{gauge:?}");
    assert!(
        gauge.threads > Some(0) && gauge.open_files > Some(0),
        "{gauge:?}"
    );
}

/// The child process of the test below.
#[cfg(feature = "crash-safe")]
#[test]
fn program() {
    let Some((scenario, dir)) = common::scenario() else {
        return;
    };
    let recorder = common::quiet(&dir)
        .crash_safe(true)
        .gauges(true)
        .install()
        .unwrap();
    log::debug!("the last record");
    if scenario == "grows" {
        let readings = || recorder.snapshot().gauges.len();
        let mut memory = Vec::new();
        // If its memory is not limited, it kills itself.
        for _ in 0..if std::env::var_os("GROWS_ON").is_some() {
            10_000
        } else {
            3
        } {
            memory.push(vec![1_u8; 32 << 20]);
            let before = readings();
            while readings() == before && before < 100 {
                std::thread::sleep(std::time::Duration::from_millis(20));
            }
        }
        // SAFETY: no preconditions.
        unsafe { libc::raise(libc::SIGKILL) };
    }
    recorder.close();
}

#[cfg(feature = "crash-safe")]
#[test]
fn the_dump_of_a_killed_process_shows_how_its_memory_grew() {
    use std::os::unix::process::ExitStatusExt;

    let dir = tempdir().unwrap();
    let output = common::child("program", "grows", dir.path());
    assert_eq!(output.status.signal(), Some(libc::SIGKILL), "{output:?}");
    let output = common::child("program", "ends", dir.path());
    assert!(output.status.success(), "{output:?}");

    let dump = common::dumps_of(dir.path()).pop().expect("a dump");
    let resident: Vec<u64> = dump
        .gauges
        .iter()
        .filter_map(|gauge| gauge.resident_bytes)
        .collect();
    assert!(resident.len() >= 3, "{:?}", dump.gauges);
    let (first, last) = (resident[0], resident[resident.len() - 1]);
    assert!(last > first + (60 << 20), "{resident:?}");
    assert!(dump.gauges.is_sorted_by_key(|gauge| gauge.time));
    let message = &dump.reason.message;
    assert!(
        message.contains("killed at ") && message.contains(" MiB"),
        "{message}"
    );
}
