//! Other recorders, set up as in their documentation.

use std::sync::Arc;

use log::LevelFilter;
use tracing_subscriber::filter;
use tracing_subscriber::prelude::*;

use super::ours::{floor_step, log_step};
use super::{BOTH, Case, RECORD, Values, message};
use crate::measure::{Sample, Step, Work, alternate};

pub(super) const CASES: &[Case] = &[
    Case::new(RECORD, "faultbox breadcrumb!", BOTH, faultbox),
    Case::new(RECORD, "faultbox through tracing", BOTH, faultbox_tracing),
    Case::new(RECORD, "sentry-log breadcrumbs", BOTH, sentry),
    Case::new(
        RECORD,
        "tracing-flight-recorder",
        BOTH,
        tracing_flight_recorder,
    ),
];

fn against_floor(case: impl Work, threads: usize) -> Sample {
    alternate(&floor_step(), &case, threads)
}

pub(super) fn tracing_step() -> Step<impl Fn(u64) + Sync> {
    let values = Values::new();
    Step(move |number| message!(tracing, values, number))
}

fn tracing_flight_recorder(threads: usize) -> Sample {
    use tracing_flight_recorder::{FlightRecorder, FlightRecorderLayer};
    let recorder = FlightRecorder::new(1_000);
    let layer = FlightRecorderLayer::new(recorder).with_filter(filter::LevelFilter::DEBUG);
    let console = tracing_subscriber::fmt::layer().with_filter(filter::LevelFilter::INFO);
    tracing_subscriber::registry()
        .with(layer)
        .with(console)
        .init();
    against_floor(tracing_step(), threads)
}

pub(super) fn faultbox_config() -> faultbox::Config {
    let dir = std::env::temp_dir().join("flightrec-bench-faultbox");
    faultbox::Config::new("bench", "0", dir).breadcrumb_capacity(1_000)
}

fn faultbox(threads: usize) -> Sample {
    faultbox::init(faultbox_config());
    let values = Values::new();
    let case = Step(move |number| {
        faultbox::breadcrumb!(
            Debug,
            "bench",
            message!(format_args, values, number).to_string()
        );
    });
    against_floor(case, threads)
}

fn faultbox_tracing(threads: usize) -> Sample {
    faultbox::init(faultbox_config());
    let layer = faultbox::BreadcrumbLayer::new().min_level(tracing::Level::DEBUG);
    let console = tracing_subscriber::fmt::layer().with_filter(filter::LevelFilter::INFO);
    tracing_subscriber::registry()
        .with(layer)
        .with(console)
        .init();
    against_floor(tracing_step(), threads)
}

fn sentry(threads: usize) -> Sample {
    let mut options = sentry_core::ClientOptions::default();
    options.dsn = "http://public@localhost/1".parse().ok();
    options.transport = Some(Arc::new(sentry_core::test::TestTransport::new()));
    let client = Arc::new(sentry_core::Client::from(options));
    sentry_core::Hub::main().bind_client(Some(client));
    let logger = sentry_log::SentryLogger::new().filter(|metadata| match metadata.level() {
        log::Level::Error => sentry_log::LogFilter::Exception,
        _ => sentry_log::LogFilter::Breadcrumb,
    });
    log::set_boxed_logger(Box::new(logger)).expect("this process has no logger yet");
    log::set_max_level(LevelFilter::Debug);
    against_floor(log_step(), threads)
}
