//! Masks a dump with `redact`: no canary is left.
#![no_main]

use std::cell::LazyCell;

use flightrec_cli::fuzzing::Masker;
use libfuzzer_sys::fuzz_target;
use serde_json::Value;

/// Has a space, because a single word under a key of the schema, such as `kind`, is kept.
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
    // Searches parsed values, because escapes could hide the canary in the JSON.
    assert!(!has_canary(&value), "{value}");
    let again = redact(&masked).expect("it is still a dump");
    let mut again: Value = serde_json::from_slice(&again).expect("JSON");
    // Masking again changes nothing except for the counts.
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
