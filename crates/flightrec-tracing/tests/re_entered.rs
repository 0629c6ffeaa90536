//! Faults of per-layer filters and of `reload`, with the recorder next to them. There is only one test,
//! because a process has one global subscriber.

mod common;

use std::fmt;
use std::panic::catch_unwind;

use common::{Output, listening, messages};
use tracing::level_filters::LevelFilter;
use tracing::{Event, Subscriber, debug, error, info, trace, warn};
use tracing_subscriber::filter::filter_fn;
use tracing_subscriber::layer::Context;
use tracing_subscriber::prelude::*;
use tracing_subscriber::{EnvFilter, Layer, reload};

#[tracing::instrument]
fn instrumented() {}

fn nested() {
    warn!("nested");
}

struct Emits;

impl fmt::Debug for Emits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        trace!("not kept");
        debug!("in Debug");
        f.write_str("emitted")
    }
}

/// A layer for one target, which reports its own failures.
struct Fails;

impl<S: Subscriber> Layer<S> for Fails {
    fn on_event(&self, _: &Event<'_>, _: Context<'_, S>) {
        error!("a layer failed");
    }
}

#[test]
fn faults_of_other_filters_do_not_affect_the_recorder() {
    let (recorder, layer, panics) = listening();
    let again = layer.clone();
    let output = Output::default();
    let console = tracing_subscriber::fmt::layer().with_writer(output.clone());
    let filter = EnvFilter::new("error,chatty=trace");
    let (console, handle) = reload::Layer::new(console.with_filter(filter));
    tracing_subscriber::registry()
        .with(console)
        .with(Fails.with_filter(filter_fn(|metadata| metadata.target() == "fails")))
        .with(layer)
        .init();
    // The messages of the program from an index on, without those of `Fails`: because of the fault in
    // `tracing-subscriber`, its filter lets events pass that it should reject.
    let since = |from: usize| {
        let dump = recorder.snapshot();
        let all = messages(&dump);
        let new = all[from..]
            .iter()
            .filter(|message| **message != "a layer failed");
        let new: Vec<_> = new.map(|it| it.to_string()).collect();
        (new, dump.latest_logs.len())
    };

    // A macro within the arguments of another macro.
    debug!("instrumented {:?}", instrumented());
    debug!("callee {:?}", nested());
    debug!("directly {:?}", trace!(""));
    debug!(value = ?Emits, "with a Debug");
    let (new, len) = since(0);
    assert_eq!(
        new,
        [
            "instrumented ()",
            "nested",
            "callee ()",
            "directly ()",
            "in Debug",
            "with a Debug"
        ]
    );

    // A filtered layer that emits.
    debug!(target: "fails", "for the layer");
    info!("after it");
    let dump = recorder.snapshot();
    assert_eq!(
        messages(&dump)[len..][..2],
        ["a layer failed", "for the layer"]
    );
    let (new, len) = since(len);
    assert_eq!(new, ["for the layer", "after it"]);

    // The level after a change. After a whole filtered layer was replaced, `tracing-subscriber` panics at
    // each event before any layer gets it, and the recorder has the panic.
    handle
        .modify(|layer| *layer.filter_mut() = EnvFilter::new("off"))
        .unwrap();
    debug!("with the filter off");
    handle
        .modify(|layer| *layer.filter_mut() = EnvFilter::new("trace"))
        .unwrap();
    debug!("with the filter at TRACE");
    let (new, len) = since(len);
    assert_eq!(new, ["with the filter off", "with the filter at TRACE"]);
    assert_eq!(LevelFilter::current(), LevelFilter::TRACE);
    let other = tracing_subscriber::fmt::layer().with_writer(output);
    let _ = handle.reload(other.with_filter(EnvFilter::new("error")));
    let reached = catch_unwind(|| debug!("after the reload"));
    if reached.is_err() {
        let dumps = panics.lock().unwrap();
        let last = dumps
            .last()
            .expect("the panic of the other layer has a dump");
        assert_eq!(messages(last).last(), Some(&"with the filter at TRACE"));
    }
    tracing::subscriber::with_default(tracing_subscriber::registry().with(again), || {
        debug!("later");
    });
    let (new, _) = since(len);
    assert_eq!(new.last().map(String::as_str), Some("later"), "{new:?}");
}
