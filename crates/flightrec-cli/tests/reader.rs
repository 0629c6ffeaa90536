//! The output must not mislead its reader. Each test is a case that once did.

mod common;

use common::{Bench, data, stderr, stdout};
use serde_json::{Value, json};

/// The output of `show` for a dump with these keys.
fn show(dump: Value, args: &[&str]) -> String {
    let bench = Bench::new();
    put(&bench, "dump.json", dump);
    let args = [&["show", "dump.json"], args].concat();
    let output = bench.run(&args);
    assert!(
        output.status.code().is_some_and(|code| code < 2),
        "{output:?}"
    );
    stdout(&output)
}

fn put(bench: &Bench, name: &str, mut dump: Value) {
    dump["schema"] = "flightrec/1".into();
    bench.put(name, dump.to_string().as_bytes());
}

fn census() -> String {
    data("census.json").to_str().unwrap().to_owned()
}

fn has(text: &str, parts: &[&str]) {
    for part in parts {
        assert!(text.contains(part), "{part:?} is not in:\n{text}");
    }
}

#[test]
fn short_times_have_a_unit_that_shows_them() {
    let text = show(
        json!({
            "created_at": "2026-11-23T00:30:15.001900Z",
            "process": {"pid": 1, "started_at": "2026-11-23T00:30:15Z", "uptime": 0.061},
            "latest_logs": [{"seq": 1, "time": "2026-11-23T00:30:15.001803Z", "msg": "m"},
                {"seq": 2, "time": "2026-11-23T00:30:15.001300Z", "msg": "m"}],
        }),
        &[],
    );
    has(&text, &["1.9ms after its start", "-97µs", "-600µs"]);
    assert!(
        !text.contains("-0.000s") && !text.contains("0.061"),
        "{text}"
    );
}

#[test]
fn a_stack_from_where_an_error_was_converted_is_labelled() {
    let dump = |origin: &str| {
        json!({"reason": {"kind": "error", "message": "refused"}, "stack_traces": [{
            "error": "refused", "origin": origin, "log_seq": 1,
            "frames": [{"name": "app::wrapper", "file": "src/main.rs", "line": 1}]}],
            "latest_logs": [{"seq": 1, "msg": "m"}], "created_at": "2026-11-23T00:30:15Z"})
    };
    let text = show(dump("conversion"), &[]);
    has(
        &text,
        &[
            "handed over, not where it was created",
            "converted here: refused",
        ],
    );
    assert!(
        !text.contains('▶') && !text.contains("created here"),
        "{text}"
    );
    has(
        &show(dump("creation"), &[]),
        &["▶  0  app::wrapper", "created here: refused"],
    );
}

#[test]
fn every_export_has_the_causes() {
    let bench = Bench::new();
    put(
        &bench,
        "dump.json",
        json!({"app": "a", "reason": {"kind": "error", "message": "cannot start"}, "process": {"pid": 7},
            "error": {"message": "cannot start", "sources": [{"message": "Connection refused"}]},
            "stack_traces": [{"error": "Connection refused", "error_type": "std::io::error::Error", "frames": []}]}),
    );
    for format in [
        "jsonl",
        "logfmt",
        "otlp",
        "chrome-trace",
        "markdown",
        "html",
    ] {
        let text = bench.print(&["export", "--to", format, "dump.json"]);
        has(&text, &["Connection refused", "std::io::error::Error"]);
    }
    // Lines of several dumps are distinguishable.
    let text = bench.print(&["export", "--to", "logfmt", &census(), "dump.json"]);
    assert!(
        text.lines()
            .all(|line| line.contains("app=") && line.contains("pid=")),
        "{text}"
    );
}

#[test]
fn a_crash_shows_known_facts_and_that_the_cause_is_unknown() {
    let text = show(
        json!({
            "app": "a", "created_at": "2026-11-23T00:30:00Z",
            "reason": {"kind": "crash", "message": "process 12 ended without closing the recorder"},
            "process": {"pid": 12, "started_at": "2026-11-22T23:00:00Z"},
            "crash": {"last_record_at": "2026-11-23T00:00:00Z", "boot_id": "b007", "rebooted": false},
        }),
        &[],
    );
    has(
        &text,
        &[
            "a ended unexpectedly",
            "last record  2026-11-23 00:00:00 UTC, 60m00s after its start",
            "cause        unknown (",
            "noticed      2026-11-23 00:30:00 UTC, 3 minutes ago",
        ],
    );
    assert!(!text.contains("was killed"), "{text}");
}

#[test]
fn the_headline_of_a_dump_by_level_is_the_record() {
    let text = show(
        json!({"app": "a", "reason": {"kind": "level", "message": "src/net.rs:17"},
            "latest_logs": [{"seq": 1, "level": "ERROR", "msg": "the upstream is gone"}]}),
        &[],
    );
    has(&text, &["a logged an error\n\n  the upstream is gone\n"]);
}

#[test]
fn missing_symbols_are_reported_once_with_the_command_that_adds_them() {
    let frame =
        |address: &str| json!({"name": "<unknown>", "address": address, "module": "/opt/a"});
    let text = show(
        json!({"reason": {"kind": "error", "message": "bad"}, "modules": [{"name": "/opt/a", "build_id": "93ac61ec"}],
            "stack_traces": [{"error": "bad", "origin": "creation", "frames": [frame("0x12"), frame("0x22")]}]}),
        &[],
    );
    assert_eq!(text.matches("93ac61ec").count(), 1, "{text}");
    has(
        &text,
        &["no symbols for a (build-id 93ac61ec): run `flightrec symbolicate dump.json"],
    );
    assert!(!text.contains('▶'), "{text}");
}

#[test]
fn source_lines_are_labelled_and_can_be_left_out() {
    let bench = Bench::new();
    bench.put_source();
    let text = bench.print(&["show", &census()]);
    assert_eq!(
        text.matches("source lines are from this machine's files")
            .count(),
        1,
        "{text}"
    );
    let text = bench.print(&["show", &census(), "--no-source"]);
    assert!(!text.contains("source lines"), "{text}");
    assert!(!text.contains("let text = fs::read_to_string"), "{text}");
}

#[test]
fn files_and_directories_are_read_everywhere() {
    let bench = Bench::new();
    for (name, dump) in [
        ("reports/a.json", "census.json"),
        ("reports/b.json", "worker.json"),
    ] {
        bench.put(name, &std::fs::read(data(dump)).unwrap());
    }
    has(&bench.print(&["reports/a.json"]), &["census 0.1.0 failed"]);
    has(
        &bench.print(&["list", "reports"]),
        &["reports/a.json", "reports/b.json"],
    );
    has(
        &bench.print(&["reports"]),
        &["reports/a.json", "reports/b.json"],
    );
    // The newer of the two.
    has(&bench.print(&["show", "reports"]), &["worker panicked"]);
    let both = bench.print(&["show", "reports/a.json", "reports/b.json"]);
    has(&both, &["── reports/a.json ──", "── reports/b.json ──"]);
    has(
        &bench.print(&["group", "reports"]),
        &["  reports/a.json\n", "  reports/b.json\n"],
    );
}

#[test]
fn messages_with_several_lines_are_shown_completely() {
    let bench = Bench::new();
    let message = "regex parse error:\n    (a\n    ^\nerror: unclosed group";
    put(
        &bench,
        "dump.json",
        json!({"reason": {"kind": "error", "message": message}}),
    );
    for args in [
        &["list", "dump.json"] as &[&str],
        &["group", "dump.json"],
        &["show", "dump.json"],
    ] {
        has(
            &bench.print(args),
            &["regex parse error:", "error: unclosed group"],
        );
    }
}

#[test]
fn the_error_has_room_on_a_narrow_terminal() {
    let bench = Bench::new();
    let long = "a-program-with-quite-a-long-name";
    put(
        &bench,
        "reports/dump.json",
        json!({"app": long, "version": "1.20.300", "created_at": "2026-11-23T00:30:15Z", "fingerprint": "fr2-0123456789abcdef",
            "reason": {"kind": "error", "message": "No such file or directory (os error 2)"}}),
    );
    for args in [&["list", "reports"] as &[&str], &["group", "reports"]] {
        let output = bench.command(args).env("COLUMNS", "60").output().unwrap();
        let text = stdout(&output);
        has(&text, &["No such file or"]);
        assert!(
            text.lines().all(|line| line.chars().count() <= 60),
            "{text}"
        );
    }
}

#[test]
fn a_long_log_is_shown_at_its_end_and_around_each_error() {
    let record = |seq: u64| json!({"seq": seq, "msg": format!("record {seq}."), "level": "DEBUG"});
    let log: Vec<Value> = (0..531).map(record).collect();
    let dump = json!({"reason": {"kind": "error", "message": "bad"}, "process": {"pid": 1, "thread": "main"},
        "stack_traces": [{"error": "bad", "log_seq": 100, "origin": "creation"},
            {"error": "caller", "origin": "caller"}],
        "latest_logs": log});
    let text = show(dump.clone(), &[]);
    has(
        &text,
        &[
            "23 of 531 records",
            "record 99.",
            "record 100.",
            "record 511.",
            "of thread main",
        ],
    );
    assert!(!text.contains("record 510."), "{text}");
    has(
        &show(dump, &["--log", "all"]),
        &["record 0.", "record 510."],
    );
}

#[test]
fn a_run_of_equal_records_is_one_line_however_records_are_selected() {
    let record = |seq: u64| {
        let msg = if seq < 40 { "begin" } else { "no answer" };
        json!({"seq": seq, "msg": msg, "level": "DEBUG", "target": "net",
            "time": format!("2026-11-23T00:30:{:02}Z", seq - 10)})
    };
    let log: Vec<Value> = (38..=60).map(record).collect();
    let dump = json!({"created_at": "2026-11-23T00:31:00Z",
        "reason": {"kind": "error", "message": "bad"}, "latest_logs": log});
    let lines = |args: &[&str]| {
        let text = show(dump.clone(), args);
        let lines = text.lines().filter(|line| line.contains("net"));
        lines.map(str::to_owned).collect::<Vec<_>>()
    };
    // The last 21 records are equal.
    let some = |args: &[&str], expected: &str| {
        let lines = lines(args);
        let [.., last] = &lines[..] else {
            panic!("{args:?}: nothing is shown")
        };
        assert!(last.contains(expected), "{args:?}: {lines:#?}");
        assert_eq!(
            lines
                .iter()
                .filter(|line| line.contains("no answer"))
                .count(),
            1
        );
    };
    some(&[], "×21 until -10.000s");
    some(&["--around", "43"], "until -");
    some(&["--around", "00:30:33"], "until -");
    some(&["--grep", "no answer"], "×21 until -10.000s");
    some(&["--last", "21"], "×21 until -10.000s");
    // --all shows each record.
    assert_eq!(lines(&["--all", "--log", "all"]).len(), 23);
}

#[test]
fn a_recursion_is_shown_once_and_a_stack_is_not_repeated_among_the_threads() {
    let frame = |name: &str, address: u64, noise: bool| {
        json!({"name": name, "file": "src/a.rs", "line": address, "noise": noise,
            "address": format!("{address:#x}")})
    };
    // Two functions call each other through a function of the runtime.
    let mut frames = vec![frame("app::fails", 1, false)];
    for _ in 0..300 {
        frames.push(frame("app::even", 2, false));
        frames.push(frame("core::call", 3, true));
        frames.push(frame("app::odd", 4, false));
    }
    frames.push(frame("app::main", 5, false));
    let dump = json!({"reason": {"kind": "crash", "message": "bad"},
        "process": {"pid": 1, "thread": "main"},
        "stack_traces": [{"error": "bad", "origin": "crash", "frames": frames}],
        "threads": [{"id": 1, "name": "main", "crashed": true, "frames": frames}]});
    let bench = Bench::new();
    put(&bench, "dump.json", dump.clone());
    let markdown = bench.print(&["export", "--to", "markdown", "dump.json"]);
    for text in [show(dump.clone(), &[]), markdown] {
        let times = |what: &str| text.matches(what).count();
        assert_eq!(times("… the 2 frames above 299 more times"), 1, "{text}");
        for name in ["app::fails", "app::even", "app::odd", "app::main"] {
            assert_eq!(times(name), 1, "{name}: {text}");
        }
        assert!(
            !text.contains("(cut)") && !text.contains("more frames"),
            "{text}"
        );
    }
    let all = show(dump, &["--all"]);
    assert!(!all.contains("more times") && all.matches("app::even").count() > 100);
}

#[test]
fn redaction_names_its_rules_and_keeps_the_order_of_keys() {
    let bench = Bench::new();
    let dump = r#"{"schema":"flightrec/1","zeta":1,"app":"a","reason":{"message":"db-7.example.org: /srv/secret/plan.txt"},"alpha":2}"#;
    bench.put("dump.json", dump.as_bytes());
    let args = [
        "redact",
        "dump.json",
        "--host",
        "db-7",
        "--paths",
        "-o",
        "safe.json",
    ];
    let text = bench.print(&args);
    has(&text, &["host 1", "path 1"]);
    let safe = std::fs::read_to_string(bench.dir.path().join("safe.json")).unwrap();
    assert!(
        !safe.contains("db-7") && !safe.contains("/srv/secret"),
        "{safe}"
    );
    assert!(safe.contains("plan.txt"), "{safe}");
    let at = |key: &str| safe.find(key).unwrap();
    assert!(at("zeta") < at("app") && at("app") < at("alpha"), "{safe}");
}

#[test]
fn errors_say_what_the_file_is_and_what_to_do() {
    let bench = Bench::new();
    bench.put("image.png", b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR");
    let said = |args: &[&str]| stderr(&bench.run(args));
    assert_eq!(
        said(&["show", "image.png"]),
        "flightrec: image.png: it is a PNG image, not a dump\n"
    );
    bench.put("there.json", b"{}");
    assert_eq!(
        said(&["export", "--to", "jsonl", &census(), "-o", "there.json"]),
        "flightrec: there.json: it exists already and is not overwritten; give another --output\n"
    );
    // One prefix for all errors.
    assert!(said(&["show", "--frobnicate"]).starts_with("flightrec: "));
    let text = stdout(&bench.run(&["show", &census(), "--thread", "zz"]));
    has(
        &text,
        &["no record has the thread \"zz\"; there are: census-1, census-2, main"],
    );
}

#[test]
fn all_shows_everything() {
    let text = show(
        json!({
            "created_at": "2026-11-23T00:30:15Z", "reason": {"kind": "panic", "message": "boom"},
            "error": {"message": "boom", "location": {"file": "src/a.rs", "line": 3, "column": 17}},
            "stack_traces": [{"error": "boom", "error_type": "app::Boom", "frames": []}],
            "crash": {"boot_id": "b007", "rebooted": true},
        }),
        &["--all"],
    );
    has(
        &text,
        &["src/a.rs:3:17", "[app::Boom]", "b007", "restarted since"],
    );
    let text = show(json!({"reason": {"kind": "error", "message": "bad"}}), &[]);
    has(
        &text,
        &["none (the error did not capture one where it was created)"],
    );
}

#[test]
fn a_page_contains_source_lines_on_request() {
    let bench = Bench::new();
    bench.put_source();
    let page = bench.print(&["export", "--to", "html", "--source", &census()]);
    assert!(page.contains("let text = fs::read_to_string"), "{page}");
    let page = bench.print(&["export", "--to", "html", &census()]);
    assert!(!page.contains("let text = fs::read_to_string"), "{page}");
    let output = bench.run(&["export", "--to", "jsonl", "--source", &census()]);
    assert_eq!(output.status.code(), Some(2), "{output:?}");
}
