//! A program written for `tracing-flight-recorder`, and the same program migrated with the table in
//! the README of `flightrec-tracing`: the recorder keeps the same events as the peer.

use std::fs;
use std::path::{Path, PathBuf};

use flightrec::Dump;
use flightrec::logtee::Directives;
use flightrec_tracing::BuilderExt;
use serde_json::{Value, json};
use tempfile::tempdir;
use tracing::{debug, debug_span, error, info, info_span, trace, warn};
use tracing_flight_recorder::{FlightRecorder, FlightRecorderLayer, LevelTrigger, OnceTrigger};
use tracing_subscriber::prelude::*;
use tracing_subscriber::{EnvFilter, registry};

fn program() {
    trace!(target: "app", "too verbose");
    info!(target: "dependency", "too verbose for a dependency");
    let _request = info_span!(target: "app", "request", id = "r-1", method = "GET").entered();
    debug!(target: "app", user = 7, "authenticating");
    {
        let _query = debug_span!(target: "app", "query", table = "users").entered();
        warn!(target: "app::db", slow = true, "slow query");
    }
    error!(target: "app", password = "hunter2", "connection lost");
    error!(target: "app", "connection lost again");
}

/// Level, target, message, and the names of the enclosing spans.
fn summary(level: &str, target: &str, message: &str, spans: &[&str]) -> Value {
    json!([level, target, message, spans])
}

fn expected() -> Vec<Value> {
    vec![
        summary("DEBUG", "app", "authenticating", &["request"]),
        summary("WARN", "app::db", "slow query", &["request", "query"]),
        summary("ERROR", "app", "connection lost", &["request"]),
        summary("ERROR", "app", "connection lost again", &["request"]),
    ]
}

fn files(dir: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(dir)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    entries
        .filter(|path| path.extension().is_some_and(|it| it == "json"))
        .collect()
}

#[test]
fn with_the_peer() {
    let dir = tempdir().unwrap();
    let recorder = FlightRecorder::new(1_000);
    let layer = FlightRecorderLayer::new(recorder.clone())
        .with_dump_on(
            OnceTrigger::new(LevelTrigger::error()),
            dir.path(),
            "incident",
            10,
        )
        .with_filter(EnvFilter::new("app=debug,warn"));
    tracing::subscriber::with_default(registry().with(layer), program);

    let events = recorder.snapshot();
    let events = events.iter().map(|event| {
        let spans: Vec<_> = event.spans.iter().map(|span| &*span.name).collect();
        summary(&event.level, &event.target, &event.message, &spans)
    });
    assert_eq!(events.collect::<Vec<_>>(), expected());
    assert_eq!(files(dir.path()).len(), 1);
}

#[test]
fn migrated() {
    let dir = tempdir().unwrap();
    let (recorder, layer) = flightrec::builder("app")
        .keep_lines(1_000)
        .record("app=debug,warn".parse::<Directives>().unwrap())
        .dump_on(log::Level::Error)
        .dir(dir.path())
        .keep_dumps(10)
        .notice(false)
        .install_layer()
        .unwrap();
    tracing::subscriber::with_default(registry().with(layer), program);

    let dump = recorder.snapshot();
    assert_eq!(summaries(&dump), expected());
    // One dump for each failing place. The peer's trigger fires only once per process.
    let files = files(dir.path());
    assert_eq!(files.len(), 2);
    for file in files {
        let text = fs::read_to_string(file).unwrap();
        assert!(text.contains("connection lost") && !text.contains("hunter2"));
    }
}

fn summaries(dump: &Dump) -> Vec<Value> {
    let records = dump.latest_logs.iter().map(|record| {
        let mut spans = Vec::new();
        let mut next = record.span;
        while let Some(span) = dump.spans.iter().find(|span| Some(span.id) == next) {
            spans.insert(0, &*span.name);
            next = span.parent;
        }
        summary(
            &record.level.to_string(),
            &record.target,
            &record.msg,
            &spans,
        )
    });
    records.collect()
}

#[test]
fn the_layer_may_keep_its_filter() {
    let (recorder, layer) = flightrec::builder("app")
        .dump_to(std::io::sink())
        .install_layer()
        .unwrap();
    let layer = layer.with_filter(EnvFilter::new("app=debug,warn"));
    tracing::subscriber::with_default(registry().with(layer), program);
    assert_eq!(summaries(&recorder.snapshot()), expected());
}
