//! The recorder wraps a subscriber that does not accept layers.

mod common;

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use common::{Output, install, kept, messages, path_of};
use flightrec_tracing::{RecorderLayer, RecorderSubscriber};
use tracing::level_filters::LevelFilter;
use tracing::span::{Attributes, Id, Record};
use tracing::subscriber::{Interest, NoSubscriber};
use tracing::{
    Dispatch, Event, Level, Metadata, Span, Subscriber, debug, debug_span, error_span, info,
    info_span, trace, warn,
};
use tracing_subscriber::filter::dynamic_filter_fn;
use tracing_subscriber::prelude::*;
use tracing_subscriber::{EnvFilter, fmt, registry};

fn console(output: &Output, level: Level) -> impl Subscriber + Send + Sync + use<> {
    fmt()
        .with_ansi(false)
        .without_time()
        .with_max_level(level)
        .with_writer(output.clone())
        .finish()
}

/// A program's events and spans, some of which only the recorder wants.
fn program() {
    let request = info_span!("request", id = 7).entered();
    debug!("d");
    let step = debug_span!("step").entered();
    info!("i");
    let inner = info_span!("inner").entered();
    warn!("w");
    trace!("t");
    drop((inner, step, request));
}

/// The output of the subscriber without the recorder.
fn alone(make: impl FnOnce(&Output) -> Dispatch) -> String {
    let output = Output::default();
    tracing::dispatcher::with_default(&make(&output), program);
    output.text()
}

#[test]
fn the_output_of_a_wrapped_subscriber_is_unchanged_and_the_recorder_has_everything() {
    let makes: [fn(&Output, Option<RecorderLayer>) -> Dispatch; 4] = [
        |output, layer| dispatch(console(output, Level::INFO), layer),
        |output, layer| dispatch(console(output, Level::WARN), layer),
        |output, layer| {
            let filter = EnvFilter::new("subscriber=info");
            let console = fmt()
                .with_ansi(false)
                .without_time()
                .with_env_filter(filter);
            dispatch(console.with_writer(output.clone()).finish(), layer)
        },
        |output, layer| {
            let console = fmt::layer().with_ansi(false).without_time();
            let console = console.with_writer(output.clone());
            let filter = dynamic_filter_fn(|metadata, _| *metadata.level() <= Level::INFO);
            dispatch(registry().with(console.with_filter(filter)), layer)
        },
    ];
    for (n, make) in makes.into_iter().enumerate() {
        let expected = alone(|output| make(output, None));
        assert!(expected.contains("subscriber: w"), "{n}: {expected}");
        let (recorder, layer) = install();
        let output = Output::default();
        // Runs twice, because interests are cached the second time.
        tracing::dispatcher::with_default(&make(&output, Some(layer)), || {
            program();
            assert_eq!(output.text(), expected, "{n}");
            program();
        });
        assert_eq!(output.text(), expected.repeat(2), "{n}");
        let dump = recorder.snapshot();
        assert_eq!(messages(&dump), ["d", "i", "w", "d", "i", "w"], "{n}");
        let innermost = dump.latest_logs[2].span;
        assert_eq!(common::path(&dump, innermost), ["request", "step", "inner"]);
    }
}

fn dispatch(subscriber: impl Subscriber + Send + Sync, layer: Option<RecorderLayer>) -> Dispatch {
    match layer {
        Some(layer) => Dispatch::new(layer.wrap(subscriber)),
        None => Dispatch::new(subscriber),
    }
}

#[test]
fn the_level_hint_covers_both() {
    let hint = |inner: LevelFilter| {
        let (_recorder, layer) = install();
        let inner = fmt().with_max_level(inner).finish();
        layer.wrap(inner).max_level_hint()
    };
    assert_eq!(hint(LevelFilter::OFF), Some(LevelFilter::DEBUG));
    assert_eq!(hint(LevelFilter::TRACE), Some(LevelFilter::TRACE));
    let (_recorder, layer) = install();
    assert_eq!(layer.wrap(registry()).max_level_hint(), None);
}

#[test]
fn the_inner_types_can_be_downcast() {
    let (_recorder, layer) = install();
    let inner = registry().with(LevelFilter::WARN);
    let dispatch = Dispatch::new(layer.wrap(inner));
    assert!(dispatch.is::<RecorderLayer>());
    assert!(dispatch.is::<tracing_subscriber::Registry>());
    assert!(dispatch.is::<LevelFilter>());
    assert!(!dispatch.is::<EnvFilter>());
    type Inner = tracing_subscriber::layer::Layered<LevelFilter, tracing_subscriber::Registry>;
    assert!(dispatch.is::<RecorderSubscriber<Inner>>());
    assert_eq!(
        dispatch.downcast_ref::<LevelFilter>(),
        Some(&LevelFilter::WARN)
    );
}

#[test]
fn the_current_span_is_the_one_that_only_the_recorder_wants() {
    let (recorder, layer) = install();
    let output = Output::default();
    let subscriber = layer.wrap(console(&output, Level::INFO));
    let dump = kept(&recorder, subscriber, || {
        let outer = info_span!("outer").entered();
        let hidden = debug_span!("hidden", late = tracing::field::Empty).entered();
        let current = Span::current();
        assert_eq!(current.metadata().map(|it| it.name()), Some("hidden"));
        current.record("late", 1);
        drop((hidden, outer));
        // The handle keeps the span and its ancestors open, and another thread may use it.
        let dispatch = tracing::dispatcher::get_default(Dispatch::clone);
        let thread = std::thread::spawn(move || {
            tracing::dispatcher::with_default(&dispatch, || {
                current.in_scope(|| info!("elsewhere"));
                let child = error_span!(parent: &current, "child");
                drop(current);
                child.in_scope(|| info!("in the child"));
            });
        });
        thread.join().unwrap();
    });
    assert_eq!(path_of(&dump, "elsewhere"), ["outer", "hidden"]);
    assert_eq!(path_of(&dump, "in the child"), ["outer", "hidden", "child"]);
    let hidden = dump.spans.iter().find(|span| span.name == "hidden");
    assert_eq!(hidden.unwrap().fields.get("late"), Some(&1_i64.into()));
    let text = output.text();
    assert!(
        text.contains("outer:child: subscriber: in the child"),
        "{text}"
    );
    assert!(!text.contains("hidden"), "{text}");
}

#[test]
fn a_root_within_a_span_that_is_not_forwarded_stays_a_root() {
    let (recorder, layer) = install();
    let output = Output::default();
    let subscriber = layer.wrap(console(&output, Level::INFO));
    let dump = kept(&recorder, subscriber, || {
        let _outer = info_span!("outer").entered();
        let _root = debug_span!(parent: None, "root").entered();
        let child = info_span!("child");
        child.in_scope(|| info!(parent: &child, "event"));
    });
    assert_eq!(path_of(&dump, "event"), ["root", "child"]);
    let text = output.text();
    assert!(text.contains("INFO child: subscriber: event"), "{text}");
}

#[test]
fn records_of_log_are_forwarded_by_their_own_level_and_target() {
    let (recorder, layer) = install();
    let output = Output::default();
    let filter = EnvFilter::new("info,chatty=warn");
    let console = fmt()
        .with_ansi(false)
        .without_time()
        .with_env_filter(filter);
    let dispatch = Dispatch::new(layer.wrap(console.with_writer(output.clone()).finish()));
    tracing::dispatcher::with_default(&dispatch, || {
        for (level, target) in [
            (log::Level::Info, "chatty"),
            (log::Level::Debug, "other"),
            (log::Level::Info, "other"),
        ] {
            let record = log::Record::builder()
                .level(level)
                .target(target)
                .args(format_args!("from log"))
                .build();
            tracing_log::format_trace(&record).unwrap();
        }
    });
    let dump = recorder.snapshot();
    let targets: Vec<_> = dump.latest_logs.iter().map(|it| &*it.target).collect();
    assert_eq!(targets, ["chatty", "other", "other"]);
    assert_eq!(output.text(), " INFO other: from log\n");
}

/// A subscriber that only counts, and never reports that a span is closed.
#[derive(Default)]
struct Counts {
    spans: AtomicU64,
    events: Mutex<Vec<&'static str>>,
}

impl Subscriber for &'static Counts {
    fn register_callsite(&self, metadata: &'static Metadata<'static>) -> Interest {
        // `enabled` returns true for all.
        match *metadata.level() <= Level::WARN {
            true => Interest::always(),
            false => Interest::never(),
        }
    }

    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(self.spans.fetch_add(1, Ordering::Relaxed) + 1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}
    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        self.events.lock().unwrap().push(event.metadata().target());
    }

    fn enter(&self, _: &Id) {}
    fn exit(&self, _: &Id) {}
}

#[test]
fn a_subscriber_that_does_not_count_handles_leaves_no_spans_open() {
    let counts: &'static Counts = Box::leak(Box::default());
    let (recorder, layer) = install();
    let subscriber = layer.wrap(counts);
    let dump = kept(&recorder, subscriber, || {
        // More spans than can be open at the same time.
        for _ in 0..40_000 {
            let outer = error_span!("outer");
            let inner = debug_span!(parent: &outer, "inner");
            drop(outer.clone());
            drop(outer);
            drop(inner);
        }
        let _span = error_span!("last").entered();
        debug!(target: "never", "kept");
        warn!(target: "always", "both");
    });
    assert_eq!(dump.notes, [""; 0]);
    assert_eq!(path_of(&dump, "kept"), ["last"]);
    assert_eq!(messages(&dump), ["kept", "both"]);
    assert_eq!(*counts.events.lock().unwrap(), ["always"]);
    assert_eq!(counts.spans.load(Ordering::Relaxed), 40_001);
}

#[test]
fn a_subscriber_that_does_nothing_can_be_wrapped() {
    let (recorder, layer) = install();
    let dump = kept(&recorder, layer.wrap(NoSubscriber::default()), program);
    assert_eq!(messages(&dump), ["d", "i", "w"]);
    assert_eq!(path_of(&dump, "w"), ["request", "step", "inner"]);
}
