//! The recorder keeps records despite known faults of `tracing` and of other layers. There is only one
//! test, because a process has one global subscriber.

mod common;

use common::{install, messages};
use tracing::{Event, Subscriber, debug, info};
use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::layer::Context;
use tracing_subscriber::prelude::*;
use tracing_subscriber::{Layer, fmt, registry, reload};

/// Emits an event of its own for each event of the program.
struct Emits;

impl<S: Subscriber> Layer<S> for Emits {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        if event.metadata().target() == "program" {
            debug!(target: "layer", "from a layer");
        }
    }
}

/// A callsite that is reached before and after the subscriber is set.
fn early() {
    debug!(target: "early", "from a callsite that was reached early");
}

#[test]
fn the_recorder_keeps_records_that_others_lose() {
    // Threads without a subscriber reach the callsite, which may cache that it is disabled.
    early();
    std::thread::spawn(early).join().unwrap();
    tracing::subscriber::with_default(tracing::subscriber::NoSubscriber::default(), early);

    let (recorder, layer) = install();
    let console = fmt::layer().with_writer(std::io::sink);
    let (console, handle) = reload::Layer::new(console.with_filter(LevelFilter::INFO));
    registry().with(Emits).with(console).with(layer).init();

    early();
    std::thread::spawn(early).join().unwrap();
    assert_eq!(
        messages(&recorder.snapshot()),
        ["from a callsite that was reached early"; 2]
    );

    info!(target: "program", "hello");
    let dump = recorder.snapshot();
    assert_eq!(messages(&dump)[2..], ["from a layer", "hello"]);

    // A macro within the arguments of another changes the state of per-layer filters.
    fn argument() -> u8 {
        debug!("inner");
        1
    }
    debug!("outer {}", argument());
    let dump = recorder.snapshot();
    assert_eq!(messages(&dump)[4..], ["inner", "outer 1"]);

    // Changes the filter of a layer in place, because replacing a whole filtered layer panics in
    // `tracing-subscriber`.
    handle
        .modify(|layer| *layer.filter_mut() = LevelFilter::OFF)
        .unwrap();
    debug!("with the console off");
    handle
        .modify(|layer| *layer.filter_mut() = LevelFilter::TRACE)
        .unwrap();
    debug!("with the console at TRACE");
    let dump = recorder.snapshot();
    assert_eq!(
        messages(&dump)[6..],
        ["with the console off", "with the console at TRACE"]
    );

    // Spans that another layer's filter rejects are still parents in the recorder.
    let hidden = tracing::debug_span!("hidden");
    handle
        .modify(|layer| *layer.filter_mut() = LevelFilter::INFO)
        .unwrap();
    hidden.in_scope(|| {
        tracing::info_span!("shown").in_scope(|| info!("in both"));
    });
    let dump = recorder.snapshot();
    assert_eq!(common::path_of(&dump, "in both"), ["hidden", "shown"]);

    // A subscriber that is created and dropped does not change the callsites.
    let (other, layer) = install();
    tracing::subscriber::with_default(registry().with(layer), early);
    assert_eq!(other.snapshot().latest_logs.len(), 1);
    let before = recorder.snapshot().latest_logs.len();
    early();
    assert_eq!(recorder.snapshot().latest_logs.len(), before + 1);
}
