//! The records that are kept for each thread, target and level, in addition to the last records of all.

mod common;

use std::collections::BTreeMap;
use std::thread;
use std::time::Duration;

use common::quiet;
use flightrec::logtee::Tee;
use flightrec::{Dump, Eviction, FlightRecorder};
use log::{Level, Log, Record};
use tempfile::tempdir;

fn log_of(tee: &Tee, level: Level, target: &str, message: &str) {
    tee.log(
        &Record::builder()
            .level(level)
            .target(target)
            .args(format_args!("{message}"))
            .build(),
    );
}

fn messages(dump: &Dump) -> Vec<&str> {
    let records = dump.latest_logs.iter();
    records.map(|record| record.msg.as_str()).collect()
}

/// Logs rare records of several threads, targets and levels, then a million of one target on one thread.
fn rare_records_then_chatter(recorder: &FlightRecorder, tee: &Tee) -> Dump {
    for number in 0..200 {
        log_of(
            tee,
            Level::Debug,
            &format!("rare::t{number}"),
            &format!("rare {number}"),
        );
    }
    thread::scope(|scope| {
        for of in 0..64 {
            let log = move || {
                for number in 0..40 {
                    log_of(
                        tee,
                        Level::Debug,
                        "workers",
                        &format!("worker {of} {number}"),
                    );
                }
            };
            // All have the same name. They are distinguished nevertheless.
            let named = thread::Builder::new().name("worker".to_owned());
            let handle = named.spawn_scoped(scope, log).unwrap();
            // Half of them run one after the other, so that they use the same slots.
            if of % 2 == 0 {
                handle.join().unwrap();
            }
        }
    });
    for (level, quota) in [(Level::Info, 200), (Level::Warn, 100), (Level::Error, 100)] {
        for number in 0..quota + 10 {
            log_of(tee, level, "severe", &format!("{level} {number}"));
        }
    }
    for number in 0..1_000_000 {
        log_of(tee, Level::Debug, "chatter", &format!("chatter {number}"));
    }
    recorder.snapshot()
}

#[test]
fn a_million_debug_records_of_one_target_evict_only_records_of_this_target() {
    let dir = tempdir().unwrap();
    let (recorder, tee) = quiet(dir.path()).build();
    let dump = rare_records_then_chatter(&recorder, &tee);
    let kept = messages(&dump);
    let mut of_worker = BTreeMap::<&str, Vec<&str>>::new();
    for worker in kept.iter().filter_map(|msg| msg.strip_prefix("worker ")) {
        let (of, number) = worker.split_once(' ').unwrap();
        of_worker.entry(of).or_default().push(number);
    }
    let last_32: Vec<String> = (8..40).map(|number| number.to_string()).collect();
    assert_eq!(of_worker.len(), 64);
    for (of, numbers) in of_worker {
        assert_eq!(numbers, last_32, "of worker {of}");
    }
    for number in 0..200 {
        assert!(
            kept.contains(&format!("rare {number}").as_str()),
            "{number}"
        );
    }
    for (level, quota) in [(Level::Info, 200), (Level::Warn, 100), (Level::Error, 100)] {
        let prefix = format!("{level} ");
        let of_level: Vec<_> = kept.iter().filter(|msg| msg.starts_with(&prefix)).collect();
        let last: Vec<_> = (10..quota + 10)
            .map(|number| format!("{level} {number}"))
            .collect();
        assert_eq!(of_level, last.iter().collect::<Vec<_>>());
    }
    let chatter: Vec<_> = kept
        .iter()
        .filter(|msg| msg.starts_with("chatter"))
        .collect();
    assert_eq!((chatter.len(), *chatter[0]), (1_000, "chatter 999000"));
    assert_eq!(kept.len(), 64 * 32 + 200 + 200 + 100 + 100 + 1_000);
    let pushed = 64 * 40 + 200 + 210 + 110 + 110 + 1_000_000;
    assert_eq!(dump.evicted_logs, pushed - kept.len() as u64);
    let name = |eviction: &Eviction| {
        let (target, thread) = (eviction.target.clone(), eviction.thread.clone());
        let level = eviction.level.map(|level| level.to_string());
        target.or(level).or(thread).unwrap()
    };
    let evictions = dump.evictions.iter();
    let evictions: Vec<_> = evictions
        .map(|eviction| (name(eviction), eviction.count))
        .collect();
    let of = |name: &str| evictions.iter().find(|(other, _)| other == name).unwrap().1;
    assert_eq!(
        (of("chatter"), of("workers"), of("severe")),
        (999_000, 512, 30)
    );
    assert_eq!(
        (of("INFO"), of("WARN"), of("ERROR"), of("DEBUG")),
        (10, 10, 10, 999_512)
    );
    assert_eq!(evictions[0].0, "chatter");
    // No record of a rare target is missing.
    assert!(!evictions.iter().any(|(name, _)| name.starts_with("rare")));
    let workers = evictions
        .iter()
        .filter(|eviction| **eviction == ("worker".to_owned(), 8));
    assert_eq!(workers.count(), 64);
    let unbroken = dump
        .latest_logs
        .iter()
        .find(|record| record.msg == "chatter 999000");
    assert_eq!(dump.unbroken_from, unbroken.map(|record| record.seq));
}

/// With `keep_age`, a dump leaves out records that the tail still has.
#[test]
fn records_that_the_dump_leaves_out_count_as_evicted() {
    let dir = tempdir().unwrap();
    let (recorder, tee) = quiet(dir.path())
        .keep_lines(10)
        .keep_warnings(1)
        .keep_age(Duration::ZERO)
        .build();
    log_of(&tee, Level::Info, "quiet", "the only one");
    for number in 0..50 {
        log_of(&tee, Level::Warn, "chatter", &format!("chatter {number}"));
    }
    let dump = recorder.snapshot();
    assert_eq!((dump.latest_logs.len(), dump.evicted_logs), (11, 40));
    let counts: Vec<_> = dump
        .evictions
        .iter()
        .map(|eviction| eviction.count)
        .collect();
    assert_eq!(counts, [40, 40, 40], "{:?}", dump.evictions);
    assert_eq!(dump.unbroken_from, Some(dump.latest_logs[1].seq));
    let (recorder, tee) = quiet(dir.path()).build();
    log_of(&tee, Level::Info, "quiet", "no record is missing");
    let dump = recorder.snapshot();
    assert_eq!((dump.evictions.len(), dump.unbroken_from), (0, None));
}

#[test]
fn records_of_the_last_targets_and_threads_are_kept_if_there_are_too_many() {
    let dir = tempdir().unwrap();
    let (recorder, tee) = quiet(dir.path()).build();
    for number in 0..1_000 {
        log_of(
            &tee,
            Level::Debug,
            &format!("t{number}"),
            &format!("target {number}"),
        );
    }
    for number in 0..300 {
        let tee = &tee;
        thread::scope(|scope| {
            scope.spawn(move || log_of(tee, Level::Debug, "threads", &format!("thread {number}")));
        });
    }
    for number in 0..20_000 {
        log_of(&tee, Level::Debug, "chatter", &format!("chatter {number}"));
    }
    let dump = recorder.snapshot();
    let kept = messages(&dump);
    let first = |prefix| kept.iter().find(|msg| msg.starts_with(prefix)).copied();
    let count = |prefix| kept.iter().filter(|msg| msg.starts_with(prefix)).count();
    // The targets `threads` and `chatter` came later.
    assert_eq!(
        (first("target "), count("target ")),
        (Some("target 490"), 510)
    );
    assert_eq!(
        (first("thread "), count("thread ")),
        (Some("thread 45"), 255)
    );
}

#[test]
fn a_share_has_at_most_as_many_records_as_keep_lines() {
    let dir = tempdir().unwrap();
    let (recorder, tee) = quiet(dir.path()).keep_lines(3).keep_warnings(0).build();
    for number in 0..1_000 {
        log_of(&tee, Level::Debug, "chatter", &format!("chatter {number}"));
    }
    let dump = recorder.snapshot();
    assert_eq!(
        messages(&dump),
        ["chatter 997", "chatter 998", "chatter 999"]
    );
    let (recorder, tee) = quiet(dir.path()).keep_lines(0).keep_warnings(0).build();
    log_of(&tee, Level::Debug, "chatter", "not kept");
    assert!(recorder.snapshot().latest_logs.is_empty());
}

#[cfg(feature = "crash-safe")]
#[test]
fn a_crash_safe_recorder_keeps_the_same() {
    let dir = tempdir().unwrap();
    let (recorder, tee) = quiet(dir.path()).crash_safe(true).build();
    for number in 0..200 {
        log_of(
            &tee,
            Level::Debug,
            &format!("rare::t{number}"),
            &format!("rare {number}"),
        );
    }
    for number in 0..20_000 {
        log_of(&tee, Level::Debug, "chatter", &format!("chatter {number}"));
    }
    let dump = recorder.snapshot();
    assert_eq!(messages(&dump)[..2], ["rare 0", "rare 1"]);
    assert_eq!(dump.latest_logs.len(), 1_200);
    assert_eq!(dump.unbroken_from, Some(dump.latest_logs[200].seq));
    assert_eq!(
        (dump.evictions[0].target.as_deref(), dump.evictions[0].count),
        (Some("chatter"), 19_000)
    );
}
