//! Errors have span traces of `tracing-error`, and dumps have them as the span of the stack. There is
//! only one test, because the hook of `color-eyre` and the environment belong to the process.

#![allow(unsafe_code, reason = "sets variables of the environment")]

mod common;

use std::error::Error as StdError;
use std::fmt;
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, Ordering};

use color_eyre::eyre::{Report, WrapErr as _};
use common::{listening, path, quiet, text};
use flightrec::{Dump, stackerr};
use flightrec_tracing::BuilderExt;
use tracing::{debug_span, info_span, instrument};
use tracing_error::{ErrorLayer, InstrumentError, InstrumentResult, SpanTrace};
use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::prelude::*;

type Traced = tracing_error::TracedError<std::num::ParseIntError>;

#[instrument]
fn traced(user: &str) -> Result<u64, Traced> {
    parse(user)
}

#[instrument(level = "debug")]
fn parse(text: &str) -> Result<u64, Traced> {
    text.parse::<u64>().in_current_span()
}

#[instrument]
fn reported(user: u64) -> Result<(), Report> {
    Err(Report::msg("no such user")).wrap_err_with(|| format!("cannot load user {user}"))
}

/// An error with its own `SpanTrace`.
#[derive(Debug)]
struct Own {
    _spans: SpanTrace,
}

impl fmt::Display for Own {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an error with its own trace")
    }
}

impl StdError for Own {}

#[instrument]
fn own(part: u64) -> Own {
    Own {
        _spans: SpanTrace::capture(),
    }
}

static IS_DEBUGGED: AtomicBool = AtomicBool::new(false);

/// An error whose `Debug` must not be called, because it might hang in a lookup of names.
struct Debugged;

impl fmt::Debug for Debugged {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        IS_DEBUGGED.store(true, Ordering::Relaxed);
        f.write_str("Debugged")
    }
}

impl fmt::Display for Debugged {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an error with a backtrace")
    }
}

impl StdError for Debugged {}

#[test]
fn a_dump_has_the_spans_of_an_error() {
    // SAFETY: this is the only test of the process, and no other thread of it runs now.
    unsafe {
        std::env::remove_var("RUST_BACKTRACE");
        std::env::remove_var("RUST_LIB_BACKTRACE");
    }
    color_eyre::install().unwrap();
    let (recorder, layer, dumps) = listening();
    let subscriber = tracing_subscriber::registry()
        .with(ErrorLayer::default())
        .with(layer);
    let _default = tracing::subscriber::set_default(subscriber);
    // Other spans with the same name, and the span in which the error is handled.
    let _others = [
        info_span!("traced", user = "y"),
        info_span!("reported", user = 8),
    ];
    let handling = info_span!("handling").entered();
    let latest = || dumps.lock().unwrap().last().cloned().unwrap();
    let innermost = |dump: &Dump| {
        let trace = &dump.stack_traces[0];
        let span = common::span(dump, trace.span.unwrap());
        (path(dump, trace.span).join(" "), span.clone())
    };

    let error = traced("x").unwrap_err();
    recorder.dump_error(&error).unwrap();
    let dump = latest();
    let (names, span) = innermost(&dump);
    assert_eq!(names, "handling traced parse");
    assert_eq!(span.fields.get("text"), Some(&text("x")));
    // The span trace that `tracing-error` adds to the causes is not shown as a cause.
    let tree = dump.error.unwrap();
    assert_eq!(tree.message, "invalid digit found in string");
    assert_eq!(tree.sources.len(), 0);

    // The trace is found below contexts.
    let error = traced("x").unwrap_err();
    let error = stackerr::Error::new(error).context("cannot load");
    recorder.dump_error(&error).unwrap();
    assert_eq!(innermost(&latest()).0, "handling traced parse");

    let code = recorder.run(|| reported(7));
    assert_eq!(code, ExitCode::FAILURE);
    let (names, span) = innermost(&latest());
    assert_eq!(names, "handling reported");
    assert_eq!(span.fields.get("user"), Some(&7_i64.into()));

    let error: Box<dyn StdError + Send + Sync> = reported(9).unwrap_err().into();
    recorder.dump_error(&error).unwrap();
    assert_eq!(
        innermost(&latest()).1.fields.get("user"),
        Some(&9_i64.into())
    );

    recorder.dump_error(&own(3)).unwrap();
    assert_eq!(innermost(&latest()).0, "handling own");

    // Errors with a backtrace must not be formatted, because that looks up names.
    // SAFETY: as above.
    unsafe { std::env::set_var("RUST_LIB_BACKTRACE", "1") };
    recorder.dump_error(&Debugged).unwrap();
    assert!(!IS_DEBUGGED.load(Ordering::Relaxed));
    let error = traced("z").unwrap_err();
    recorder.dump_error(&error).unwrap();
    assert_eq!(innermost(&latest()).0, "handling traced parse");
    // SAFETY: as above.
    unsafe { std::env::remove_var("RUST_LIB_BACKTRACE") };
    recorder.dump_error(&Debugged).unwrap();
    assert!(IS_DEBUGGED.load(Ordering::Relaxed));

    // An error without a span trace.
    recorder.dump_error(&fmt::Error).unwrap();
    assert_eq!(innermost(&latest()).0, "handling");
    drop(handling);

    // A trace of spans that the recorder does not know.
    let list = dumps.clone();
    let (recorder, layer) = quiet()
        .on_dump(move |dump, _| list.lock().unwrap().push(dump.clone()))
        .record(log::LevelFilter::Info)
        .install_layer()
        .unwrap();
    let others = ErrorLayer::default().with_filter(LevelFilter::TRACE);
    let subscriber = tracing_subscriber::registry().with(others).with(layer);
    tracing::subscriber::with_default(subscriber, || {
        let outer = debug_span!("outer", id = 5).entered();
        let error = debug_span!("inner").in_scope(|| fmt::Error.in_current_span());
        drop(outer);
        recorder.dump_error(&error).unwrap();
    });
    let dump = latest();
    let (names, span) = innermost(&dump);
    assert_eq!(names, "outer inner");
    assert_eq!((&*span.target, span.line.is_some()), ("span_traces", true));
    let outer = common::span(&dump, span.parent.unwrap());
    assert_eq!(outer.fields.get("fields"), Some(&text("id=5")));
}
