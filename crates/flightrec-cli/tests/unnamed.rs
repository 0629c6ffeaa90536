//! A dump without names, which `symbolicate` adds.
#![cfg(target_os = "linux")]

mod common;

use std::fs;
use std::path::Path;

use common::{Bench, stderr};
use flightrec::stackerr::{Error, ResultExt};
use serde_json::Value;

#[inline(never)]
fn port(text: &str) -> Result<u16, Error> {
    let port = std::hint::black_box(text).parse::<u16>();
    port.context("not a port")
}

fn dump(dir: &Path, error: &Error, names: bool) -> (String, Value) {
    let (recorder, _tee) = flightrec::builder("test")
        .dir(dir.join(names.to_string()))
        .console(log::LevelFilter::Off)
        .symbolicate(names)
        .build();
    let path = recorder.dump_error(error).unwrap();
    let dump = serde_json::from_slice(&fs::read(path.path().unwrap()).unwrap()).unwrap();
    (path.path().unwrap().to_str().unwrap().to_owned(), dump)
}

#[test]
fn a_completed_dump_is_equal_to_one_with_names() {
    let bench = Bench::new();
    let error = Error::join([port("http").unwrap_err(), port("-1").unwrap_err()]).unwrap();
    let (path, bare) = dump(bench.dir.path(), &error, false);
    let (_, named) = dump(bench.dir.path(), &error, true);
    for trace in bare["stack_traces"].as_array().unwrap() {
        for frame in trace["frames"].as_array().unwrap() {
            assert_eq!(frame["name"], "<unknown>");
        }
    }
    assert_ne!(bare["fingerprint"], named["fingerprint"]);

    let exe = std::env::current_exe().unwrap();
    let output = bench.run(&["symbolicate", &path, "--binary", exe.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let completed: Value = serde_json::from_slice(&output.stdout).unwrap();
    let known = |dump: &Value| {
        let traces = dump["stack_traces"].as_array().unwrap().iter();
        let frames = traces.flat_map(|trace| trace["frames"].as_array().unwrap());
        // `symbolicate` does not read the system's libraries.
        frames
            .filter(|frame| frame["module"] == exe.to_str().unwrap())
            .cloned()
            .collect::<Vec<_>>()
    };
    assert!(known(&named).len() > 4);
    assert_eq!(known(&completed), known(&named));
    for key in ["fingerprint", "error", "modules"] {
        assert_eq!(completed[key], named[key], "{key}");
    }
}
