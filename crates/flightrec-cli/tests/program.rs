//! Exit codes, pipes, filters, hostile input.

mod common;

use std::fs;
use std::io::Read;
use std::process::Stdio;

use common::{Bench, data, stderr, stdout};
use proptest::prelude::*;
use serde_json::json;

fn census() -> String {
    data("census.json").to_str().unwrap().to_owned()
}

/// The log lines in the output of `show`.
fn log(text: &str) -> Vec<&str> {
    let log = text.split("\nLog: ").nth(1).unwrap();
    log.lines().skip(1).collect()
}

#[test]
fn records_are_selected() {
    let bench = Bench::new();
    let shown = |args: &[&str]| {
        let dump = census();
        let mut all = vec!["show", &dump];
        all.extend(args);
        let text = stdout(&bench.run(&all));
        // Skips continuation lines of messages, and the marks of created errors and the failure.
        log(&text)
            .into_iter()
            .filter(|line| !line.contains("│ ") && !line.contains(['▲', '◆']))
            .count()
    };
    assert_eq!(shown(&[]), 8);
    assert_eq!(shown(&["--level", "warn"]), 2);
    assert_eq!(shown(&["-l", "INFO"]), 3);
    assert_eq!(shown(&["--target", "census::crates"]), 4);
    assert_eq!(shown(&["--target", "census"]), 7);
    assert_eq!(shown(&["--thread", "census-1", "--thread", "census-2"]), 4);
    // A capital letter makes the search case-sensitive.
    assert_eq!(shown(&["--grep", "TOML|crates/YY"]), 0);
    assert_eq!(shown(&["--grep", "toml$"]), 2);
    assert_eq!(shown(&["--grep", "TOML$"]), 0);
    assert_eq!(shown(&["--grep", "reading"]), 2);
    assert_eq!(shown(&["--grep", "count=3"]), 1);
    assert_eq!(shown(&["--last", "3"]), 3);
    assert_eq!(shown(&["--last", "1", "--grep", "reading"]), 1);
    assert_eq!(shown(&["--last", "99"]), 8);
}

#[test]
fn records_before_an_error_was_created_are_shown_even_if_many_follow() {
    let record = |seq: u64| format!(r#"{{"seq":{seq},"level":"DEBUG","msg":"record {seq}"}}"#);
    let records: Vec<String> = (100..120).map(record).collect();
    let json = format!(
        r#"{{"schema":"flightrec/1","latest_logs":[{}],"stack_traces":[
            {{"error":"early","log_seq":105}},{{"error":"late","log_seq":118}}]}}"#,
        records.join(",")
    );
    let bench = Bench::new();
    let shown = |args: &[&str]| -> Vec<String> {
        let output = bench.run_with_input(&[&["show", "-"], args].concat(), json.as_bytes());
        let text = stdout(&output);
        let words = ["record 1", "◆", " … "];
        let lines = text
            .lines()
            .filter(|line| words.iter().any(|w| line.contains(w)));
        let end = |line: &str| {
            line.split_whitespace()
                .rev()
                .take(2)
                .collect::<Vec<_>>()
                .join(" ")
        };
        lines.map(end).collect()
    };
    assert_eq!(
        shown(&["--last", "3"]),
        [
            "103 record",
            "104 record",
            "105 record",
            "early here:",
            "records 11",
            "117 record",
            "118 record",
            "late here:",
            "119 record"
        ]
    );
    // A search returns only matching records.
    assert_eq!(
        shown(&["--last", "1", "--grep", "record 11"]),
        ["119 record"]
    );
}

#[test]
fn exit_codes() {
    let bench = Bench::new();
    let dump = census();
    let code = |args: &[&str]| bench.run(args).status.code();
    assert_eq!(code(&["show", &dump]), Some(0));
    assert_eq!(code(&["show", &dump, "--grep", "no such words"]), Some(1));
    assert_eq!(
        code(&["export", "--to", "jsonl", &dump, "--grep", "no such words"]),
        Some(1)
    );
    assert_eq!(code(&["show", &dump, "--grep", "("]), Some(2));
    assert_eq!(code(&["show", "no-such-program"]), Some(2));
    assert_eq!(code(&["show", "."]), Some(2));
    assert_eq!(code(&["frobnicate"]), Some(2));
    assert_eq!(code(&["group", "no-such-file"]), Some(2));
    fs::create_dir(bench.dir.path().join("empty")).unwrap();
    assert_eq!(code(&["group", "empty"]), Some(1));
    bench.put("bad/x.json", b"{");
    assert_eq!(code(&["group", "bad"]), Some(2));
    assert_eq!(
        code(&["doctor", &dump]),
        Some(2),
        "a dump is not an executable"
    );
}

#[cfg(target_os = "linux")]
#[test]
fn a_missing_dump_is_an_error() {
    let bench = Bench::new();
    let output = bench.run(&[]);
    assert_eq!(output.status.code(), Some(1));
    assert!(
        stderr(&output).contains("there are no dumps of any program"),
        "{output:?}"
    );
    assert_eq!(bench.run(&["show"]).status.code(), Some(2));
}

#[test]
fn a_dump_is_read_from_standard_input() {
    let bench = Bench::new();
    let json = fs::read(data("census.json")).unwrap();
    let output = bench.run_with_input(&["show", "-", "--last", "1"], &json);
    assert!(output.status.success(), "{output:?}");
    assert!(stdout(&output).starts_with("census 0.1.0 failed 3 minutes ago\n"));
}

#[test]
fn a_closed_pipe_is_not_an_error() {
    let bench = Bench::new();
    let record =
        r#"{"level":"INFO","target":"t","msg":"a text that is long enough to fill the pipe"}"#;
    let records = vec![record; 20_000].join(",");
    let dump = format!(r#"{{"schema":"flightrec/1","latest_logs":[{records}]}}"#);
    let dump = bench.put("long.json", dump.as_bytes());
    let dump = dump.to_str().unwrap();
    for args in [
        &["show", dump] as &[&str],
        &["export", "--to", "jsonl", dump],
        &["export", "--to", "otlp", dump],
    ] {
        let mut child = bench
            .command(args)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut out = child.stdout.take().unwrap();
        out.read_exact(&mut [0; 100]).unwrap();
        drop(out);
        let output = child.wait_with_output().unwrap();
        assert!(
            output.status.success() && output.stderr.is_empty(),
            "{output:?}"
        );
    }
}

#[test]
fn the_message_for_a_broken_dump_has_the_place() {
    let bench = Bench::new();
    bench.put("broken.json", b"{\"schema\": \"flightrec/1\", \"app\": }");
    let output = bench.run(&["show", "broken.json"]);
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(
        stderr(&output),
        "flightrec: broken.json: a value is missing at byte 33 (line 1, column 34)\n"
    );
    bench.put("other.json", b"{\"schema\": \"something\"}");
    assert!(stderr(&bench.run(&["show", "other.json"])).contains("no \"schema\": \"flightrec/…\""));
    bench.put("empty.json", b"");
    assert_eq!(
        stderr(&bench.run(&["show", "empty.json"])),
        "flightrec: empty.json: it is empty\n"
    );
}

#[test]
fn a_newer_schema_is_shown_with_a_warning() {
    let bench = Bench::new();
    bench.put(
        "new.json",
        br#"{"schema":"flightrec/7","app":"a","reason":{"kind":"flood","message":"wet"},"new":[]}"#,
    );
    let text = bench.print(&["show", "new.json"]);
    assert!(
        text.contains("made a dump (flood)") && text.contains("wet"),
        "{text}"
    );
    assert!(
        text.contains("schema flightrec/7; this program knows flightrec/1"),
        "{text}"
    );
}

#[test]
fn a_huge_file_is_refused_without_reading_it() {
    let bench = Bench::new();
    let path = bench.dir.path().join("huge.json");
    // Sparse, if the file system supports it.
    fs::File::create(&path).unwrap().set_len(1 << 30).unwrap();
    for command in [
        &["show", "huge.json"] as &[&str],
        &["redact", "huge.json"],
        &["group", "huge.json"],
    ] {
        let output = bench.run(command);
        assert_eq!(output.status.code(), Some(2), "{output:?}");
        assert!(
            stderr(&output).contains("it is larger than 256 MiB; a larger --max-size allows more"),
            "{output:?}"
        );
    }
    let output = bench.run(&["show", "--max-size", "1K", &census()]);
    assert!(stderr(&output).contains("larger than 1 KiB"), "{output:?}");
}

#[test]
fn depth_and_number_of_values_are_bounded() {
    let bench = Bench::new();
    let deep = format!(
        "{{\"schema\":\"flightrec/1\",\"error\":{}",
        "{\"sources\":[".repeat(100_000)
    );
    bench.put("deep.json", deep.as_bytes());
    let output = bench.run(&["show", "deep.json"]);
    assert_eq!(output.status.code(), Some(0));
    assert!(
        stderr(&output).contains("it is damaged at byte"),
        "{output:?}"
    );
    let output = bench.run(&["show", "--strict", "deep.json"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(stderr(&output).contains("not valid JSON"), "{output:?}");
    let many = format!(
        "{{\"schema\":\"flightrec/1\",\"latest_logs\":[{}{{}}]}}",
        "{},".repeat(2_000_000)
    );
    bench.put("many.json", many.as_bytes());
    let output = bench.run(&["show", "--max-size", "8M", "many.json"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(stderr(&output).contains("of memory"), "{output:?}");
}

#[test]
fn changed_sources_are_shown_with_a_warning() {
    let bench = Bench::new();
    let source = bench.put_source();
    let dump = census();
    assert!(
        !bench
            .print(&["show", &dump])
            .contains("the lines may be wrong")
    );
    // The file was written after the dump.
    let text = fs::read(&source).unwrap();
    fs::write(&source, text).unwrap();
    assert!(
        bench
            .print(&["show", &dump])
            .contains("the lines may be wrong")
    );
    bench.put_source();
    let text = fs::read_to_string(&source)
        .unwrap()
        .replace("fn read(", "fn write(");
    fs::write(&source, text).unwrap();
    let old = std::time::SystemTime::UNIX_EPOCH;
    fs::File::options()
        .write(true)
        .open(&source)
        .unwrap()
        .set_modified(old)
        .unwrap();
    assert!(bench.print(&["show", &dump]).contains("another version"));
}

#[test]
fn a_dump_is_masked_before_it_is_shared() {
    let bench = Bench::new();
    let dump = census();
    let args = [
        "redact",
        &dump,
        "--literal",
        "malformed",
        "--ip",
        "-o",
        "safe.json",
    ];
    let text = bench.print(&args);
    assert!(text.contains("home 5, ip 1, literal 2"), "{text}");
    assert!(text.contains("latest_logs[4].fields.addr"), "{text}");
    let safe = fs::read_to_string(bench.dir.path().join("safe.json")).unwrap();
    assert!(
        !safe.contains("malformed") && !safe.contains("203.0.113.7") && !safe.contains("/home/ci")
    );
    assert!(bench.print(&["show", "safe.json"]).contains("[redacted]"));
    // Existing files are not overwritten.
    assert_eq!(bench.run(&args).status.code(), Some(2));
}

#[test]
fn completions_and_pages_are_generated() {
    let bench = Bench::new();
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        assert!(bench.print(&["completions", shell]).contains("flightrec"));
    }
    assert!(bench.print(&["man"]).contains(".TH flightrec 1"));
    bench.print(&["man", "--dir", "."]);
    assert!(bench.dir.path().join("flightrec-show.1").exists());
}

#[test]
fn the_doctor_examines_executables() {
    let bench = Bench::new();
    // The program itself has the schema, but no recorder.
    let output = bench.run(&["doctor", env!("CARGO_BIN_EXE_flightrec")]);
    let text = stdout(&output);
    for subject in [
        "flight recorder",
        "build-id",
        "symbols",
        "line tables",
        "panics",
        "crash stacks",
        "levels",
        "state directory",
    ] {
        assert!(text.contains(subject), "{text}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    /// No text of a dump can send control characters to the terminal.
    #[test]
    fn everything_is_escaped(evil in "[\\PC\u{0}-\u{1f}\u{7f}-\u{9f}\u{202a}-\u{202e}\u{2066}-\u{2069}]{1,20}") {
        let bench = Bench::new();
        let text = serde_json::to_string(&evil).unwrap();
        let json = fs::read_to_string(data("census.json")).unwrap();
        let mut value: serde_json::Value = serde_json::from_str(&json).unwrap();
        infect(&mut value, &text);
        value["schema"] = "flightrec/1".into();
        bench.put("evil.json", value.to_string().as_bytes());
        for args in [&["show", "--all", "evil.json"] as &[&str], &["merge", "evil.json"], &["group", "evil.json"],
            &["redact", "evil.json", "-o", "out.json"], &["export", "--to", "logfmt", "evil.json"]] {
            let output = bench.run(args);
            prop_assert!(output.status.success(), "{:?}", output);
            let printed = format!("{}{}", stdout(&output), stderr(&output));
            let harmful = |c: char| c != '\n' && c.is_control() || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
            prop_assert!(!printed.contains(harmful), "{:?}", printed);
        }
    }
}

/// Puts the text into every text, and into every key that the program sets.
fn infect(value: &mut serde_json::Value, text: &str) {
    let evil: String = serde_json::from_str(text).unwrap();
    match value {
        serde_json::Value::String(old) => old.push_str(&evil),
        serde_json::Value::Array(items) => items.iter_mut().for_each(|item| infect(item, text)),
        serde_json::Value::Object(object) => {
            object.values_mut().for_each(|value| infect(value, text));
            object.insert(evil.clone(), evil.into());
        }
        _ => {}
    }
}

#[test]
fn exporting_a_directory_as_lines_exports_each_dump() {
    let bench = Bench::new();
    for (name, dump) in [("a", "census.json"), ("b", "worker.json")] {
        bench.put(
            &format!("reports/{name}.json"),
            &fs::read(data(dump)).unwrap(),
        );
    }
    let text = bench.print(&["export", "--to", "jsonl", "reports"]);
    let lines: Vec<serde_json::Value> = text
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let failures: Vec<_> = lines
        .iter()
        .filter(|line| line["event"] == "failure")
        .collect();
    assert_eq!(failures.len(), 2);
    // Each record names its dump.
    let of = |failure: &serde_json::Value| {
        lines
            .iter()
            .filter(|line| line["dump"] == failure["dump"])
            .count()
    };
    assert_eq!((of(failures[0]), of(failures[1])), (9, 3));
    // A file that is not a dump does not prevent the export of the others.
    bench.put("reports/0.json", b"no dump");
    let output = bench.run(&["export", "--to", "jsonl", "reports"]);
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(stdout(&output), text);
    assert!(
        stderr(&output).contains("reports/0.json: there is no dump in it"),
        "{output:?}"
    );
}

#[test]
fn merging_two_dumps_of_one_process_shows_each_record_once() {
    let bench = Bench::new();
    let dump = |pid: u32, first: usize, messages: &[&str]| {
        let records = messages.iter().enumerate();
        let records: Vec<_> = records.map(|(seq, message)| {
            json!({"seq": first + seq, "time": "2026-11-23T00:30:00Z", "level": "INFO", "msg": message})
        }).collect();
        let process = json!({"pid": pid, "started_at": "2026-11-23T00:29:00Z"});
        let dump = json!({"schema": "flightrec/1", "app": "shop", "process": process,
            "created_at": "2026-11-23T00:30:10Z", "latest_logs": records});
        dump.to_string().into_bytes()
    };
    bench.put(
        "first.json",
        &dump(7, 0, &["started", "received", "received"]),
    );
    bench.put(
        "second.json",
        &dump(7, 1, &["received", "received", "received", "answered"]),
    );
    bench.put("other.json", &dump(8, 0, &["started"]));
    let text = bench.print(&["merge", "first.json", "second.json", "other.json"]);
    let count = |message: &str| text.lines().filter(|line| line.ends_with(message)).count();
    assert_eq!(
        ["started", "received", "answered"].map(count),
        [2, 3, 1],
        "{text}"
    );
}
