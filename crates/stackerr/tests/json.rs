//! The JSON of stacks and trees.
#![cfg(feature = "serde")]

use serde_json::{Value, json};
use stackerr::{Error, err};

fn to_json(value: &impl serde::Serialize) -> Value {
    serde_json::to_value(value).unwrap()
}

#[test]
fn an_error_without_a_stack_is_an_empty_list() {
    assert_eq!(
        to_json(&stackerr::stack_traces(&std::fmt::Error)),
        json!([])
    );
}

#[test]
fn a_stack_has_the_original_keys_and_ours() {
    let (err, line) = (err!("boom \"quoted\"\n"), line!());
    let whole = Error::join([err.context("c"), err!("second")]).unwrap();
    let traces = to_json(&whole.stack_traces());
    assert_eq!(traces.as_array().unwrap().len(), 2);
    assert_eq!(traces[1]["error"], "second");

    let trace = traces[0].as_object().unwrap();
    assert_eq!(trace["error"], "boom \"quoted\"\n");
    // `preserve_order`, a feature of serde_json that another crate may enable, changes the order.
    let mut keys: Vec<_> = trace.keys().map(String::as_str).collect();
    keys.sort_unstable();
    assert_eq!(keys, ["error", "error_type", "frames", "origin", "trail"]);
    assert_eq!(trace["error_type"], Value::Null);
    let typed = to_json(&Error::new(std::fmt::Error).stack_traces());
    assert_eq!(typed[0]["error_type"], "core::fmt::Error");

    let first = trace["frames"][0].as_object().unwrap();
    let mut keys: Vec<_> = first.keys().map(String::as_str).collect();
    keys.sort_unstable();
    assert_eq!(
        keys,
        [
            "address", "column", "file", "line", "module", "name", "noise"
        ]
    );
    assert!(
        first["name"]
            .as_str()
            .unwrap()
            .ends_with("a_stack_has_the_original_keys_and_ours")
    );
    assert!(first["file"].as_str().unwrap().ends_with("json.rs"));
    assert_eq!(first["line"], line);
    assert!(first["column"].is_u64());
    assert_eq!(first["noise"], false);
    let address = first["address"]
        .as_str()
        .unwrap()
        .strip_prefix("0x")
        .unwrap();
    assert!(u64::from_str_radix(address, 16).unwrap() > 0);
    if cfg!(target_os = "linux") {
        let exe = std::env::current_exe().unwrap();
        assert_eq!(first["module"], exe.to_str().unwrap());
    }

    let frames = trace["frames"].as_array().unwrap();
    assert!(frames.iter().any(|frame| frame["noise"] == true));
    let place = trace["trail"][0].as_object().unwrap();
    assert_eq!(place["line"], line);
    assert!(place["file"].as_str().unwrap().ends_with("json.rs"));
    assert!(place["column"].is_u64());
    assert_eq!(trace["trail"].as_array().unwrap().len(), 3);
}

#[test]
fn a_tree() {
    let (a, line) = (err!("a"), line!());
    let b = err!("b").context("c");
    let mut tree = to_json(&Error::join([a, b]).unwrap().tree());
    let location = tree["sources"][0]["location"].take();
    assert_eq!(location["line"], line);
    assert!(location["file"].as_str().unwrap().ends_with("json.rs"));
    for pointer in [
        "/location",
        "/sources/1/location",
        "/sources/1/sources/0/location",
    ] {
        *tree.pointer_mut(pointer).unwrap() = Value::Null;
    }
    assert_eq!(
        tree,
        json!({"message": "2 errors", "location": null, "sources": [
            {"message": "a", "location": null, "sources": []},
            {"message": "c", "location": null, "sources": [
                {"message": "b", "location": null, "sources": []},
            ]},
        ]})
    );
    let foreign = to_json(&stackerr::tree(&std::fmt::Error));
    assert_eq!(foreign["location"], Value::Null);
}
