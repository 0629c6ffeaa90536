//! A program exports its spans with `tracing-opentelemetry`, and fails: the exports of its dump have
//! the same ids.

mod common;

use common::Bench;
use flightrec_tracing::{BuilderExt, RecorderLayer};
use opentelemetry::trace::{TraceContextExt, TracerProvider};
use opentelemetry_sdk::trace::{InMemorySpanExporter, SdkTracerProvider, SpanData};
use tracing_opentelemetry::OpenTelemetrySpanExt;
use tracing_subscriber::prelude::*;

fn with_ids(layer: RecorderLayer) -> RecorderLayer {
    layer.with_trace_ids(|span, dispatch| {
        let context = tracing_opentelemetry::get_otel_context(span, dispatch)?;
        let ids = context.span().span_context().clone();
        Some((ids.trace_id().to_bytes(), ids.span_id().to_bytes()))
    })
}

/// The spans that OpenTelemetry exported, and the bench with the dump.
fn spans_and_dump(
    configure: fn(RecorderLayer) -> RecorderLayer,
    work: impl FnOnce(),
) -> (Vec<SpanData>, Bench) {
    let bench = Bench::new();
    let exporter = InMemorySpanExporter::default();
    let provider = SdkTracerProvider::builder()
        .with_simple_exporter(exporter.clone())
        .build();
    let (recorder, layer) = flightrec::builder("traced")
        .notice(false)
        .install_layer()
        .unwrap();
    let exported = tracing_opentelemetry::layer().with_tracer(provider.tracer("traced"));
    let subscriber = tracing_subscriber::registry()
        .with(configure(layer))
        .with(exported.with_filter(tracing::level_filters::LevelFilter::INFO));
    tracing::subscriber::with_default(subscriber, work);
    let dump = std::fs::File::create(bench.dir.path().join("dump.json")).unwrap();
    recorder.write_to(dump).unwrap();
    (exporter.get_finished_spans().unwrap(), bench)
}

fn exported(bench: &Bench, format: &str) -> String {
    let output = bench.run(&["export", "--to", format, "dump.json"]);
    String::from_utf8(output.stdout).unwrap()
}

/// The ids of a span in their JSON form.
fn ids(span: &SpanData) -> [String; 2] {
    let context = &span.span_context;
    [
        format!(r#""traceId":"{}""#, context.trace_id()),
        format!(r#""spanId":"{}""#, context.span_id()),
    ]
}

fn work() {
    let request = tracing::info_span!("request", path = "/users/7").entered();
    tracing::debug!("received");
    tracing::info_span!("query").in_scope(|| tracing::debug!("first row"));
    drop(request);
}

#[test]
fn exports_have_the_ids_of_tracing_opentelemetry() {
    let (spans, bench) = spans_and_dump(with_ids, work);
    let names: Vec<&str> = spans.iter().map(|span| span.name.as_ref()).collect();
    assert_eq!(names, ["query", "request"]);
    let logs = exported(&bench, "otlp");
    let traces = exported(&bench, "otlp-traces");
    for span in &spans {
        // The record in each span, and the span.
        for id in ids(span) {
            assert!(logs.contains(&id), "no {id} in {logs}");
            assert!(traces.contains(&id), "no {id} in {traces}");
        }
    }
    let parent = format!(r#""parentSpanId":"{}""#, spans[1].span_context.span_id());
    assert!(traces.contains(&parent), "no {parent} in {traces}");
}

#[test]
fn a_parent_from_another_process_is_still_accepted() {
    let work = || {
        let span = tracing::info_span!("request");
        let remote = opentelemetry::trace::SpanContext::new(
            0x0af7_6519_16cd_43dd_8448_eb21_1c80_319c_u128.into(),
            0xb7ad_6b71_6920_3331_u64.into(),
            opentelemetry::trace::TraceFlags::SAMPLED,
            true,
            opentelemetry::trace::TraceState::default(),
        );
        let context = opentelemetry::Context::new().with_remote_span_context(remote);
        span.set_parent(context).unwrap();
        span.in_scope(|| tracing::debug!("received"));
    };
    let (_, bench) = spans_and_dump(with_ids, work);
    let logs = exported(&bench, "otlp");
    let trace = r#""traceId":"0af7651916cd43dd8448eb211c80319c""#;
    assert!(logs.contains(trace), "no {trace} in {logs}");
}

#[test]
fn a_span_unknown_to_opentelemetry_is_in_the_trace_of_its_parent() {
    let work = || {
        tracing::info_span!("request").in_scope(|| {
            tracing::debug_span!("parse").in_scope(|| tracing::debug!("first line"));
        });
    };
    let (spans, bench) = spans_and_dump(with_ids, work);
    assert_eq!(spans.len(), 1, "the other span is DEBUG");
    let [trace, _] = ids(&spans[0]);
    let logs = exported(&bench, "otlp");
    assert!(logs.contains(&trace), "no {trace} in {logs}");
}

#[test]
fn a_wrapped_subscriber_is_asked_for_ids_too() {
    let bench = Bench::new();
    let exporter = InMemorySpanExporter::default();
    let provider = SdkTracerProvider::builder()
        .with_simple_exporter(exporter.clone())
        .build();
    let (recorder, layer) = flightrec::builder("traced")
        .notice(false)
        .install_layer()
        .unwrap();
    let exported_by = tracing_opentelemetry::layer().with_tracer(provider.tracer("traced"));
    let inner = tracing_subscriber::registry().with(exported_by);
    tracing::subscriber::with_default(with_ids(layer).wrap(inner), work);
    let dump = std::fs::File::create(bench.dir.path().join("dump.json")).unwrap();
    recorder.write_to(dump).unwrap();
    let logs = exported(&bench, "otlp");
    for span in exporter.get_finished_spans().unwrap() {
        for id in ids(&span) {
            assert!(logs.contains(&id), "no {id} in {logs}");
        }
    }
}

/// Without `with_trace_ids`.
#[test]
fn ids_that_the_program_records_as_fields_are_exported() {
    let work = || {
        let span = tracing::info_span!(
            "request",
            trace_id = tracing::field::Empty,
            span_id = tracing::field::Empty
        );
        let context = span.context().span().span_context().clone();
        span.record("trace_id", context.trace_id().to_string());
        span.record("span_id", context.span_id().to_string());
        span.in_scope(|| tracing::debug!("received"));
    };
    let (spans, bench) = spans_and_dump(|layer| layer, work);
    let logs = exported(&bench, "otlp");
    for id in ids(&spans[0]) {
        assert!(logs.contains(&id), "no {id} in {logs}");
    }
}
