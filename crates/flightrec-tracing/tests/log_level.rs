//! The effect of other layers' TRACE directives on `log::max_level`.

mod common;

use common::{Output, install, messages};
use tracing_subscriber::prelude::*;
use tracing_subscriber::{EnvFilter, fmt, registry};

/// The only test, because a process has one logger.
#[test]
fn the_recorder_does_not_raise_the_level_of_log() {
    let (recorder, layer) = install();
    let output = Output::default();
    let console = fmt::layer().with_writer(output.clone());
    registry()
        .with(console.with_filter(EnvFilter::new("info,chatty=trace")))
        .with(layer)
        .init();
    // `chatty` has raised the level for all layers, which `tracing-log` cannot avoid. The recorder keeps
    // its own level.
    assert_eq!(log::max_level(), log::LevelFilter::Trace);
    log::trace!(target: "dependency", "not kept");
    log::trace!(target: "chatty", "printed only");
    log::debug!(target: "dependency", "kept");
    assert_eq!(messages(&recorder.snapshot()), ["kept"]);
    assert!(output.text().contains("printed only") && !output.text().contains("not kept"));
    // Without `chatty`, TRACE records are rejected by the check of the level.
    let (_recorder, layer) = install();
    let console = fmt::layer().with_writer(output);
    let subscriber = registry()
        .with(console.with_filter(EnvFilter::new("info")))
        .with(layer);
    let hint = tracing::Subscriber::max_level_hint(&subscriber);
    assert_eq!(hint, Some(tracing::level_filters::LevelFilter::DEBUG));
}
