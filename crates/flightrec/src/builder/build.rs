//! Builds the recorder and its tee.

use std::sync::Arc;

use dumpmaker::Pipeline;
use dumpmaker::collect::{Bounds, Source};
use dumpmaker::gauges::Gauges;
use dumpmaker::heartbeats::Watches;
use dumpmaker::rules::Rules;
use dumpmaker::write::Notices;
use log::{LevelFilter, Record};
use logtee::{Filter, Tee, TeeBuilder};

use super::Builder;
use crate::FlightRecorder;
use crate::background;
use crate::memory_sink::MemorySink;
use crate::record_filter::{RecordFilter, Switch};
use crate::recorder::Recorder;
use crate::sink::RecorderSink;
#[cfg(feature = "crash-safe")]
use crate::sink::TailSink;
use crate::tail::{CrashSafety, Tail};
use crate::testing::{self, TestRun};

/// The minimum number of spans and ends of spans that are kept.
const MIN_SPANS: usize = 512;

impl Builder {
    /// Builds the recorder without changing global state: it sets neither the logger nor the panic hook.
    ///
    /// Records that are logged to the [`Tee`] are kept.
    pub fn build(mut self) -> (FlightRecorder, Tee) {
        let safety = self.crash_safety;
        let test = self.begin_test();
        let (recorder, rest) = self.build_recorder();
        let tee = rest.tee(&recorder, safety, test.is_some());
        (FlightRecorder::new(recorder, test), tee)
    }

    /// Builds the recorder for a front end other than the tee.
    pub(crate) fn build_for_sink(mut self) -> (FlightRecorder, RecorderSink) {
        let safety = self.crash_safety;
        let kept_spans = self.keep_spans();
        let test = self.begin_test();
        let (recorder, rest) = self.build_recorder();
        let sink = RecorderSink::new(Arc::clone(&recorder), rest.record, safety, kept_spans);
        (FlightRecorder::new(recorder, test), sink)
    }

    /// Builds the recorder for both the tee and another front end. Records of the tee for which `is_wanted`
    /// returns false are not kept.
    pub(crate) fn build_for_both(
        mut self,
        is_wanted: impl Fn(&Record<'_>) -> bool + Send + Sync + 'static,
    ) -> (FlightRecorder, RecorderSink, Tee) {
        let safety = self.crash_safety;
        let kept_spans = self.keep_spans();
        let test = self.begin_test();
        let (recorder, mut rest) = self.build_recorder();
        let (filter, tee_filter): (_, Arc<dyn Filter>) = match rest.record {
            RecordFilter::Level(level) => (RecordFilter::Level(level), Arc::new(level)),
            RecordFilter::Filter(filter) => {
                let filter = Arc::<dyn Filter>::from(filter);
                (RecordFilter::Filter(Box::new(Arc::clone(&filter))), filter)
            }
        };
        let sink = RecorderSink::new(Arc::clone(&recorder), filter, safety, kept_spans);
        rest.record = RecordFilter::new(tee_filter.and(logtee::filter_fn(is_wanted)));
        let tee = rest.tee(&recorder, safety, test.is_some());
        (FlightRecorder::new(recorder, test), sink, tee)
    }

    /// Makes the tail keep spans, and returns how many.
    fn keep_spans(&mut self) -> usize {
        // Each record may refer to a different span, which may have parents.
        let kept_spans = self.kept.window.lines.saturating_mul(2).max(MIN_SPANS);
        self.spans = kept_spans;
        kept_spans
    }

    fn begin_test(&mut self) -> Option<TestRun> {
        let test = self.for_test.then(|| TestRun::begin(&mut self.dumps.dir));
        if self.for_test && matches!(self.dumps.notices, Notices::Stderr) {
            self.dumps.notices = Notices::Test;
        }
        test
    }

    fn build_recorder(self) -> (Arc<Recorder>, FrontEnd) {
        let pipeline = Pipeline::new(&self.app.name, self.dumps);
        let tail = make_tail(self.crash_safety, &self.kept, self.spans, &pipeline);
        for warning in self.warnings {
            pipeline.notices.say(&warning);
        }
        let rules = Rules::new(self.rules);
        let recorder = Arc::new(Recorder {
            source: Source::new(self.app, tail, self.kept.window, Gauges::default()),
            pipeline,
            switch: Switch::new(!self.is_off),
            samples_gauges: self.gauges,
            dump_on: self.dump_on,
            triggers_on: (self.dump_on.max(rules.max_level()))
                .map_or(LevelFilter::Off, |level| level.to_level_filter()),
            rules,
            dump_on_signals: self.dump_on_signals,
            ignore_errors: self.ignore_errors,
            #[cfg(feature = "crash-safe")]
            termination_is_failure: self.termination_is_failure,
            watches: Watches::default(),
        });
        background::let_dumps_wait(&recorder);
        #[cfg(feature = "crash-safe")]
        if let Tail::Mapped(ring) = &recorder.source.tail {
            crate::recovery::describe(&recorder, ring, self.crash_safety);
            dumpmaker::close_at_exit(&recorder);
        }
        let front_end = FrontEnd {
            record: self.record,
            console: self.console,
            sinks: self.sinks,
            has_sinks: self.has_sinks,
        };
        (recorder, front_end)
    }
}

/// The settings for the path of records to the recorder.
struct FrontEnd {
    record: RecordFilter,
    console: Option<Box<dyn Filter>>,
    sinks: TeeBuilder,
    has_sinks: bool,
}

impl FrontEnd {
    #[cfg_attr(not(feature = "crash-safe"), expect(unused_variables))]
    fn tee(self, recorder: &Arc<Recorder>, safety: CrashSafety, is_test: bool) -> Tee {
        // `flightrec doctor` searches the executable for this text.
        std::hint::black_box("flightrec::marker::tee");
        let console = match self.console {
            None if !self.has_sinks => Some(Box::new(LevelFilter::Info) as Box<dyn Filter>),
            console => console,
        };
        let mut sinks = self.sinks;
        if let Some(filter) = console {
            sinks = if is_test {
                sinks.sink(filter, testing::console())
            } else {
                sinks.sink(filter, logtee::stderr())
            };
        }
        if recorder.rules.watches_spans() {
            recorder
                .pipeline
                .notices
                .say("rules about slow spans are not checked: they need `flightrec-tracing`");
        }
        // The recorder is the last sink, so a record that another sink logs precedes the record that it
        // was given.
        let sinks = match &recorder.source.tail {
            Tail::Memory(tail) => match recorder.rules.watches_silence() {
                true => self
                    .record
                    .add_to(sinks, MemorySink::<true>::new(recorder, tail)),
                false => self
                    .record
                    .add_to(sinks, MemorySink::<false>::new(recorder, tail)),
            },
            #[cfg(feature = "crash-safe")]
            Tail::Mapped(_) => {
                let sink = TailSink::new(Arc::clone(recorder), safety);
                if safety == CrashSafety::Strict {
                    let redactor = Arc::clone(&recorder.pipeline.redactor);
                    let mask = logtee::map_text(move |text| redactor.text(text));
                    self.record.add_to(sinks, logtee::pipe(mask).to(sink))
                } else {
                    self.record.add_to(sinks, sink)
                }
            }
        };
        sinks.build()
    }
}

/// Makes a tail in a mapped file if this is wanted and possible, or else in memory.
fn make_tail(safety: CrashSafety, kept: &Bounds, spans: usize, pipeline: &Pipeline) -> Tail {
    let bounds = kept.tail(spans);
    if safety != CrashSafety::Off {
        #[cfg(feature = "crash-safe")]
        match crashring::CrashRing::create(
            pipeline.destination().store(),
            &bounds,
            Arc::new({
                let notices = Arc::clone(&pipeline.notices);
                move |message: &str| notices.say(message)
            }),
        ) {
            Ok(ring) => return Tail::Mapped(Box::new(ring)),
            Err(error) => pipeline
                .notices
                .say(&format!("records will not outlive a crash: {error}")),
        }
        #[cfg(not(feature = "crash-safe"))]
        pipeline.notices.say(
            "records will not outlive a crash: flightrec was built without its feature `crash-safe`",
        );
    }
    Tail::Memory(bounds.build_shared())
}
