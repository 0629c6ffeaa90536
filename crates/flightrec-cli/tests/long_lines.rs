//! Dumps with lines of a megabyte: the output is bounded, and the tests end. (With a quadratic
//! algorithm they would not.)

mod common;

use common::{Bench, stdout};
use serde_json::{Value, json};

const LONG: usize = 1 << 20;

/// Records in one span, whose name is printed for each of them.
const RECORDS: usize = 2_000;

fn text(part: &str) -> String {
    part.repeat(LONG / part.len())
}

fn dump(records: usize) -> Value {
    let at = "2026-11-23T00:30:15Z";
    let records: Vec<Value> = (0..records)
        .map(|n| {
            json!({"seq": n, "time": at, "level": "WARN", "target": "t", "msg": format!("record {n}"),
                "thread": "main", "span": 1, "fields": {}})
        })
        .collect();
    json!({
        "schema": "flightrec/1", "app": "long", "version": "1.0.0", "created_at": at,
        "reason": {"kind": "error", "message": "outer"},
        "error": {"message": "outer", "location": {"file": "src/main.rs", "line": 1, "column": 1},
            "sources": [{"message": "inner", "sources": []}]},
        "stack_traces": [{"error": "inner", "origin": "creation", "log_seq": 0, "frames": [
            {"name": "long::main", "file": "src/main.rs", "line": 1}]}],
        "spans": [{"id": 1, "name": "request", "target": "t", "level": "INFO", "fields": {"path": "/"}}],
        "latest_logs": records,
        "metadata": {"key": "value"},
    })
}

/// Long texts of different kinds in one dump.
fn long_dump() -> Value {
    let mut dump = dump(3);
    dump["reason"]["message"] = text("<img src=x onerror=alert(1)>` ").into();
    dump["error"]["sources"][0]["message"] = text("a line of text\n").into();
    dump["error"]["location"]["file"] = text("a/").into();
    dump["stack_traces"][0]["frames"][0]["file"] = text("src/").into();
    dump["spans"][0]["fields"]["path"] = text("x").into();
    dump["latest_logs"][0]["msg"] = text("word ").into();
    dump["latest_logs"][1]["fields"]["key"] = text("\u{1b}[31m").into();
    dump["metadata"]["key"] = text("世").into();
    dump
}

fn put(bench: &Bench, dump: &Value) {
    bench.put("dump.json", &serde_json::to_vec(dump).unwrap());
}

/// The output with these arguments, in a terminal of `columns` if given.
fn printed(bench: &Bench, args: &[&str], columns: Option<&str>) -> String {
    let mut command = bench.command(args);
    command.arg("dump.json");
    if let Some(columns) = columns {
        command.env("COLUMNS", columns);
    }
    let output = command.output().unwrap();
    assert!(output.status.success(), "{args:?}: {:?}", output.status);
    stdout(&output)
}

#[test]
fn show_prints_the_beginning_and_with_all_everything() {
    let bench = Bench::new();
    put(&bench, &long_dump());
    for columns in [None, Some("60"), Some("200")] {
        let text = printed(&bench, &["show"], columns);
        assert!(text.len() < 60_000, "{} bytes", text.len());
        assert!(text.contains("more characters (--all shows them)"));
    }
    let text = printed(&bench, &["show", "--all"], Some("80"));
    assert!(text.len() > 5 * LONG, "{} bytes", text.len());
    assert!(text.len() < 30 * LONG, "{} bytes", text.len());
}

#[test]
fn long_spans_are_cut_for_each_record() {
    let bench = Bench::new();
    let mut dump = dump(RECORDS);
    dump["app"] = text("app").into();
    dump["spans"][0]["name"] = text("request ").into();
    dump["spans"][0]["fields"] = json!({"long": text("x"), text("key"): ["a", text("y")]});
    put(&bench, &dump);
    let most = RECORDS * 2_000;
    let all: &[&[&str]] = &[
        &["show", "--log", "all"],
        &["show", "--all", "--log", "all"],
        &["show", "--spans", "--log", "all"],
        &["merge"],
    ];
    for args in all {
        let text = printed(&bench, args, Some("100"));
        assert!(text.len() < most, "{args:?}: {} bytes", text.len());
    }
    for format in ["jsonl", "logfmt"] {
        let text = printed(&bench, &["export", "--to", format], None);
        // The failure has the full name of the program.
        assert!(
            text.len() < most + 2 * LONG,
            "{format}: {} bytes",
            text.len()
        );
    }
    let text = printed(&bench, &["export", "--to", "sentry"], None);
    assert!(event(&text).len() < 1_000_000);
}

#[test]
fn an_issue_and_an_event_stay_within_the_limits_of_services() {
    let bench = Bench::new();
    put(&bench, &long_dump());
    let text = printed(&bench, &["export", "--to", "markdown"], None);
    assert!(text.len() < 60_000, "{} bytes", text.len());
    let text = printed(
        &bench,
        &["export", "--to", "markdown", "--budget", "1000"],
        None,
    );
    assert!(text.len() <= 3_000, "{} bytes", text.len());
    let text = printed(&bench, &["export", "--to", "sentry"], None);
    let event = event(&text);
    assert!(event.len() < 1_000_000, "{} bytes", event.len());
    assert!(event.contains("long texts:"));
    let text = printed(&bench, &["issue", "--repo", "o/r"], None);
    assert!(text.len() < 8_200, "{} bytes", text.len());
}

#[test]
fn a_dump_has_one_line_in_a_table() {
    let bench = Bench::new();
    let mut dump = long_dump();
    dump["app"] = ("e".to_owned() + &text("\u{301}")).into();
    dump["version"] = text("1").into();
    dump["fingerprint"] = text("f").into();
    put(&bench, &dump);
    for command in ["list", "group"] {
        let text = printed(&bench, &[command], Some("80"));
        assert!(text.len() < 2_000, "{command}: {} bytes", text.len());
    }
}

#[test]
fn the_page_contains_each_text_once() {
    let bench = Bench::new();
    let mut dump = dump(3);
    dump["app"] = text("app").into();
    dump["latest_logs"][0]["msg"] = text("</script>").into();
    put(&bench, &dump);
    let text = printed(&bench, &["export", "--to", "html"], None);
    // `<` is escaped as six bytes.
    assert!(
        text.len() < 2 * LONG + LONG / 9 * 5 + 200_000,
        "{} bytes",
        text.len()
    );
}

/// The event of an envelope.
fn event(envelope: &str) -> &str {
    envelope.lines().nth(2).unwrap()
}
