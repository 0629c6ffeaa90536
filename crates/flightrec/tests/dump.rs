//! The contents of dumps.

mod common;

use std::sync::{Arc, Mutex};

use common::{build, dumps, log, quiet};
use flightrec::stackerr::{Error, err};
use flightrec::{Dump, Value};
use log::{Level, Log, Record};
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
    // Names are cut after 32 bytes.
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
fn dumps_of_this_and_of_a_later_version_can_be_read() {
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
fn a_record_at_the_level_makes_a_dump_that_ends_with_it() {
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
    // The next dump has the first and the last messages of the counted failures.
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
fn callbacks_and_writers_get_the_dump() {
    let dir = tempdir().unwrap();
    let seen = Arc::new(Mutex::new(Vec::new()));
    let (recorder, _tee) = {
        let seen = Arc::clone(&seen);
        quiet(dir.path())
            .on_dump(|_, _| panic!("a panic in the callback"))
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
fn a_dump_can_be_made_without_names() {
    #[inline(never)]
    fn fail() -> Error {
        std::hint::black_box(Error::new(std::fmt::Error).context("outer"))
    }
    let dir = tempdir().unwrap();
    let error = fail();
    let dump = |names: bool| {
        let dir = dir.path().join(names.to_string());
        let (recorder, _tee) = quiet(&dir).symbolicate(names).build();
        recorder.dump_error(&error).unwrap();
        dumps(&dir).pop().unwrap().1
    };
    let (bare, named) = (dump(false), dump(true));
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
        assert!(frame.address.starts_with("0x"));
        // `stackwalk::modules` finds none on Windows.
        assert_eq!(frame.module.is_some(), cfg!(not(windows)));
    }
    // Except for the functions that captured the stack, the stacks are equal.
    let addresses = |dump: &Dump| -> Vec<String> {
        let frames = dump.stack_traces[0].frames.iter();
        let mut addresses: Vec<_> = frames.map(|frame| frame.address.clone()).collect();
        // Inlined functions have separate frames with the same address.
        addresses.dedup();
        addresses
    };
    assert!(addresses(&bare).ends_with(&addresses(&named)));
}

#[test]
fn a_dump_without_records_has_a_note_about_the_possible_cause() {
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
fn the_recorder_s_lines_can_be_written_to_a_writer() {
    let dir = tempdir().unwrap();
    let file = tempfile::NamedTempFile::new().unwrap();
    let notices = file.reopen().unwrap();
    let (recorder, _tee) = quiet(dir.path()).notice_to(notices).build();
    recorder.dump_error(&err!("it broke")).unwrap();
    let said = std::fs::read_to_string(file.path()).unwrap();
    assert!(said.starts_with("flightrec: crash report written to ") && said.lines().count() == 1);
}

#[test]
fn the_line_with_the_path_mentions_flightrec_issue_if_there_is_a_repository() {
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
