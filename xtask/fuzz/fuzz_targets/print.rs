//! Prints a dump with `show`, `merge`, `group` and `export`.
#![no_main]

use flightrec_cli::fuzzing;
use flightrec_fuzz::assert_harmless;
use libfuzzer_sys::fuzz_target;
use serde_json::Value;

fuzz_target!(|data: &[u8]| {
    let _ = fuzzing::summary(data);
    let Some(dump) = fuzzing::read(data) else {
        return;
    };
    for (width, all) in [(None, true), (Some(40), false), (Some(100), true)] {
        assert_harmless(&text(fuzzing::show(&dump, width, all)));
    }
    let records = dump.latest_logs.len();
    let dumps = [dump.clone(), dump];
    assert_harmless(&text(fuzzing::merge(&dumps, Some(80))));

    let lines = 2 * (records + 1);
    let logfmt = text(fuzzing::export(&dumps, "logfmt"));
    assert_harmless(&logfmt);
    assert_eq!(logfmt.lines().count(), lines);
    let jsonl = text(fuzzing::export(&dumps, "jsonl"));
    assert_eq!(jsonl.lines().count(), lines);
    for line in jsonl.lines() {
        assert!(json(line).is_object());
    }
    assert!(json(&text(fuzzing::export(&dumps, "otlp"))).is_object());
    let trace = json(&text(fuzzing::export(&dumps, "chrome-trace")));
    let events = trace["traceEvents"].as_array().expect("a list of events");
    for event in events.iter().filter(|event| event["ph"] == "i") {
        assert!(event["ts"].as_f64().is_some_and(|at| at >= 0.0), "{event}");
    }
});

fn text(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes).expect("text")
}

fn json(text: &str) -> Value {
    serde_json::from_str(text).expect("JSON")
}
