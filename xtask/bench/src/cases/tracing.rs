//! Our layer for `tracing`, a layer that does nothing, and other recorders.

use flightrec_tracing::BuilderExt;
use tracing::level_filters::LevelFilter;
use tracing::{Subscriber, debug_span, info_span};
use tracing_subscriber::layer::{Layer, SubscriberExt};
use tracing_subscriber::registry;
use tracing_subscriber::util::SubscriberInitExt;

use super::ours::floor_step;
use super::peers::tracing_step;
use super::{BOTH, Case, Values};
use crate::measure::{Sample, Step, Work, alternate};

const EVENTS: &str = "Keeping one DEBUG event of tracing, inside two spans";
const SPANS: &str = "Spans of tracing";

pub(super) const CASES: &[Case] = &[
    Case::new(EVENTS, "no layer, message", BOTH, nothing_message),
    Case::new(EVENTS, "flightrec-tracing, message", BOTH, ours_message),
    Case::new(EVENTS, "no layer, fields", BOTH, nothing_fields),
    Case::new(EVENTS, "flightrec-tracing, fields", BOTH, ours_fields),
    Case::new(
        EVENTS,
        "tracing-flight-recorder, in spans",
        BOTH,
        peer_message,
    ),
    Case::new(EVENTS, "faultbox, in spans", BOTH, faultbox_message),
    Case::new(SPANS, "no layer, enter and leave", BOTH, nothing_enter),
    Case::new(
        SPANS,
        "flightrec-tracing, enter and leave",
        BOTH,
        ours_enter,
    ),
    Case::new(SPANS, "no layer, span of two fields", BOTH, nothing_span),
    Case::new(
        SPANS,
        "flightrec-tracing, span of two fields",
        BOTH,
        ours_span,
    ),
];

/// Wants the same events as the recorder, and does nothing with them.
struct Nothing;

impl<S: Subscriber> Layer<S> for Nothing {
    fn max_level_hint(&self) -> Option<LevelFilter> {
        Some(LevelFilter::DEBUG)
    }
}

/// Installs the layer and a console at INFO.
macro_rules! init {
    ($layer:expr) => {
        registry()
            .with($layer)
            .with(tracing_subscriber::fmt::layer().with_filter(LevelFilter::INFO))
            .init()
    };
}

fn ours() {
    let (recorder, layer) = flightrec::builder("bench")
        .install_layer()
        .expect("no other recorder is installed");
    std::mem::forget(recorder);
    init!(layer);
}

/// Enters two spans on each thread, then does the work.
struct InSpans<W>(W);

impl<W: Work> Work for InSpans<W> {
    type State = (W::State, [tracing::span::EnteredSpan; 2]);

    fn start(&self) -> Self::State {
        let spans = [
            info_span!("request", id = 7_u64).entered(),
            info_span!("query").entered(),
        ];
        (self.0.start(), spans)
    }

    #[inline]
    fn step(&self, (state, _): &mut Self::State, number: u64) {
        self.0.step(state, number);
    }
}

fn message(threads: usize) -> Sample {
    alternate(&floor_step(), &InSpans(tracing_step()), threads)
}

fn fields(threads: usize) -> Sample {
    let values = Values::new();
    let case = Step(move |number| {
        tracing::debug!(
            bytes = number,
            path = values.path,
            cached = number & 1 == 0,
            "the index was read"
        );
    });
    alternate(&floor_step(), &InSpans(case), threads)
}

fn enter(threads: usize) -> Sample {
    let span = debug_span!("step");
    let case = Step(move |_| drop(span.enter()));
    alternate(&floor_step(), &case, threads)
}

fn span(threads: usize) -> Sample {
    let values = Values::new();
    let case = Step(move |number| drop(debug_span!("step", number, path = values.path)));
    alternate(&floor_step(), &case, threads)
}

fn nothing_message(threads: usize) -> Sample {
    init!(Nothing);
    message(threads)
}

fn ours_message(threads: usize) -> Sample {
    ours();
    message(threads)
}

fn nothing_fields(threads: usize) -> Sample {
    init!(Nothing);
    fields(threads)
}

fn ours_fields(threads: usize) -> Sample {
    ours();
    fields(threads)
}

fn peer_message(threads: usize) -> Sample {
    use tracing_flight_recorder::{FlightRecorder, FlightRecorderLayer};
    let recorder = FlightRecorder::new(1_000);
    init!(FlightRecorderLayer::new(recorder).with_filter(LevelFilter::DEBUG));
    message(threads)
}

fn faultbox_message(threads: usize) -> Sample {
    faultbox::init(super::peers::faultbox_config());
    init!(faultbox::BreadcrumbLayer::new().min_level(tracing::Level::DEBUG));
    message(threads)
}

fn nothing_enter(threads: usize) -> Sample {
    init!(Nothing);
    enter(threads)
}

fn ours_enter(threads: usize) -> Sample {
    ours();
    enter(threads)
}

fn nothing_span(threads: usize) -> Sample {
    init!(Nothing);
    span(threads)
}

fn ours_span(threads: usize) -> Sample {
    ours();
    span(threads)
}
