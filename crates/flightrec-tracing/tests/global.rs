//! Behaviour of a global subscriber.

mod common;

use std::fmt;

use common::{install, messages};
use tracing::{debug, info};
use tracing_subscriber::prelude::*;

struct Emits;

impl fmt::Debug for Emits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        debug!("from a Debug");
        log::debug!("from a Debug, through log");
        f.write_str("emitted")
    }
}

#[tracing::instrument]
fn instrumented(argument: u8) -> u8 {
    info!("from an argument");
    argument
}

/// `init` installs `tracing-log`'s logger, too. With the feature `log-always`, which the tests have,
/// `tracing` makes a record of `log` of every event and span.
#[test]
fn one_call_makes_one_record() {
    let (recorder, layer) = install();
    let console = tracing_subscriber::fmt::layer()
        .with_writer(std::io::sink)
        .with_filter(tracing::level_filters::LevelFilter::ERROR);
    tracing_subscriber::registry()
        .with(console)
        .with(layer)
        .init();

    let line = line!() + 1;
    log::warn!(target: "a::dependency", "through {}", "log");
    info!(value = instrumented(7), "outer");
    info!("outer {:?}", Emits);
    let span = tracing::debug_span!("span", field = 1, later = tracing::field::Empty);
    span.record("later", 2);
    span.in_scope(|| {
        info!(parent: &span, "with a parent");
        log::info!("in a span, through log");
        tracing::trace!("not kept");
        log::trace!("not kept");
    });
    drop(span);

    let dump = recorder.snapshot();
    assert_eq!(
        messages(&dump),
        [
            "through log",
            "from an argument",
            "outer",
            "from a Debug",
            "from a Debug, through log",
            "outer emitted",
            "with a parent",
            "in a span, through log",
        ]
    );
    let through_log = common::record(&dump, "through log");
    assert_eq!(through_log.target, "a::dependency");
    assert_eq!(through_log.level, flightrec::Level::Warn);
    assert_eq!(
        (through_log.file.as_deref(), through_log.line),
        (Some(file!()), Some(line))
    );
    assert_eq!(through_log.fields.len(), 0);
    assert_eq!(common::path_of(&dump, "from an argument"), ["instrumented"]);
    assert_eq!(common::path_of(&dump, "in a span, through log"), ["span"]);
    assert_eq!(dump.spans.len(), 2);
}
