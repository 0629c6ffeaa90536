//! Which records are kept.

mod common;

use std::sync::{Arc, Mutex};

use common::{build, dumps, log, quiet};
use flightrec::Dump;
use flightrec::stackerr::err;
use log::{Level, LevelFilter, Record};
use tempfile::tempdir;

#[test]
fn debug_is_kept_and_trace_is_not_independently_of_the_console() {
    let dir = tempdir().unwrap();
    let shown = Arc::new(Mutex::new(Vec::new()));
    let console = {
        let shown = Arc::clone(&shown);
        flightrec::logtee::from_fn(move |record: &Record<'_>| {
            shown.lock().unwrap().push(record.args().to_string());
            Ok(())
        })
    };
    let (recorder, tee) = flightrec::builder("test")
        .dir(dir.path())
        .sink(LevelFilter::Info, console)
        .build();
    for level in Level::iter() {
        log(&tee, level, level.as_str());
    }
    let kept: Vec<_> = recorder
        .snapshot()
        .latest_logs
        .into_iter()
        .map(|log| log.msg)
        .collect();
    assert_eq!(kept, ["ERROR", "WARN", "INFO", "DEBUG"]);
    assert_eq!(*shown.lock().unwrap(), ["ERROR", "WARN", "INFO"]);
}

#[test]
fn debug_records_evict_no_warning() {
    let dir = tempdir().unwrap();
    let (recorder, tee) = quiet(dir.path()).keep_lines(100).keep_warnings(10).build();
    for number in 0..20 {
        log(&tee, Level::Warn, &format!("warning {number}"));
    }
    for number in 0..10_000 {
        log(&tee, Level::Debug, &format!("chatter {number}"));
    }
    let dump = recorder.snapshot();
    let kept: Vec<_> = dump
        .latest_logs
        .iter()
        .map(|log| log.msg.as_str())
        .collect();
    assert_eq!(kept.len(), 110);
    assert_eq!((kept[0], kept[9]), ("warning 10", "warning 19"));
    assert_eq!((kept[10], kept[109]), ("chatter 9900", "chatter 9999"));
    assert_eq!(dump.evicted_logs, 10_020 - 110);
    assert_eq!(dump.latest_logs[0].seq, dump.evicted_logs);
}

/// ERROR and WARN have a quota each, so neither evicts the other.
#[test]
fn warnings_evict_no_error() {
    let dir = tempdir().unwrap();
    let (recorder, tee) = build(dir.path());
    log(&tee, Level::Error, "disk is full");
    for number in 0..1_100 {
        log(&tee, Level::Warn, &format!("slow {number}"));
    }
    let dump = recorder.snapshot();
    assert_eq!(dump.latest_logs.len(), 1_001);
    assert_eq!(dump.latest_logs[0].msg, "disk is full");
    assert_eq!(dump.latest_logs[1].msg, "slow 100");
}

#[test]
fn a_record_that_is_longer_than_the_tail_is_cut() {
    let dir = tempdir().unwrap();
    let (recorder, tee) = quiet(dir.path()).keep_bytes(1_000).build();
    for level in [Level::Debug, Level::Warn] {
        log(&tee, level, &format!("{level} {}", "x".repeat(20_000)));
    }
    for record in recorder.snapshot().latest_logs {
        let head = format!("{} xxxxx", record.level);
        assert!(record.msg.starts_with(&head), "{:.80}", record.msg);
        assert!(record.cut);
    }
}

/// JSON allows a key twice, and readers do not agree on which one counts.
#[test]
fn the_second_value_of_a_repeated_key_is_kept_under_another_name() {
    let dir = tempdir().unwrap();
    let (recorder, tee) = build(dir.path());
    let values = [("job", 7), ("step", 1), ("job", 8)];
    let record = log::Record::builder()
        .level(Level::Debug)
        .args(format_args!("done"))
        .key_values(&values)
        .build();
    log::Log::log(&tee, &record);
    let fields = &recorder.snapshot().latest_logs[0].fields;
    let shown: Vec<_> = fields
        .iter()
        .map(|(key, value)| (key, value.clone()))
        .collect();
    let expected = [("job", 7_i64), ("step", 1), ("job_2", 8)];
    assert_eq!(shown, expected.map(|(key, value)| (key, value.into())));
}

#[test]
fn a_stopped_recorder_keeps_no_records_and_makes_dumps() {
    let dir = tempdir().unwrap();
    let (recorder, tee) = build(dir.path());
    assert!(recorder.is_enabled());
    log(&tee, Level::Debug, "one");
    recorder.stop();
    assert!(!recorder.is_enabled());
    assert_eq!(tee.max_level(), LevelFilter::Off, "no sink wants records");
    log(&tee, Level::Error, "two");
    recorder.dump_error(&err!("while stopped")).unwrap();
    recorder.start();
    recorder.start();
    assert_eq!(tee.max_level(), LevelFilter::Debug);
    log(&tee, Level::Debug, "three");
    let messages = |dump: &Dump| {
        dump.latest_logs
            .iter()
            .map(|log| log.msg.clone())
            .collect::<Vec<_>>()
    };
    assert_eq!(messages(&dumps(dir.path())[0].1), ["one"]);
    assert_eq!(messages(&recorder.snapshot()), ["one", "three"]);
}

#[test]
fn the_kept_records_can_be_limited_by_bytes_and_age() {
    let dir = tempdir().unwrap();
    let (recorder, tee) = quiet(dir.path()).keep_bytes(4_000).keep_warnings(0).build();
    for number in 0..1_000 {
        log(&tee, Level::Debug, &format!("{number} {}", "x".repeat(100)));
    }
    let kept = recorder.snapshot().latest_logs;
    // There is always room for one record of the maximum length, 8 KiB.
    assert!((40..80).contains(&kept.len()), "{}", kept.len());
    assert!(kept.last().unwrap().msg.starts_with("999 "));

    let (recorder, tee) = quiet(dir.path())
        .dump_last(std::time::Duration::ZERO)
        .build();
    log(&tee, Level::Debug, "immediately too old");
    assert_eq!(recorder.snapshot().latest_logs.len(), 0);
}

#[test]
fn keep_age_keeps_young_records_that_fit_into_the_bytes() {
    let dir = tempdir().unwrap();
    let hour = std::time::Duration::from_secs(3_600);
    let builder = || quiet(dir.path()).keep_lines(10);
    let kept = |builder: flightrec::Builder| {
        let (recorder, tee) = builder.build();
        for number in 0..1_000 {
            log(&tee, Level::Debug, &format!("record {number}"));
        }
        recorder.snapshot().latest_logs
    };
    assert_eq!(kept(builder()).len(), 10);
    assert_eq!(kept(builder().keep_age(hour)).len(), 1_000);
    let old = builder().keep_age(std::time::Duration::ZERO);
    assert_eq!(kept(old).len(), 10);
    let few_bytes = kept(builder().keep_age(hour).keep_bytes(10_000));
    assert!(
        (10..1_000).contains(&few_bytes.len()),
        "{}",
        few_bytes.len()
    );
    assert_eq!(few_bytes.last().unwrap().msg, "record 999");
    assert!(kept(builder().dump_last(std::time::Duration::ZERO)).is_empty());
}
