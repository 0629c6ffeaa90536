//! Errors of other crates: the origins of their stacks.
#![cfg(feature = "anyhow")]

mod common;

use std::error::Error as StdError;
use std::path::Path;

use common::{child, dumps, quiet, scenario, stderr};
use flightrec::stackerr::Error;
use flightrec::{Dump, FlightRecorder, StackOrigin};
use tempfile::tempdir;

#[inline(never)]
fn fails_here() -> anyhow::Error {
    anyhow::anyhow!("no connection")
}

#[inline(never)]
fn fails_there() -> anyhow::Error {
    anyhow::anyhow!("no connection")
}

#[inline(never)]
fn passes_error(recorder: &FlightRecorder, scenario: &str) {
    match scenario {
        "by reference" => drop(recorder.dump_error(&fails_here()).unwrap()),
        "as a trait object" => drop(recorder.dump_error(&*fails_here()).unwrap()),
        "boxed" => {
            let error: Box<dyn StdError + Send + Sync> = fails_here().into();
            recorder.dump_error(&error).unwrap();
        }
        "run" => drop(recorder.run(|| Err::<(), _>(fails_here()))),
        "twice" => {
            for error in [fails_here(), fails_there()] {
                recorder.dump_error(&error).unwrap();
            }
        }
        "wrapped" => {
            let results = [Err::<(), _>(fails_here())];
            let mut errors = results
                .into_iter()
                .map(|result| result.map_err(Error::wrap));
            let error = errors.find_map(Result::err).unwrap();
            recorder.dump_error(&error).unwrap();
        }
        other => panic!("no scenario {other}"),
    }
}

/// The child process: passes an error to the recorder.
#[test]
fn program() {
    if let Some((scenario, dir)) = scenario() {
        let (with_backtraces, scenario) = match scenario.strip_prefix("with backtraces, ") {
            Some(rest) => (true, rest),
            None => (false, &*scenario),
        };
        if with_backtraces {
            // SAFETY: the test harness has no other thread that reads the environment.
            unsafe { std::env::set_var("RUST_LIB_BACKTRACE", "1") };
        }
        passes_error(&quiet(&dir).install().unwrap(), scenario);
    }
}

fn dumps_of(scenario: &str, dir: &Path) -> Vec<Dump> {
    let output = child("program", scenario, dir);
    assert!(output.status.success(), "{}", stderr(&output));
    dumps(dir).into_iter().map(|(_, dump)| dump).collect()
}

fn dump_of(scenario: &str) -> Dump {
    let dir = tempdir().unwrap();
    let [dump] = <[_; 1]>::try_from(dumps_of(scenario, dir.path())).expect("one dump");
    assert!(!dump.fingerprint.is_empty(), "{scenario}");
    dump
}

fn has_frame(dump: &Dump, name: &str) -> bool {
    let frames = dump.stack_traces[0].frames.iter();
    frames
        .map(|frame| &frame.name)
        .any(|its| its.contains(name))
}

#[test]
fn an_error_without_a_backtrace_has_the_stack_of_the_caller_marked_as_such() {
    for (scenario, origin) in [
        ("by reference", StackOrigin::Caller),
        ("as a trait object", StackOrigin::Caller),
        ("boxed", StackOrigin::Caller),
        ("run", StackOrigin::Conversion),
        ("wrapped", StackOrigin::Conversion),
    ] {
        let dump = dump_of(scenario);
        assert_eq!(dump.stack_traces[0].origin, origin, "{scenario}");
        assert!(has_frame(&dump, "passes_error"), "{scenario}");
        assert!(!has_frame(&dump, "fails_here"), "{scenario}");
    }
}

#[test]
fn the_backtrace_of_an_error_is_used() {
    for scenario in ["by reference", "run", "wrapped"] {
        let dump = dump_of(&format!("with backtraces, {scenario}"));
        assert_eq!(
            dump.stack_traces[0].origin,
            StackOrigin::Foreign,
            "{scenario}"
        );
        assert!(has_frame(&dump, "fails_here"), "{scenario}");
    }
}

#[test]
fn errors_with_the_same_text_and_different_backtraces_are_different_failures() {
    let dir = tempdir().unwrap();
    let dumps = dumps_of("with backtraces, twice", dir.path());
    assert_eq!(dumps.len(), 2);
    assert_ne!(dumps[0].fingerprint, dumps[1].fingerprint);
}

#[test]
fn the_location_of_an_error_mapped_by_a_function_name_is_not_in_the_standard_library() {
    let dump = dump_of("wrapped");
    let error = dump.error.as_ref().unwrap();
    let places = error.location.iter().map(|place| &place.file);
    let places = places.chain(dump.stack_traces[0].trail.iter().map(|place| &place.file));
    for file in places {
        assert!(!file.contains("/library/"), "{file}");
    }
}
