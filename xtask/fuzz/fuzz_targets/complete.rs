//! Completes a dump with `symbolicate`, with a valid binary.
#![no_main]

use flightrec_cli::fuzzing;
use libfuzzer_sys::fuzz_target;
use serde_json::Value;

const BINARY: &[u8] = include_bytes!("../data/small-program.so");

fuzz_target!(|data: &[u8]| {
    let Some(completed) = fuzzing::symbolicate(data, BINARY.to_vec()) else {
        return;
    };
    let completed: Value = serde_json::from_slice(&completed).expect("JSON");
    let before = data.strip_prefix(b"\xef\xbb\xbf").unwrap_or(data);
    // Otherwise the dump was repaired, or found in other text.
    let Ok(mut before) = serde_json::from_slice::<Value>(before) else {
        return;
    };
    if before.get("schema").is_none() {
        return;
    }
    // Everything except stacks is unchanged.
    for key in ["stack_traces", "fingerprint"] {
        before[key] = completed[key].clone();
    }
    let absent = |key: &str| completed.get(key).is_none();
    if !absent("stack_traces") && !absent("fingerprint") {
        assert_eq!(completed, before);
    }
});
