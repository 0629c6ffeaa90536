//! The layer works at any place among other layers, and does not change what they get.

mod common;

use common::{Output, install, kept, messages, quiet};
use flightrec_tracing::BuilderExt;
use tracing::level_filters::LevelFilter;
use tracing::{Dispatch, Subscriber, debug, info, trace};
use tracing_subscriber::prelude::*;
use tracing_subscriber::{EnvFilter, Layer, Registry, fmt, registry, reload};

fn log() {
    trace!("t");
    debug!("d");
    info!("i");
}

fn console<S>(
    output: &Output,
) -> fmt::Layer<S, fmt::format::DefaultFields, fmt::format::Format<fmt::format::Full, ()>, Output>
where
    S: Subscriber + for<'a> tracing_subscriber::registry::LookupSpan<'a>,
{
    fmt::layer()
        .with_ansi(false)
        .without_time()
        .with_writer(output.clone())
}

#[track_caller]
fn check(
    make: impl FnOnce(flightrec_tracing::RecorderLayer, &Output) -> Box<dyn Subscriber + Send + Sync>,
) {
    let (recorder, layer) = install();
    let output = Output::default();
    let subscriber = make(layer, &output);
    assert_eq!(subscriber.max_level_hint(), Some(LevelFilter::DEBUG));
    // Runs twice, because interests are cached the second time.
    tracing::dispatcher::with_default(&Dispatch::new(subscriber), || {
        log();
        log();
    });
    assert_eq!(messages(&recorder.snapshot()), ["d", "i", "d", "i"]);
    let text = output.text();
    assert_eq!(text.matches(": i").count(), 2, "{text}");
    assert!(!text.contains(": d") && !text.contains(": t"), "{text}");
}

#[test]
fn above_a_filtered_layer() {
    check(|layer, output| {
        Box::new(
            registry()
                .with(console(output).with_filter(LevelFilter::INFO))
                .with(layer),
        )
    });
}

#[test]
fn below_a_filtered_layer() {
    check(|layer, output| {
        Box::new(
            registry()
                .with(layer)
                .with(console(output).with_filter(LevelFilter::INFO)),
        )
    });
}

#[test]
fn between_filtered_layers() {
    check(|layer, output| {
        Box::new(
            registry()
                .with(
                    fmt::layer()
                        .with_writer(std::io::sink)
                        .with_filter(LevelFilter::WARN),
                )
                .with(layer)
                .with(console(output).with_filter(EnvFilter::new("info"))),
        )
    });
}

#[test]
fn in_a_boxed_list() {
    for recorder_first in [true, false] {
        check(|layer, output| {
            let console = console(output).with_filter(LevelFilter::INFO).boxed();
            let mut layers: Vec<Box<dyn Layer<Registry> + Send + Sync>> =
                vec![console, layer.boxed()];
            if recorder_first {
                layers.reverse();
            }
            Box::new(registry().with(layers))
        });
    }
}

#[test]
fn as_an_option() {
    check(|layer, output| {
        let none: Option<fmt::Layer<_>> = None;
        Box::new(
            registry()
                .with(none)
                .with(Some(layer))
                .with(console(output).with_filter(LevelFilter::INFO)),
        )
    });
}

#[test]
fn in_a_reload_layer() {
    check(|layer, output| {
        let (layer, _handle) = reload::Layer::new(layer);
        Box::new(
            registry()
                .with(layer)
                .with(console(output).with_filter(LevelFilter::INFO)),
        )
    });
}

#[test]
fn with_its_own_filter() {
    check(|layer, output| {
        let layer = layer.with_filter(LevelFilter::DEBUG);
        Box::new(
            registry()
                .with(layer)
                .with(console(output).with_filter(LevelFilter::INFO)),
        )
    });
}

#[test]
fn a_layer_below_that_has_no_filter_still_gets_everything() {
    let (recorder, layer) = install();
    let output = Output::default();
    let subscriber = registry().with(console(&output)).with(layer);
    assert_eq!(subscriber.max_level_hint(), None);
    let dump = kept(&recorder, subscriber, log);
    assert_eq!(messages(&dump), ["d", "i"]);
    assert!(output.text().contains(": t"), "{}", output.text());
}

#[test]
fn the_level_hint_is_that_of_the_filter() {
    for (level, hint) in [
        (log::LevelFilter::Off, LevelFilter::OFF),
        (log::LevelFilter::Warn, LevelFilter::WARN),
        (log::LevelFilter::Trace, LevelFilter::TRACE),
    ] {
        let (_recorder, layer) = quiet().record(level).install_layer().unwrap();
        assert_eq!(registry().with(layer).max_level_hint(), Some(hint));
    }
}

#[test]
fn reloading_replaces_a_recorder() {
    let (first, layer) = install();
    let (second, other) = install();
    let (layer, handle) = reload::Layer::new(Some(layer));
    tracing::subscriber::with_default(registry().with(layer), || {
        let span = tracing::info_span!("outer").entered();
        debug!("one");
        handle.reload(Some(other)).unwrap();
        debug!("two");
        drop(span);
        let _span = tracing::info_span!("inner").entered();
        debug!("three");
        handle.modify(|layer| *layer = None).unwrap();
        debug!("four");
    });
    let (first, second) = (first.snapshot(), second.snapshot());
    assert_eq!(messages(&first), ["one"]);
    assert_eq!(common::path_of(&first, "one"), ["outer"]);
    assert_eq!(messages(&second), ["two", "three"]);
    // The second layer did not exist when the span was created.
    assert_eq!(common::path_of(&second, "two"), [""; 0]);
    assert_eq!(common::path_of(&second, "three"), ["inner"]);
}

#[test]
fn filters_of_other_layers_can_be_reloaded() {
    let (recorder, layer) = install();
    let output = Output::default();
    let (filter, handle) = reload::Layer::new(LevelFilter::INFO);
    let subscriber = registry()
        .with(console(&output).with_filter(filter))
        .with(layer);
    let dump = kept(&recorder, subscriber, || {
        log();
        handle.reload(LevelFilter::OFF).unwrap();
        log();
        handle.reload(LevelFilter::TRACE).unwrap();
        log();
    });
    assert_eq!(messages(&dump), ["d", "i"].repeat(3));
    assert_eq!(output.text().lines().count(), 1 + 3);
}

#[test]
fn spans_of_two_subscribers_with_one_recorder_are_distinct() {
    let (recorder, layer) = install();
    let (one, two) = (registry().with(layer.clone()), registry().with(layer));
    let (one, two) = (Dispatch::new(one), Dispatch::new(two));
    tracing::dispatcher::with_default(&one, || {
        // Both registries assign the same id to their first span.
        let _a = tracing::info_span!("a").entered();
        tracing::dispatcher::with_default(&two, || {
            debug!("outside");
            let _b = tracing::info_span!("b").entered();
            debug!("in b");
        });
        debug!("in a");
    });
    let dump = recorder.snapshot();
    assert_eq!(common::path_of(&dump, "outside"), [""; 0]);
    assert_eq!(common::path_of(&dump, "in b"), ["b"]);
    assert_eq!(common::path_of(&dump, "in a"), ["a"]);
}

#[test]
fn two_recorders_in_one_stack_keep_the_same() {
    let (first, one) = install();
    let (second, two) = install();
    let subscriber = registry().with(one).with(two);
    tracing::subscriber::with_default(subscriber, || {
        let _span = tracing::info_span!("span").entered();
        debug!("event");
    });
    for recorder in [first, second] {
        assert_eq!(common::path_of(&recorder.snapshot(), "event"), ["span"]);
    }
}
