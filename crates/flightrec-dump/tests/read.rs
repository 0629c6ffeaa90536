//! What a reader accepts, and the result.

use flightrec_dump::{Dump, Kind, Level, Value};

fn read(json: &str) -> Dump {
    Dump::from_json(json.as_bytes()).unwrap()
}

const MINIMAL: &str = r#"{"schema":"flightrec/1"}"#;

#[test]
fn missing_keys_get_their_defaults() {
    let dump = read(MINIMAL);
    assert_eq!(dump.schema, "flightrec/1");
    assert_eq!(dump.reason.kind, Kind::Error);
    assert_eq!(dump.latest_logs, []);
}

#[test]
fn values_of_another_type_get_their_defaults_and_the_rest_is_read() {
    let dump = read(
        r#"{"schema":"flightrec/9","app":7,"version":{"major":1},"created_at":"soon",
            "reason":"text","error":[],"stack_traces":{"a":1},"evicted_logs":-1,
            "latest_logs":[{"seq":"x","msg":"kept","level":"FATAL"},17,{"seq":2,"fields":{"a":[1,null,-1.5]}}],
            "process":{"pid":1e300,"args":["a",2,"b"]},"metadata":[1],"unknown":{"a":[{}]}}"#,
    );
    assert_eq!(dump.app, "");
    assert_eq!(dump.version, None);
    assert_eq!(dump.evicted_logs, 0);
    assert_eq!(dump.latest_logs.len(), 2);
    assert_eq!(dump.latest_logs[0].msg, "kept");
    assert_eq!(dump.latest_logs[0].level, Level::Info);
    let list = [Value::Int(1), Value::Null, Value::Float(-1.5)];
    assert_eq!(
        dump.latest_logs[1].fields.get("a"),
        Some(&Value::List(list.into()))
    );
    assert_eq!(dump.process.args, ["a", "b"]);
}

#[test]
fn a_kind_of_a_later_version_is_kept() {
    let dump = read(r#"{"schema":"flightrec/1","reason":{"kind":"eclipse"}}"#);
    assert_eq!(dump.reason.kind, Kind::Other("eclipse".to_owned()));
    let mut json = Vec::new();
    dump.write_to(&mut json).unwrap();
    assert_eq!(Dump::from_json(&json).unwrap(), dump);
}

#[test]
fn a_file_that_is_not_a_dump_is_refused_with_a_reason() {
    for (json, message) in [
        (
            "",
            "not valid JSON: EOF while parsing a value at line 1 column 0",
        ),
        ("[]", "the JSON object has no \"schema\": \"flightrec/…\""),
        ("7", "the JSON is not an object"),
        ("{}", "the JSON object has no \"schema\": \"flightrec/…\""),
        (
            r#"{"schema":"flightrec/1","app":"#,
            "not valid JSON: EOF while parsing a value at line 1 column 30",
        ),
    ] {
        let error = Dump::from_json(json.as_bytes()).unwrap_err();
        assert_eq!(error.to_string(), message, "{json}");
    }
}

#[test]
fn numbers_that_json_readers_would_round_are_text() {
    assert_eq!(Value::from(i128::MAX), Value::Text(i128::MAX.to_string()));
    assert_eq!(Value::from(u64::MAX), Value::Uint(u64::MAX));
    assert_eq!(Value::from(f64::NAN), Value::Text("NaN".to_owned()));
}

#[test]
fn a_number_does_not_change_when_it_is_written_and_read() {
    let uptime = "66666666666666666666666666666666666666666666666666666666666666666666666666666666666660.025433794";
    let json = format!(r#"{{"schema":"flightrec/1","process":{{"uptime":{uptime}}}}}"#);
    let dump = Dump::from_json(json.as_bytes()).unwrap();
    let mut written = Vec::new();
    dump.write_to(&mut written).unwrap();
    assert_eq!(Dump::from_json(&written).unwrap(), dump);
}
