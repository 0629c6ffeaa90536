//! Spans of events, and their descriptions in a dump.

mod common;

use std::time::Duration;

use common::{install, kept, path_of, quiet, record, span, text};
use flightrec::Value;
use flightrec_tracing::BuilderExt;
use tracing::{Dispatch, Span, debug, debug_span, info, info_span, trace_span};
use tracing_subscriber::prelude::*;
use tracing_subscriber::registry;

const NO_SPAN: [&str; 0] = [];

#[test]
fn an_event_is_in_the_innermost_span() {
    let (recorder, layer) = install();
    let dump = kept(&recorder, registry().with(layer), || {
        debug!("before");
        let outer = info_span!(target: "own", "outer", id = 7, name = "x").entered();
        let line = line!();
        {
            let _inner = debug_span!("inner").entered();
            // Not recorded at DEBUG.
            let _skipped = trace_span!("skipped").entered();
            debug!(line, "inside");
        }
        debug!("between");
        drop(outer);
        debug!("after");
    });
    assert_eq!(path_of(&dump, "before"), NO_SPAN);
    assert_eq!(path_of(&dump, "inside"), ["outer", "inner"]);
    assert_eq!(path_of(&dump, "between"), ["outer"]);
    assert_eq!(path_of(&dump, "after"), NO_SPAN);
    assert_eq!(dump.spans.len(), 2);

    let outer = span(&dump, record(&dump, "between").span.unwrap());
    assert_eq!(
        (outer.name.as_str(), outer.target.as_str()),
        ("outer", "own")
    );
    assert_eq!(outer.level, flightrec::Level::Info);
    assert_eq!(outer.file.as_deref(), Some(file!()));
    let Some(Value::Int(line)) = record(&dump, "inside").fields.get("line") else {
        panic!("no line");
    };
    assert_eq!(outer.line, Some(u32::try_from(*line).unwrap() - 1));
    assert_eq!(outer.fields.get("id"), Some(&Value::Int(7)));
    assert_eq!(outer.fields.get("name"), Some(&text("x")));
    assert!(outer.opened_at.is_some() && outer.closed_at >= outer.opened_at);
}

#[test]
fn an_explicit_parent_overrides_the_entered_span() {
    let (recorder, layer) = install();
    let dump = kept(&recorder, registry().with(layer), || {
        let one = info_span!("one");
        let _two = info_span!("two").entered();
        info_span!(parent: &one, "child").in_scope(|| debug!("in child"));
        info_span!(parent: None, "root").in_scope(|| debug!("in root"));
        debug!(parent: &one, "in one");
        debug!(parent: None, "in none");
    });
    assert_eq!(path_of(&dump, "in child"), ["one", "child"]);
    assert_eq!(path_of(&dump, "in root"), ["root"]);
    assert_eq!(path_of(&dump, "in one"), ["one"]);
    assert_eq!(path_of(&dump, "in none"), NO_SPAN);
}

#[test]
fn values_can_be_recorded_at_any_time() {
    let (recorder, layer) = install();
    let dump = kept(&recorder, registry().with(layer), || {
        let span = info_span!(
            "span",
            a = 1,
            b = tracing::field::Empty,
            c = tracing::field::Empty
        );
        span.in_scope(|| debug!("first"));
        span.record("b", "after an event");
        span.record("a", 2);
        drop(span);
        let open = info_span!("open", x = tracing::field::Empty);
        open.in_scope(|| debug!("second"));
        open.record("x", true);
        std::mem::forget(open);
    });
    let first = span(&dump, record(&dump, "first").span.unwrap());
    let fields: Vec<_> = first
        .fields
        .iter()
        .map(|(key, value)| (key, value.clone()))
        .collect();
    assert_eq!(
        fields,
        [("a", Value::Int(2)), ("b", text("after an event"))]
    );
    let second = span(&dump, record(&dump, "second").span.unwrap());
    assert_eq!(second.fields.get("x"), Some(&Value::Bool(true)));
    assert_eq!(second.closed_at, None);
}

#[test]
fn recording_a_value_repeatedly_takes_no_more_memory() {
    let (recorder, layer) = install();
    let dump = kept(&recorder, registry().with(layer), || {
        let span = info_span!("span", kept = "x", progress = 0);
        for step in 0..10_000 {
            span.record("progress", step);
        }
        span.in_scope(|| debug!("event"));
    });
    let span = span(&dump, record(&dump, "event").span.unwrap());
    assert_eq!(span.fields.get("progress"), Some(&Value::Int(9_999)));
    assert_eq!(span.fields.get("kept"), Some(&text("x")));
}

#[test]
fn spans_can_be_exited_in_any_order_and_entered_twice() {
    let (recorder, layer) = install();
    let dump = kept(&recorder, registry().with(layer), || {
        let (a, b) = (info_span!("a"), info_span!("b"));
        let in_a = a.enter();
        let in_b = b.enter();
        drop(in_a);
        debug!("in b");
        drop(in_b);
        debug!("in none");
        let _once = a.enter();
        let twice = a.enter();
        drop(twice);
        debug!("in a");
    });
    assert_eq!(path_of(&dump, "in b"), ["b"]);
    assert_eq!(path_of(&dump, "in none"), NO_SPAN);
    assert_eq!(path_of(&dump, "in a"), ["a"]);
}

#[test]
fn a_span_is_entered_on_several_threads_at_once() {
    let (recorder, layer) = install();
    let dispatch = Dispatch::new(registry().with(layer));
    let shared = tracing::dispatcher::with_default(&dispatch, || info_span!("shared"));
    std::thread::scope(|scope| {
        for thread in 0..4 {
            let (shared, dispatch) = (&shared, &dispatch);
            scope.spawn(move || {
                tracing::dispatcher::with_default(dispatch, || {
                    for step in 0..50 {
                        let _shared = shared.enter();
                        let _own = info_span!("own", thread).entered();
                        info!(step, thread, "event {thread} {step}");
                    }
                });
            });
        }
    });
    drop(shared);
    let dump = recorder.snapshot();
    for thread in 0..4 {
        for step in 0..50 {
            let message = format!("event {thread} {step}");
            assert_eq!(path_of(&dump, &message), ["shared", "own"]);
            let own = span(&dump, record(&dump, &message).span.unwrap());
            assert_eq!(own.fields.get("thread"), Some(&Value::Int(thread)));
        }
    }
}

#[test]
fn a_long_span_is_kept_although_older_records_and_spans_are_evicted() {
    let (recorder, layer) = quiet().keep_lines(20).install_layer().unwrap();
    let dump = kept(&recorder, registry().with(layer), || {
        let long = info_span!("long", id = 1);
        let child = info_span!(parent: &long, "child");
        child.in_scope(|| debug!("early"));
        for _ in 0..3_000 {
            info_span!("short").in_scope(|| debug!("noise"));
        }
        child.in_scope(|| debug!("late"));
    });
    assert!(dump.evicted_logs > 0 && !common::messages(&dump).contains(&"early"));
    assert_eq!(path_of(&dump, "late"), ["long", "child"]);
    assert_eq!(dump.notes, [""; 0]);
    // The dump has exactly the spans that are referred to.
    assert_eq!(dump.spans.len(), 19 + 2);
}

#[test]
fn spans_without_events_evict_no_others() {
    let (recorder, layer) = install();
    let dump = kept(&recorder, registry().with(layer), || {
        info_span!("closed", id = 1).in_scope(|| debug!("event"));
        for _ in 0..20_000 {
            info_span!("short").in_scope(|| ());
        }
    });
    assert_eq!(path_of(&dump, "event"), ["closed"]);
}

#[test]
fn follows_from_is_kept_with_the_span_that_was_followed() {
    let (recorder, layer) = install();
    let dump = kept(&recorder, registry().with(layer), || {
        let cause = info_span!("cause", id = 1);
        let effect = info_span!("effect");
        effect.follows_from(&cause);
        drop(cause);
        effect.in_scope(|| debug!("event"));
    });
    let effect = span(&dump, record(&dump, "event").span.unwrap());
    let [cause] = effect.follows_from[..] else {
        panic!("{effect:?}");
    };
    assert_eq!(span(&dump, cause).name, "cause");
}

#[test]
fn a_child_of_a_dropped_span_keeps_its_parent() {
    let (recorder, layer) = install();
    let dump = kept(&recorder, registry().with(layer), || {
        let parent = info_span!("parent");
        let child = info_span!(parent: &parent, "child");
        drop(parent);
        child.in_scope(|| debug!("event"));
    });
    assert_eq!(path_of(&dump, "event"), ["parent", "child"]);
}

#[test]
fn ten_thousand_open_spans_are_kept() {
    let (recorder, layer) = quiet()
        .keep_lines(30_000)
        .keep_bytes(16 << 20)
        .install_layer()
        .unwrap();
    let dump = kept(&recorder, registry().with(layer), || {
        let spans: Vec<Span> = (0..10_000).map(|id| info_span!("open", id)).collect();
        for (id, span) in spans.iter().enumerate() {
            span.in_scope(|| debug!(id, "event"));
        }
    });
    assert_eq!(dump.notes, [""; 0]);
    assert_eq!((dump.spans.len(), dump.latest_logs.len()), (10_000, 10_000));
    for record in &dump.latest_logs {
        let span = span_of(&dump, record.span.unwrap());
        assert_eq!(span.fields.get("id"), record.fields.get("id"));
    }
}

/// Finds a span by binary search, because spans are sorted.
fn span_of(dump: &flightrec::Dump, id: u64) -> &flightrec::Span {
    let at = dump
        .spans
        .binary_search_by_key(&id, |span| span.id)
        .unwrap();
    &dump.spans[at]
}

#[test]
fn a_layer_that_is_dropped_leaves_no_spans() {
    let (_recorder, layer) = install();
    let (other, other_layer) = install();
    let spans: Vec<Span> = tracing::subscriber::with_default(registry().with(layer), || {
        (0..10).map(|_| info_span!("left over")).collect()
    });
    for span in &spans {
        std::mem::forget(span.clone());
    }
    drop(spans);
    let dump = kept(&other, registry().with(other_layer), || debug!("event"));
    assert_eq!(path_of(&dump, "event"), NO_SPAN);
}

#[test]
fn fields_of_a_span_beyond_the_limit_are_left_out() {
    let (recorder, layer) = install();
    let dump = kept(&recorder, registry().with(layer), || {
        let long = "x".repeat(10_000);
        let span = info_span!("span", small = 1, long = %long);
        span.in_scope(|| debug!("event"));
    });
    let span = span(&dump, record(&dump, "event").span.unwrap());
    assert_eq!(span.fields.get("small"), Some(&Value::Int(1)));
}

#[test]
fn a_slow_span_makes_a_dump_with_the_span() {
    let slow = |name: &str, limit| flightrec::Rule::slow_span(name, limit);
    let (done, dumps) = std::sync::mpsc::channel();
    let (_recorder, layer) = quiet()
        .dump_when(slow("http.request", Duration::ZERO))
        .dump_when(slow("of another rule", Duration::from_secs(3_600)))
        .on_dump(move |dump, _| drop(done.send(dump.clone())))
        .install_layer()
        .unwrap();
    tracing::subscriber::with_default(registry().with(layer), || {
        let outer = info_span!("outer").entered();
        info_span!("of another rule").in_scope(|| debug!("not slow"));
        drop(info_span!("http.request", path = "/slow"));
        drop(outer);
    });
    let dump = dumps.try_recv().unwrap();
    assert!(dumps.try_recv().is_err(), "one dump");
    assert_eq!(dump.reason.kind, flightrec::Kind::Rule);
    let message = &dump.reason.message;
    assert!(
        message.starts_with("rule slow(http.request, 0ms): a span took "),
        "{message}"
    );
    let trace = &dump.stack_traces[0];
    let slow = span(&dump, trace.span.unwrap());
    assert_eq!(slow.name, "http.request");
    assert_eq!(slow.fields.get("path"), Some(&text("/slow")));
    assert!(slow.closed_at.is_some());
    assert_eq!(common::path(&dump, trace.span), ["outer", "http.request"]);
    let is_this = |frame: &flightrec::Frame| frame.name.contains("a_slow_span_makes");
    assert!(trace.frames.iter().any(is_this), "{:?}", trace.frames);
}
