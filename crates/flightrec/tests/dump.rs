//! What is in a dump.

mod common;

use std::sync::{Arc, Mutex};

use common::{build, dumps, log, quiet};
use flightrec::stackerr::{Error, err};
use flightrec::{Dump, Value};
use log::{Level, LevelFilter, Log, Record};
use serde_json::Value as Json;
use tempfile::tempdir;

#[test]
fn the_json_has_every_key_of_the_schema() {
    let dir = tempdir().unwrap();
    let (recorder, tee) = quiet(dir.path())
        .version("1.2.3")
        .revision("abc")
        .repository("https://example.org/owner/tool")
        .metadata("room", "2")
        .build();
    tee.log(
        &Record::builder()
            .level(Level::Debug)
            .target("target")
            .file(Some("file.rs"))
            .line(Some(7))
            .args(format_args!("message {}", 1))
            .key_values(&[("one", 1), ("two", 2)])
            .build(),
    );
    let joined = Error::join([err!("first"), err!("second").context("with context")]).unwrap();
    recorder.dump_error(&joined.context("both failed")).unwrap();

    let (path, _) = dumps(dir.path()).pop().unwrap();
    let json: Json = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    let object = json.as_object().unwrap();
    let mut keys: Vec<_> = object.keys().map(String::as_str).collect();
    keys.sort_unstable();
    assert_eq!(
        keys,
        [
            "app",
            "crash",
            "created_at",
            "error",
            "evicted_logs",
            "fingerprint",
            "gauges",
            "host",
            "latest_logs",
            "metadata",
            "modules",
            "notes",
            "omitted_stack_traces",
            "process",
            "reason",
            "redactions",
            "related_dumps",
            "repository",
            "revision",
            "schema",
            "spans",
            "stack_traces",
            "suppressed",
            "suppressed_dumps",
            "threads",
            "version",
        ]
    );
    assert_eq!(json["schema"], "flightrec/1");
    assert_eq!(
        (&json["app"], &json["version"], &json["revision"]),
        (&"test".into(), &"1.2.3".into(), &"abc".into())
    );
    assert_eq!(
        json["reason"],
        serde_json::json!({"kind": "error", "message": "both failed"})
    );
    assert_eq!(json["repository"], "https://example.org/owner/tool");
    assert_eq!(json["metadata"], serde_json::json!({"room": "2"}));

    let log = &json["latest_logs"][0];
    assert_eq!(log["seq"], 0);
    assert_eq!(log["level"], "DEBUG");
    assert_eq!(
        (&log["target"], &log["msg"]),
        (&"target".into(), &"message 1".into())
    );
    assert_eq!((&log["file"], &log["line"]), (&"file.rs".into(), &7.into()));
    assert_eq!(log["fields"], serde_json::json!({"one": 1, "two": 2}));
    // The name's first 32 bytes.
    assert_eq!(log["thread"], std::thread::current().name().unwrap()[..32]);
    let time = log["time"].as_str().unwrap();
    assert!(
        time.len() == 27 && time.ends_with('Z') && time <= json["created_at"].as_str().unwrap(),
        "{time}"
    );

    assert_eq!(json["error"]["message"], "both failed");
    let branches = &json["error"]["sources"][0]["sources"];
    assert_eq!(branches[0]["message"], "first");
    assert_eq!(branches[1]["message"], "with context");
    assert_eq!(branches[1]["sources"][0]["message"], "second");
    assert!(
        json["error"]["location"]["file"]
            .as_str()
            .unwrap()
            .ends_with("dump.rs")
    );

    let traces = json["stack_traces"].as_array().unwrap();
    let errors: Vec<_> = traces
        .iter()
        .map(|trace| trace["error"].as_str().unwrap())
        .collect();
    assert_eq!(errors, ["first", "second"]);
    for trace in traces {
        let frame = &trace["frames"][0];
        assert!(
            frame["name"]
                .as_str()
                .unwrap()
                .contains("the_json_has_every_key_of_the_schema"),
            "{frame}"
        );
        assert!(
            frame["address"].as_str().unwrap().starts_with("0x"),
            "{frame}"
        );
    }
    let process = &json["process"];
    assert_eq!(process["pid"], std::process::id());
    assert!(
        process["args"]
            .as_array()
            .is_some_and(|args| !args.is_empty())
    );
    assert_eq!(json["host"]["os"], std::env::consts::OS);
}

#[test]
fn a_dump_reads_back_and_so_does_one_of_a_later_version() {
    let dir = tempdir().unwrap();
    let (recorder, tee) = build(dir.path());
    log(&tee, Level::Info, "hello");
    let dump = recorder.snapshot();
    let mut json = Vec::new();
    dump.write_to(&mut json).unwrap();
    assert_eq!(Dump::from_json(&json).unwrap(), dump);

    let next = r#"{"schema": "flightrec/2", "app": 7, "reason": {"kind": "cosmic"}, "latest_logs":
        [{"msg": "m", "fields": {"deep": [1, {"x": null}]}, "new": 1}, 3], "brand_new": {}}"#;
    let next = Dump::from_json(next.as_bytes()).unwrap();
    assert_eq!(
        (next.app.as_str(), next.reason.kind.as_str()),
        ("", "cosmic")
    );
    assert_eq!(next.latest_logs.len(), 1);
    assert_eq!(
        next.latest_logs[0].fields.get("deep"),
        Some(&Value::List(vec![
            Value::Int(1),
            Value::Map([("x".into(), Value::Null)].into_iter().collect())
        ]))
    );
    let ordered =
        br#"{"schema": "flightrec/1", "latest_logs": [{"fields": {"z": 1, "a": 2, "m": 3}}]}"#;
    let ordered = Dump::from_json(ordered).unwrap();
    let keys: Vec<_> = ordered.latest_logs[0]
        .fields
        .iter()
        .map(|(key, _)| key)
        .collect();
    assert_eq!(keys, ["z", "a", "m"]);
    for garbage in ["", "{", "[]", "{}", "null", r#"{"schema": 1}"#, "\u{0}"] {
        assert!(Dump::from_json(garbage.as_bytes()).is_err(), "{garbage:?}");
    }
    let deep = "[".repeat(1_000_000);
    assert!(Dump::from_json(deep.as_bytes()).is_err());
}

#[test]
fn debug_is_kept_and_trace_is_not_whatever_the_console_shows() {
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
fn chatter_evicts_no_warning() {
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
fn one_error_outlives_any_number_of_warnings() {
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
fn a_record_that_is_longer_than_the_tail_keeps_its_head() {
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
fn a_key_that_a_record_has_twice_is_kept_twice_under_different_names() {
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
fn stopped_it_records_nothing_and_still_dumps() {
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
fn a_record_at_the_level_makes_a_dump_that_ends_in_it() {
    let dir = tempdir().unwrap();
    let (recorder, tee) = quiet(dir.path()).dump_on(Level::Error).build();
    log(&tee, Level::Debug, "before");
    log(&tee, Level::Warn, "not yet");
    log(&tee, Level::Error, "now");
    for number in 1..1_000 {
        log(&tee, Level::Error, &format!("again {number}"));
    }
    let dumps = dumps(dir.path());
    assert_eq!(dumps.len(), 1, "one place, one dump");
    let dump = &dumps[0].1;
    assert_eq!(dump.reason.kind, "level");
    assert_eq!(dump.latest_logs.last().unwrap().msg, "now");
    assert_eq!(dump.latest_logs.len(), 3);
    assert_eq!(dump.reason.message, "now");
    let frames = &dump.stack_traces[0].frames;
    assert!(
        frames
            .iter()
            .any(|frame| frame.name.ends_with("common::log")),
        "the stack of the call: {frames:?}"
    );
    // The next dump has the first and the last messages of those that were counted.
    recorder.dump("later").unwrap();
    let later = &common::dumps(dir.path())[1].1;
    let messages: Vec<_> = later
        .suppressed
        .iter()
        .map(|other| &*other.message)
        .collect();
    assert_eq!(later.suppressed_dumps, 999);
    assert_eq!((messages[0], messages[9]), ("again 1", "again 999"));
}

#[test]
fn the_last_lines_can_be_bounded_by_bytes_and_age() {
    let dir = tempdir().unwrap();
    let (recorder, tee) = quiet(dir.path()).keep_bytes(4_000).keep_warnings(0).build();
    for number in 0..1_000 {
        log(&tee, Level::Debug, &format!("{number} {}", "x".repeat(100)));
    }
    let kept = recorder.snapshot().latest_logs;
    // There is always room for one record of the greatest length, 8 KiB.
    assert!((40..80).contains(&kept.len()), "{}", kept.len());
    assert!(kept.last().unwrap().msg.starts_with("999 "));

    let (recorder, tee) = quiet(dir.path())
        .dump_last(std::time::Duration::ZERO)
        .build();
    log(&tee, Level::Debug, "old at once");
    assert_eq!(recorder.snapshot().latest_logs.len(), 0);
}

#[test]
fn callbacks_and_writers_get_the_dump() {
    let dir = tempdir().unwrap();
    let seen = Arc::new(Mutex::new(Vec::new()));
    let (recorder, _tee) = {
        let seen = Arc::clone(&seen);
        quiet(dir.path())
            .on_dump(|_, _| panic!("a callback's own fault"))
            .on_dump(move |dump, path| {
                seen.lock()
                    .unwrap()
                    .push((dump.clone(), path.map(std::path::Path::to_owned)))
            })
            .build()
    };
    let outcome = recorder.dump("because").unwrap();
    let path = outcome.path().unwrap().to_owned();
    let (dump, at) = seen.lock().unwrap().pop().unwrap();
    assert_eq!(at, Some(path.clone()));
    assert_eq!(dumps(dir.path()), [(path, dump)]);

    #[derive(Clone, Default)]
    struct Lines(Arc<Mutex<Vec<u8>>>);
    impl std::io::Write for Lines {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    let lines = Lines::default();
    let other = tempdir().unwrap();
    let (recorder, tee) = quiet(other.path()).dump_to(lines.clone()).build();
    log(&tee, Level::Info, "two\nlines");
    assert_eq!(
        recorder.dump("first").unwrap(),
        flightrec::DumpOutcome::Streamed
    );
    recorder.dump_error(&err!("second")).unwrap();
    let text = String::from_utf8(lines.0.lock().unwrap().clone()).unwrap();
    let read: Vec<_> = text
        .lines()
        .map(|line| Dump::from_json(line.as_bytes()).unwrap())
        .collect();
    assert_eq!(
        read.iter()
            .map(|dump| dump.reason.kind.as_str())
            .collect::<Vec<_>>(),
        ["manual", "error"]
    );
    assert_eq!(dumps(other.path()), []);
}

#[test]
fn names_can_be_left_out() {
    #[inline(never)]
    fn fail() -> Error {
        std::hint::black_box(Error::new(std::fmt::Error).context("outer"))
    }
    let dir = tempdir().unwrap();
    let error = fail();
    let made = |names: bool| {
        let dir = dir.path().join(names.to_string());
        let (recorder, _tee) = quiet(&dir).symbolicate(names).build();
        recorder.dump_error(&error).unwrap();
        dumps(&dir).pop().unwrap().1
    };
    let (bare, named) = (made(false), made(true));
    assert!(named.stack_traces[0].frames[0].name.ends_with("fail"));
    for dump in [&bare, &named] {
        assert_eq!(
            dump.stack_traces[0].error_type.as_deref(),
            Some("core::fmt::Error")
        );
        assert!(dump.fingerprint.starts_with("fr2-"));
    }
    assert_eq!(bare.stack_traces[0].trail, named.stack_traces[0].trail);
    assert_eq!(bare.modules, named.modules);
    let frames = &bare.stack_traces[0].frames;
    for frame in frames {
        assert_eq!(
            (frame.name.as_str(), &frame.file, frame.line),
            ("<unknown>", &None, None)
        );
        assert!(frame.address.starts_with("0x") && frame.module.is_some());
    }
    // Below what took the stack, it is the same stack.
    let addresses = |dump: &Dump| -> Vec<String> {
        let frames = dump.stack_traces[0].frames.iter();
        let mut addresses: Vec<_> = frames.map(|frame| frame.address.clone()).collect();
        // Inlined functions have frames of their own.
        addresses.dedup();
        addresses
    };
    assert!(addresses(&bare).ends_with(&addresses(&named)));
}

#[test]
fn a_dump_without_records_says_why_that_may_be() {
    let dir = tempdir().unwrap();
    let (recorder, tee) = quiet(dir.path()).build();
    let note = |dump: &Dump| {
        dump.notes
            .iter()
            .any(|note| note.contains("flightrec-tracing"))
    };
    assert!(note(&recorder.snapshot()));
    log(&tee, Level::Debug, "a record");
    assert!(!note(&recorder.snapshot()));
}

#[test]
fn the_recorder_s_own_lines_can_go_to_a_writer() {
    let dir = tempdir().unwrap();
    let file = tempfile::NamedTempFile::new().unwrap();
    let notices = file.reopen().unwrap();
    let (recorder, _tee) = quiet(dir.path()).notice_to(notices).build();
    recorder.dump_error(&err!("it broke")).unwrap();
    let said = std::fs::read_to_string(file.path()).unwrap();
    assert!(said.starts_with("flightrec: crash report written to ") && said.lines().count() == 1);
}

#[test]
fn the_line_that_tells_the_path_offers_to_report_the_dump_if_there_is_a_repository() {
    let said = |builder: flightrec::Builder| {
        let file = tempfile::NamedTempFile::new().unwrap();
        let (recorder, _tee) = builder.notice_to(file.reopen().unwrap()).build();
        recorder.dump_error(&err!("it broke")).unwrap();
        std::fs::read_to_string(file.path()).unwrap()
    };
    let dir = tempdir().unwrap();
    let line = said(quiet(dir.path()).repository("https://example.org/owner/tool"));
    assert!(line.starts_with("flightrec: crash report written to "));
    assert!(
        line.ends_with(".json; to report it: flightrec issue\n"),
        "{line}"
    );
    // A package without a repository has an empty one.
    let dir = tempdir().unwrap();
    let line = said(quiet(dir.path()).repository(""));
    assert!(line.ends_with(".json\n"), "{line}");
}

#[test]
fn young_records_are_in_a_dump_however_many_follow_as_far_as_there_is_room() {
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
