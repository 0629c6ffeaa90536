//! A dump that `redact` masks: no canary is left.
#![no_main]

use std::cell::LazyCell;

use flightrec_cli::fuzzing::Masker;
use libfuzzer_sys::fuzz_target;
use serde_json::Value;

/// With a space: a single word under a key of the schema, such as `kind`, is the schema's.
const CANARY: &str = "canary 4711";

thread_local! {
    static MASKER: LazyCell<Masker> = LazyCell::new(|| Masker::new(CANARY));
}

fuzz_target!(|data: &[u8]| {
    let redact = |json: &[u8]| MASKER.with(|masker| masker.redact(json));
    let Some(masked) = redact(data) else {
        return;
    };
    let value: Value = serde_json::from_slice(&masked).expect("JSON");
    // As text, so that escapes don't hide it.
    assert!(!has_canary(&value), "{value}");
    let again = redact(&masked).expect("it is a dump still");
    let mut again: Value = serde_json::from_slice(&again).expect("JSON");
    // What was masked is masked; only the account of it may be read anew.
    again["redactions"] = value["redactions"].clone();
    assert_eq!(again, value);
});

fn has_canary(value: &Value) -> bool {
    match value {
        Value::String(text) => text.contains(CANARY),
        Value::Array(items) => items.iter().any(has_canary),
        Value::Object(entries) => entries
            .iter()
            .any(|(key, value)| key.contains(CANARY) || has_canary(value)),
        Value::Null | Value::Bool(_) | Value::Number(_) => false,
    }
}
