//! Recorded events.

mod common;

use std::error::Error;
use std::fmt;

use common::{install, kept, messages, quiet, record, text};
use flightrec::{Kind, Level, Value};
use flightrec_tracing::BuilderExt;
use log::LevelFilter;
use tracing::{debug, error, event, info, trace, warn};
use tracing_subscriber::prelude::*;

#[test]
fn an_event_keeps_its_message_place_and_typed_fields() {
    let (recorder, layer) = install();
    let dump = kept(
        &recorder,
        tracing_subscriber::registry().with(layer),
        || {
            debug!(target: "own", n = -1_i64, u = 2_u64, f = 0.5, yes = true, s = "text",
            dotted.name = 3, r#type = "raw", d = ?Some(1), shown = %"x", big = i128::MIN,
            "the {}", "message");
        },
    );
    let record = record(&dump, "the message");
    assert_eq!(
        (record.level, record.target.as_str()),
        (Level::Debug, "own")
    );
    assert_eq!(record.file.as_deref(), Some(file!()));
    assert!(
        std::thread::current()
            .name()
            .unwrap()
            .starts_with(&record.thread)
    );
    let expected = [
        ("n", Value::Int(-1)),
        ("u", Value::Int(2)),
        ("f", Value::Float(0.5)),
        ("yes", Value::Bool(true)),
        ("s", text("text")),
        ("dotted.name", Value::Int(3)),
        ("type", text("raw")),
        ("d", text("Some(1)")),
        ("shown", text("x")),
        ("big", text(&i128::MIN.to_string())),
    ];
    let fields: Vec<_> = record
        .fields
        .iter()
        .map(|(key, value)| (key, value.clone()))
        .collect();
    assert_eq!(fields, expected);
}

#[test]
fn debug_and_above_are_kept_unless_a_filter_is_set() {
    let log = || {
        trace!("t");
        debug!("d");
        info!(target: "loud", "l");
        error!("e");
    };
    let (recorder, layer) = install();
    let dump = kept(&recorder, tracing_subscriber::registry().with(layer), log);
    assert_eq!(messages(&dump), ["d", "l", "e"]);

    let (recorder, layer) = quiet().record(LevelFilter::Trace).install_layer().unwrap();
    let dump = kept(&recorder, tracing_subscriber::registry().with(layer), log);
    assert_eq!(messages(&dump), ["t", "d", "l", "e"]);

    let directives: flightrec::logtee::Directives = "trace,loud=off".parse().unwrap();
    let (recorder, layer) = quiet().record(directives).install_layer().unwrap();
    let dump = kept(&recorder, tracing_subscriber::registry().with(layer), log);
    assert_eq!(messages(&dump), ["t", "d", "e"]);
}

#[test]
fn nothing_is_kept_between_stop_and_start() {
    let (recorder, layer) = install();
    let dump = kept(
        &recorder,
        tracing_subscriber::registry().with(layer),
        || {
            recorder.stop();
            error!("not kept");
            recorder.start();
            error!("kept");
        },
    );
    assert_eq!(messages(&dump), ["kept"]);
}

#[derive(Debug)]
struct Layered(&'static str, Option<Box<Layered>>);

impl fmt::Display for Layered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

impl Error for Layered {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.1.as_deref().map(|source| source as _)
    }
}

#[test]
fn an_error_as_a_value_is_kept_with_its_causes() {
    let (recorder, layer) = install();
    let error = Layered(
        "top",
        Some(Box::new(Layered(
            "middle",
            Some(Box::new(Layered("root", None))),
        ))),
    );
    let dump = kept(
        &recorder,
        tracing_subscriber::registry().with(layer),
        || {
            warn!(error = &error as &(dyn Error + 'static), "failed");
        },
    );
    let record = record(&dump, "failed");
    assert_eq!(record.fields.get("error"), Some(&text("top: middle: root")));
}

struct Panics;

impl fmt::Display for Panics {
    fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
        panic!("a Display that panics");
    }
}

#[test]
fn if_a_value_panics_only_its_own_text_is_lost() {
    let (recorder, layer) = install();
    let dump = kept(
        &recorder,
        tracing_subscriber::registry().with(layer),
        || {
            info!(bad = %Panics, good = 1, "the message");
            info!("begun {Panics}");
        },
    );
    assert_eq!(
        record(&dump, "the message").fields.get("good"),
        Some(&Value::Int(1))
    );
    assert_eq!(dump.latest_logs.len(), 2);
    assert_eq!(record(&dump, "begun ").fields.len(), 0);
}

#[test]
fn an_event_without_a_message_and_one_with_a_late_message_are_kept() {
    let (recorder, layer) = install();
    let dump = kept(
        &recorder,
        tracing_subscriber::registry().with(layer),
        || {
            event!(tracing::Level::INFO, only = "a field");
            event!(tracing::Level::INFO, first = 1, message = "late", last = 2);
        },
    );
    assert_eq!(messages(&dump), ["", "late"]);
    assert_eq!(record(&dump, "").fields.get("only"), Some(&text("a field")));
    assert_eq!(record(&dump, "late").fields.len(), 2);
}

#[test]
fn dump_on_makes_a_dump_of_the_event() {
    let dumps = std::sync::Arc::new(std::sync::Mutex::new(Vec::new()));
    let seen = dumps.clone();
    let (recorder, layer) = quiet()
        .dump_on(log::Level::Error)
        .on_dump(move |dump, _| seen.lock().unwrap().push(dump.clone()))
        .install_layer()
        .unwrap();
    kept(
        &recorder,
        tracing_subscriber::registry().with(layer),
        || {
            let _span = tracing::info_span!("request", id = 7).entered();
            error!(code = 3, "it {}", "failed");
        },
    );
    let dumps = dumps.lock().unwrap();
    let [dump] = &dumps[..] else {
        panic!("{dumps:?}");
    };
    assert_eq!(dump.reason.kind, Kind::Level);
    assert_eq!(dump.reason.message, "it failed");
    assert_eq!(common::path_of(dump, "it failed"), ["request"]);
    assert_eq!(common::path(dump, dump.stack_traces[0].span), ["request"]);
}

#[test]
fn secrets_in_events_and_spans_are_masked() {
    let (recorder, layer) = install();
    let dump = kept(
        &recorder,
        tracing_subscriber::registry().with(layer),
        || {
            let _span = tracing::info_span!("login", password = "hunter2", user = "ann").entered();
            info!(api_key = 12345, "postgres://ann:hunter2@db/x");
        },
    );
    let json = serde_json::to_string(&dump).unwrap();
    assert!(
        !json.contains("hunter2") && !json.contains("12345"),
        "{json}"
    );
    assert_eq!(dump.spans[0].fields.get("user"), Some(&text("ann")));
}
