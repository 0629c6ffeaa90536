//! Errors and panics have the span in which they happened.

mod common;

use common::{kept, listening, path};
use flightrec::stackerr::{Error, ResultExt, err};
use tracing::{info_span, instrument};
use tracing_subscriber::prelude::*;
use tracing_subscriber::registry;

#[instrument]
fn load(user: u64) -> Result<u64, Error> {
    parse("x").context("cannot load the user")
}

#[instrument(level = "debug")]
fn parse(text: &str) -> Result<u64, Error> {
    text.parse::<u64>().stack()
}

#[test]
fn an_error_has_the_spans_in_which_it_was_created_even_if_they_are_closed() {
    let (recorder, layer, dumps) = listening();
    kept(&recorder, registry().with(layer), || {
        let error = load(7).unwrap_err();
        // The span has no event, and comes after many others.
        for _ in 0..10_000 {
            info_span!("later").in_scope(|| tracing::debug!("noise"));
        }
        recorder.dump_error(&error).unwrap();
    });
    let mut dumps = dumps.lock().unwrap();
    // The panic of another test makes a dump in every recorder.
    dumps.retain(|dump| dump.reason.kind == flightrec::Kind::Error);
    let trace = &dumps[0].stack_traces[0];
    // The spans were closed, and others have evicted them. At least the id is known.
    assert!(trace.span.is_some());
    assert!(
        dumps[0].notes.iter().any(|note| note.contains("evicted")),
        "{:?}",
        dumps[0].notes
    );
}

#[test]
fn an_error_has_its_path_of_spans() {
    let (recorder, layer, dumps) = listening();
    kept(&recorder, registry().with(layer), || {
        let error = load(7).unwrap_err();
        recorder.dump_error(&error).unwrap();
        recorder.dump_error(&err!("outside")).unwrap();
    });
    let dumps = dumps.lock().unwrap();
    // The panic of another test makes a dump in every recorder.
    let of = |message: &str| {
        let mut dumps = dumps.iter();
        dumps
            .find(|dump| dump.reason.message.contains(message))
            .unwrap()
    };
    let (inside, outside) = (of("cannot load"), of("outside"));
    let trace = &inside.stack_traces[0];
    assert_eq!(path(inside, trace.span), ["load", "parse"]);
    let load = common::span(
        inside,
        common::span(inside, trace.span.unwrap()).parent.unwrap(),
    );
    assert_eq!(load.fields.get("user"), Some(&flightrec::Value::Int(7)));
    assert_eq!(outside.stack_traces[0].span, None);
}

#[test]
fn each_error_of_a_join_has_its_own_span() {
    let (recorder, layer, dumps) = listening();
    kept(&recorder, registry().with(layer), || {
        let errors = (0..3).map(|part| {
            let _span = info_span!("part", part).entered();
            err!("part {part} failed")
        });
        let error = Error::join(errors.collect::<Vec<_>>()).unwrap();
        recorder.dump_error(&error).unwrap();
    });
    let mut dumps = dumps.lock().unwrap();
    // The panic of another test makes a dump in every recorder.
    dumps.retain(|dump| dump.reason.kind == flightrec::Kind::Error);
    let parts: Vec<_> = dumps[0]
        .stack_traces
        .iter()
        .map(|trace| {
            let span = common::span(&dumps[0], trace.span.unwrap());
            span.fields.get("part").cloned()
        })
        .collect();
    assert_eq!(
        parts,
        [0, 1, 2].map(|part| Some(flightrec::Value::Int(part)))
    );
}

#[test]
fn a_panic_has_the_span_in_which_it_happened() {
    let (recorder, layer, dumps) = listening();
    kept(&recorder, registry().with(layer), || {
        let caught = std::panic::catch_unwind(|| {
            let _request = info_span!("request", id = 3).entered();
            let _step = info_span!("step").entered();
            panic!("a panic in a span");
        });
        caught.unwrap_err();
    });
    let dumps = dumps.lock().unwrap();
    // The recorders of other tests may have been installed after this one.
    let dump = dumps
        .iter()
        .find(|dump| dump.reason.message.contains("a panic in a span"))
        .unwrap();
    assert_eq!(path(dump, dump.stack_traces[0].span), ["request", "step"]);
}

#[test]
fn the_stack_of_an_error_that_an_event_has_as_a_value_is_in_the_dump() {
    let (recorder, layer, _) = listening();
    let dump = kept(&recorder, registry().with(layer), || {
        let handled = load(7).unwrap_err();
        tracing::warn!(error = as_value(&handled), "trying again");
        // No stack was captured for this error; the record has only its text.
        tracing::warn!(error = &std::fmt::Error as &dyn std::error::Error, "plain");
    });
    let [noted] = &dump.noted_errors[..] else {
        panic!("{:?}", dump.noted_errors);
    };
    assert!(noted.noted_at.file.ends_with("errors.rs"), "{noted:?}");
    let frames = &noted.stack_traces[0].frames;
    let is_origin = |frame: &flightrec::Frame| frame.name.ends_with("errors::parse");
    assert!(frames.iter().any(is_origin), "{frames:?}");
    assert_eq!(path(&dump, noted.stack_traces[0].span), ["load", "parse"]);
}

#[test]
fn an_error_that_is_logged_before_it_makes_a_dump_is_in_the_dump_once() {
    let (recorder, layer, dumps) = listening();
    kept(&recorder, registry().with(layer), || {
        let earlier = load(6).unwrap_err();
        tracing::warn!(error = as_value(&earlier), "trying again");
        let last = load(7).unwrap_err();
        tracing::error!(error = as_value(&last), "giving up");
        recorder.dump_error(&last.context("cannot start")).unwrap();
    });
    let dumps = dumps.lock().unwrap();
    let mut dumps = dumps.iter();
    let dump = dumps
        .find(|dump| dump.reason.message == "cannot start")
        .unwrap();
    let lines: Vec<_> = dump
        .noted_errors
        .iter()
        .map(|noted| noted.noted_at.line)
        .collect();
    assert_eq!(lines.len(), 1, "{:?}", dump.noted_errors);
    let warning = dump
        .latest_logs
        .iter()
        .find(|record| record.msg == "trying again");
    assert_eq!(warning.unwrap().line, Some(lines[0]));
}

fn as_value(error: &Error) -> &(dyn std::error::Error + 'static) {
    error.as_std()
}
