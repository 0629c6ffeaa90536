//! Builds the recorder and its tee.

use std::process;
use std::sync::{Arc, OnceLock};

use dumpmaker::RateLimiter;
use dumpmaker::collect::{ERRORS, WARNINGS, Window, shares};
use dumpmaker::failures::NotedErrors;
use dumpmaker::redact::Redacting;
use dumprules::Rules;
use dumpstore::Store;
use forklock::ForkMutex;
use log::{LevelFilter, Record};
use logtee::{Filter, Tee, TeeBuilder};
use tailwriter::{SharedTail, Shares};

use super::Builder;
use crate::FlightRecorder;
use crate::background;
use crate::destination::Destination;
use crate::gauges::Gauges;
use crate::look_ahead::LookAhead;
use crate::notices::Notices;
use crate::pipeline::Pipeline;
use crate::record_filter::{RecordFilter, Switch};
use crate::recorder::Recorder;
use crate::sink::{RecorderSink, TailSink};
use crate::source::Source;
use crate::symbolise;
use crate::tail::{CrashSafety, MemoryTail, Tail};
use crate::testing::{self, TestRun};
use crate::watches::Watches;

/// How many spans and ends of spans are kept, however few records are.
const MIN_SPANS: usize = 512;

impl Builder {
    /// Builds the recorder without changing anything global: neither logger nor panic hook.
    ///
    /// Records that are logged to the [`Tee`] are kept.
    pub fn build(mut self) -> (FlightRecorder, Tee) {
        let safety = self.crash_safety;
        let test = self.begin_test();
        let (recorder, rest) = self.build_recorder();
        let tee = rest.tee(&recorder, safety, test.is_some());
        (FlightRecorder::new(recorder, test), tee)
    }

    /// Builds the recorder for another front end than the tee.
    pub(crate) fn build_for_sink(mut self) -> (FlightRecorder, RecorderSink) {
        let safety = self.crash_safety;
        let kept_spans = self.keep_spans();
        let test = self.begin_test();
        let (recorder, rest) = self.build_recorder();
        let sink = RecorderSink::new(Arc::clone(&recorder), rest.record, safety, kept_spans);
        (FlightRecorder::new(recorder, test), sink)
    }

    /// Builds the recorder for another front end and for the tee, which leaves out what `is_wanted`
    /// refuses.
    pub(crate) fn build_for_both(
        mut self,
        is_wanted: impl Fn(&Record<'_>) -> bool + Send + Sync + 'static,
    ) -> (FlightRecorder, RecorderSink, Tee) {
        let safety = self.crash_safety;
        let kept_spans = self.keep_spans();
        let test = self.begin_test();
        let (recorder, mut rest) = self.build_recorder();
        let (filter, of_tee): (_, Arc<dyn Filter>) = match rest.record {
            RecordFilter::Level(level) => (RecordFilter::Level(level), Arc::new(level)),
            RecordFilter::Filter(filter) => {
                let filter = Arc::<dyn Filter>::from(filter);
                (RecordFilter::Filter(Box::new(Arc::clone(&filter))), filter)
            }
        };
        let sink = RecorderSink::new(Arc::clone(&recorder), filter, safety, kept_spans);
        rest.record = RecordFilter::new(of_tee.and(logtee::filter_fn(is_wanted)));
        let tee = rest.tee(&recorder, safety, test.is_some());
        (FlightRecorder::new(recorder, test), sink, tee)
    }

    /// Keeps spans in a tail of their own, and returns how many.
    fn keep_spans(&mut self) -> usize {
        // Each record may refer to a span of its own, which may have parents.
        let kept_spans = self.lines.saturating_mul(2).max(MIN_SPANS);
        self.spans = Some(kept_spans);
        kept_spans
    }

    fn begin_test(&mut self) -> Option<TestRun> {
        let test = self.for_test.then(|| TestRun::begin(&mut self.dir));
        if self.for_test && matches!(self.notices, Notices::Stderr) {
            self.notices = Notices::Test;
        }
        test
    }

    fn build_recorder(self) -> (Arc<Recorder>, FrontEnd) {
        let notices = Arc::new(self.notices);
        let window = Window {
            lines: self.lines,
            warnings: self.warnings,
            min_age: self.min_age,
        };
        let mut bounds = SharedTail::builder()
            .max_lines(window.max_lines())
            .max_bytes(self.bytes)
            .max_line_bytes(packlog::MAX_LEN)
            .quota(ERRORS, self.warnings)
            .quota(WARNINGS, self.warnings);
        if let Some(age) = self.max_age {
            bounds = bounds.max_age(age);
        }
        let store = Store::new(&self.app.name, self.dir, self.retention);
        let shares = shares(self.lines, self.bytes);
        let tail = make_tail(
            self.crash_safety,
            &bounds,
            shares,
            self.spans,
            &store,
            &notices,
        );
        let destination = match self.writer {
            Some(writer) => Destination::Writer(ForkMutex::new(writer)),
            None => Destination::Directory(store),
        };
        for complaint in self.complaints {
            notices.say(&complaint);
        }
        let rules = Rules::new(self.rules);
        let recorder = Arc::new(Recorder {
            source: Source {
                app: self.app,
                tail,
                window,
                gauges: Gauges::new(self.gauges),
                spans: OnceLock::new(),
            },
            pipeline: Pipeline {
                limiter: ForkMutex::new(RateLimiter::new()),
                redactor: Arc::new(self.redactor),
                redacting: Redacting::default(),
                destination,
                symboliser: self.symbolicate.then_some(symbolise::look_up),
                all_threads: self.all_threads,
                callbacks: self.callbacks,
                notices,
                recent: ForkMutex::default(),
                noted: NotedErrors::default(),
                look_ahead: LookAhead::new(self.look_ahead),
                pid: process::id(),
            },
            switch: Switch::new(!self.is_off),
            dump_on: self.dump_on,
            triggers_on: (self.dump_on.max(rules.max_level()))
                .map_or(LevelFilter::Off, |level| level.to_level_filter()),
            rules,
            dump_on_signals: self.dump_on_signals,
            ignore_errors: self.ignore_errors,
            #[cfg(feature = "crash-safe")]
            reports_termination: self.reports_termination,
            watches: Watches::default(),
        });
        background::let_dumps_wait(&recorder);
        #[cfg(feature = "crash-safe")]
        if let Tail::Mapped(ring) = &recorder.source.tail {
            crate::recovery::describe(&recorder, ring, self.crash_safety);
            crate::exit::close_at_exit(&recorder);
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

/// What the builder says about the way of records to the recorder.
struct FrontEnd {
    record: RecordFilter,
    console: Option<Box<dyn Filter>>,
    sinks: TeeBuilder,
    has_sinks: bool,
}

impl FrontEnd {
    fn tee(self, recorder: &Arc<Recorder>, safety: CrashSafety, is_test: bool) -> Tee {
        // `flightrec doctor` looks for it in the executable.
        std::hint::black_box("flightrec::marker::tee");
        let mask = recorder
            .source
            .tail
            .mask_before(safety, &recorder.pipeline.redactor);
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
        // The recorder comes last: what a sink logs about a record comes before the record.
        let sink = TailSink::new(Arc::clone(recorder), safety);
        let sinks = match mask {
            Some(mask) => self.record.add_to(sinks, mask.to(sink)),
            None => self.record.add_to(sinks, sink),
        };
        sinks.build()
    }
}

/// A tail in a mapped file if that is wanted and possible, or else in memory.
fn make_tail(
    safety: CrashSafety,
    bounds: &tailwriter::Builder,
    shares: Option<Shares>,
    spans: Option<usize>,
    store: &Store,
    notices: &Arc<Notices>,
) -> Tail {
    let of_records = match shares {
        Some(shares) => bounds.clone().shares(shares),
        None => bounds.clone(),
    };
    if safety != CrashSafety::Off {
        #[cfg(feature = "crash-safe")]
        match crashring::CrashRing::create(
            store,
            &of_records
                .clone()
                .quota(dumpmaker::collect::SPANS, spans.unwrap_or(0)),
            Arc::new({
                let notices = Arc::clone(notices);
                move |message: &str| notices.say(message)
            }),
        ) {
            Ok(ring) => return Tail::Mapped(Box::new(ring)),
            Err(error) => notices.say(&format!("records will not outlive a crash: {error}")),
        }
        #[cfg(not(feature = "crash-safe"))]
        notices.say(
            "records will not outlive a crash: flightrec was built without its feature `crash-safe`",
        );
    }
    let _ = store;
    Tail::Memory(MemoryTail {
        records: of_records.build_shared(),
        spans: spans.map(|spans| {
            let bounds = bounds.clone().max_lines(spans);
            let bounds = bounds.quota(ERRORS, 0).quota(WARNINGS, 0);
            bounds.build_shared()
        }),
    })
}
