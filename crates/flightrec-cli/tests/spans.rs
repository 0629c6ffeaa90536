//! How `show` prints spans.

mod common;

use common::Bench;

const DUMP: &str = r#"{"schema":"flightrec/1","app":"shop","version":"1.0",
"created_at":"2026-11-25T10:00:01Z","reason":{"kind":"error","message":"no such user"},
"stack_traces":[{"error":"no such user","origin":"creation","span":2,"trail":[],
"frames":[{"name":"shop::query","address":"0x10","noise":false}]}],
"latest_logs":[
{"seq":1,"time":"2026-11-25T10:00:00Z","level":"INFO","target":"shop","thread":"main","msg":"started","fields":{}},
{"seq":2,"time":"2026-11-25T10:00:00Z","level":"DEBUG","target":"shop","thread":"main","msg":"received","span":1,"fields":{}},
{"seq":3,"time":"2026-11-25T10:00:00Z","level":"DEBUG","target":"shop","thread":"main","msg":"first row","span":2,"fields":{"n":1}},
{"seq":4,"time":"2026-11-25T10:00:00Z","level":"DEBUG","target":"shop","thread":"main","msg":"second row","span":2,"fields":{}},
{"seq":5,"time":"2026-11-25T10:00:00Z","level":"DEBUG","target":"shop","thread":"main","msg":"answered","span":1,"fields":{}}],
"spans":[{"id":1,"name":"request","fields":{"path":"/users/7"}},{"id":2,"parent":1,"name":"query","fields":{}},
{"id":3,"parent":3,"name":"circle","fields":{}}]}"#;

fn show(options: &[&str]) -> String {
    let bench = Bench::new();
    let dir = tempfile::tempdir().unwrap();
    let dump = dir.path().join("dump.json");
    std::fs::write(&dump, DUMP).unwrap();
    let mut command = bench.command(&["show"]);
    command.args(options).arg(&dump).env("COLUMNS", "200");
    let output = command.output().unwrap();
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn an_error_names_its_path_of_spans() {
    let text = show(&[]);
    let path = "in request{path=/users/7} > query";
    assert!(
        text.contains(&format!("no such user\n  {path}\n")),
        "{text}"
    );
    assert!(text.contains(&format!("first row n=1 {path}\n")), "{text}");
}

#[test]
fn the_log_is_indented_by_spans() {
    let text = show(&["--spans"]);
    let log = text.split_once("Log").unwrap().1;
    let start = log.lines().nth(1).unwrap().find("started").unwrap();
    let messages: Vec<&str> = log
        .lines()
        .skip(1)
        .take(7)
        .map(|line| &line[start..])
        .collect();
    assert_eq!(
        messages,
        [
            "started",
            "▸ request{path=/users/7}",
            "  received",
            "  ▸ query",
            "    first row n=1",
            "    second row",
            "  answered",
        ],
        "{text}"
    );
}

#[test]
fn otlp_has_the_ids_that_the_program_gave() {
    let trace = "0af7651916cd43dd8448eb211c80319c";
    let fields = format!(r#"{{"trace_id":"{trace}","span_id":"b7ad6b7169203331"}}"#);
    let dump = DUMP.replace(r#"{"path":"/users/7"}"#, &fields);
    let bench = Bench::new();
    std::fs::write(bench.dir.path().join("dump.json"), dump).unwrap();
    for (format, key) in [("otlp", "resourceLogs"), ("otlp-traces", "resourceSpans")] {
        let output = bench.run(&["export", "--to", format, "dump.json"]);
        let text = String::from_utf8(output.stdout).unwrap();
        assert!(text.contains(key), "{text}{:?}", output.stderr);
        // The span, its records and its child spans have the id.
        assert!(
            text.matches(&format!(r#""traceId":"{trace}""#)).count() > 1,
            "{text}"
        );
        assert!(text.contains(r#"Id":"b7ad6b7169203331""#), "{text}");
    }
}
