//! Dumps that rules make.

mod common;

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc;
use std::time::Duration;

use common::{child_with, dumps, log, quiet, scenario, stderr};
use flightrec::logtee::predicate::message_contains;
use flightrec::{Kind, Rule};
use log::Level;
use tempfile::tempdir;

const MINUTE: Duration = Duration::from_secs(60);

#[test]
fn a_rate_of_warnings_makes_one_dump_with_the_stack_of_the_last_warning() {
    let dir = tempdir().unwrap();
    let rule = Rule::rate(Level::Warn, 3, MINUTE).named("storm");
    let (_recorder, tee) = quiet(dir.path()).dump_when(rule).build();
    log(&tee, Level::Warn, "one");
    for number in 0..100 {
        log(&tee, Level::Debug, &format!("in between {number}"));
    }
    log(&tee, Level::Error, "two");
    assert!(dumps(dir.path()).is_empty());
    log(&tee, Level::Warn, "three");
    log(&tee, Level::Warn, "four");
    let [(_, dump)] = &dumps(dir.path())[..] else {
        panic!("not one dump")
    };
    assert_eq!(dump.reason.kind, Kind::Rule);
    assert!(
        dump.reason
            .message
            .starts_with("rule storm: 3 records within"),
        "{}",
        dump.reason.message
    );
    let last = dump.latest_logs.last().unwrap();
    assert_eq!(last.msg, "three");
    let frames = &dump.stack_traces[0].frames;
    let is_this = |frame: &flightrec::Frame| frame.name.contains("a_rate_of_warnings");
    assert!(frames.iter().any(is_this), "{frames:?}");
}

#[test]
fn a_rule_that_fires_too_often_is_counted() {
    let dir = tempdir().unwrap();
    let rule = Rule::matches(message_contains("refused")).at_most(2, MINUTE);
    let (recorder, tee) = quiet(dir.path()).dump_when(rule).build();
    for _ in 0..5 {
        log(&tee, Level::Debug, "connection refused");
        log(&tee, Level::Debug, "connected");
    }
    assert_eq!(dumps(dir.path()).len(), 2);
    recorder.dump("now").unwrap();
    assert_eq!(dumps(dir.path()).pop().unwrap().1.suppressed_dumps, 3);
}

#[test]
fn a_rule_about_a_module_counts_only_records_of_this_module() {
    let dir = tempdir().unwrap();
    // `log` of these tests has the target "test".
    let other = Rule::target_rate("tes", 1, MINUTE);
    let same = Rule::target_rate("test", 2, MINUTE);
    let (_recorder, tee) = quiet(dir.path()).dump_when(other).dump_when(same).build();
    log(&tee, Level::Debug, "one");
    assert!(dumps(dir.path()).is_empty());
    log(&tee, Level::Debug, "two");
    let (_, dump) = dumps(dir.path()).pop().unwrap();
    assert!(
        dump.reason
            .message
            .starts_with("rule target_rate(test, 2, 1m)")
    );
}

#[test]
fn a_filter_may_log_and_panic() {
    struct LogsAndPanics(&'static std::sync::OnceLock<flightrec::logtee::Tee>);
    impl flightrec::logtee::Filter for LogsAndPanics {
        fn enabled(&self, _: &log::Metadata<'_>) -> bool {
            true
        }
        fn matches(&self, record: &log::Record<'_>) -> bool {
            log(self.0.get().unwrap(), Level::Debug, "by the filter");
            assert!(record.args().to_string() != "a record that makes it panic");
            true
        }
        fn max_level(&self) -> log::LevelFilter {
            log::LevelFilter::Trace
        }
    }
    static TEE: std::sync::OnceLock<flightrec::logtee::Tee> = std::sync::OnceLock::new();
    let dir = tempdir().unwrap();
    let (_recorder, tee) = quiet(dir.path())
        .dump_when(Rule::matches(LogsAndPanics(&TEE)))
        .build();
    let tee = TEE.get_or_init(|| tee);
    log(tee, Level::Debug, "a record that makes it panic");
    assert!(dumps(dir.path()).is_empty());
    log(tee, Level::Debug, "another");
    assert_eq!(dumps(dir.path()).len(), 1);
}

#[test]
fn records_of_a_callback_make_no_rule_fire() {
    static TEE: std::sync::OnceLock<flightrec::logtee::Tee> = std::sync::OnceLock::new();
    let dir = tempdir().unwrap();
    let rule = Rule::rate(Level::Warn, 1, MINUTE);
    let builder = quiet(dir.path()).dump_when(rule);
    let builder = builder.on_dump(|_, _| log(TEE.get().unwrap(), Level::Warn, "of the callback"));
    let (recorder, tee) = builder.build();
    let tee = TEE.get_or_init(|| tee);
    log(tee, Level::Warn, "a warning");
    assert_eq!(dumps(dir.path()).len(), 1);
    recorder.stop();
    log(tee, Level::Warn, "while it is stopped");
    assert_eq!(dumps(dir.path()).len(), 1);
    recorder.start();
    log(tee, Level::Warn, "a warning again");
    assert_eq!(dumps(dir.path()).len(), 2);
}

#[test]
fn a_thousand_rules_are_checked() {
    let dir = tempdir().unwrap();
    let rules = (0..1_000).map(|number| {
        let wanted = format!("record {number}.");
        Rule::matches(message_contains(wanted)).named(format!("rule of {number}"))
    });
    let builder = rules.fold(quiet(dir.path()), flightrec::Builder::dump_when);
    let (_recorder, tee) = builder.build();
    log(&tee, Level::Debug, "record 777.");
    let [(_, dump)] = &dumps(dir.path())[..] else {
        panic!("not one dump")
    };
    assert_eq!(dump.reason.message, "rule rule of 777");
}

/// The child process of the tests below.
#[test]
fn program() {
    let Some((scenario, dir)) = scenario() else {
        return;
    };
    let (done, complete) = mpsc::channel();
    let mut builder = quiet(&dir).env_overrides();
    if scenario == "looks ahead" {
        // So long that the dump of the error waits until the program ends.
        let hour = Duration::from_secs(3_600);
        builder = builder.look_ahead(hour).dump_on(Level::Error);
        builder = builder.on_dump(move |_, _| {
            let _ = done.send(());
        });
    }
    let recorder = builder.install().unwrap();
    log::debug!("the last record");
    if scenario == "looks ahead" {
        let is_waiting = AtomicBool::new(false);
        std::thread::scope(|scope| {
            // There is no silence before the dump waits, however long the machine takes to make it.
            scope.spawn(|| {
                while !is_waiting.load(Ordering::Relaxed) {
                    log::debug!("busy");
                    std::thread::sleep(Duration::from_millis(10));
                }
            });
            log::error!("its dump waits");
            is_waiting.store(true, Ordering::Relaxed);
        });
        // The rule fires now. Its dump is complete when the callback is called.
        let _ = complete.recv_timeout(Duration::from_secs(10));
        return;
    }
    if scenario == "dumps" {
        log::warn!("a warning");
        recorder.dump("now").unwrap();
    }
    while scenario == "waits" && dumps_of(&dir) == 0 {
        std::thread::sleep(Duration::from_millis(20));
    }
    // If silence were reported repeatedly, there would be a second dump within this time.
    std::thread::sleep(Duration::from_millis(300));
    drop(recorder);
}

fn dumps_of(dir: &Path) -> usize {
    let names = std::fs::read_dir(dir).into_iter().flatten().flatten();
    let names = names.map(|entry| entry.file_name().to_string_lossy().into_owned());
    names.filter(|name| name.ends_with(".json")).count()
}

fn waits_for_a_dump(rules: &str, dir: &Path) {
    let output = child_with("program", "waits", dir, &[("FLIGHTREC_RULES", rules)]);
    assert!(output.status.success(), "{output:?}");
}

#[test]
fn silence_makes_one_dump_with_all_threads() {
    let dir = tempdir().unwrap();
    waits_for_a_dump("silent(100ms)", dir.path());
    let [(_, dump)] = &dumps(dir.path())[..] else {
        panic!("not one dump")
    };
    assert!(
        dump.reason
            .message
            .starts_with("rule silent(100ms): no record for"),
        "{}",
        dump.reason.message
    );
    let names: Vec<_> = dump.threads.iter().map(|thread| &thread.name).collect();
    if cfg!(target_os = "linux") {
        assert!(names.len() >= 2, "{names:?}");
    }
}

/// Its dump must have the stacks that threads have during the silence.
#[test]
fn silence_makes_a_separate_dump_while_another_dump_waits() {
    let dir = tempdir().unwrap();
    let rules = [("FLIGHTREC_RULES", "silent(1s)")];
    let output = child_with("program", "looks ahead", dir.path(), &rules);
    assert!(output.status.success(), "{output:?}");
    let kinds = dumps(dir.path())
        .into_iter()
        .map(|(_, dump)| dump.reason.kind);
    let kinds: Vec<_> = kinds.collect();
    assert_eq!(kinds, [flightrec::Kind::Level, flightrec::Kind::Rule]);
}

#[cfg(target_os = "linux")]
#[test]
fn memory_above_its_limit_makes_one_dump() {
    let dir = tempdir().unwrap();
    waits_for_a_dump("memory > 1KiB", dir.path());
    let [(_, dump)] = &dumps(dir.path())[..] else {
        panic!("not one dump")
    };
    assert!(
        dump.reason.message.starts_with("rule memory > 1KiB: "),
        "{}",
        dump.reason.message
    );
}

#[test]
fn an_invalid_rule_is_reported() {
    let dir = tempdir().unwrap();
    let variables = [("FLIGHTREC_RULES", "silent(100ms); memory")];
    let output = child_with("program", "ends", dir.path(), &variables);
    let stderr = stderr(&output);
    assert!(stderr.contains("FLIGHTREC_RULES is ignored"), "{stderr}");
}

#[test]
fn the_environment_sets_the_directory_and_the_filter() {
    let dir = tempdir().unwrap();
    let other = tempdir().unwrap();
    let path = other.path().to_str().unwrap();
    let variables = [("FLIGHTREC_DIR", path), ("FLIGHTREC_RECORD", "warn")];
    let output = child_with("program", "dumps", dir.path(), &variables);
    assert!(output.status.success(), "{output:?}");
    assert!(dumps(dir.path()).is_empty());
    let (_, dump) = dumps(other.path()).pop().unwrap();
    let messages: Vec<_> = dump.latest_logs.iter().map(|record| &*record.msg).collect();
    assert_eq!(messages, ["a warning"]);
}
