//! The state that the handles of one flight recorder share.

use std::time::Duration;

use dumpmaker::collect::Source;
use dumpmaker::failures::Failure;
use dumpmaker::heartbeats::Watches;
use dumpmaker::rules::{Outcome, Rules};
use dumpmaker::{AtExit, DumpError, DumpOutcome, Pipeline};
use log::{Level, LevelFilter, Record};
use stackerr::Chain;

use crate::record_filter::Switch;
use crate::tail::Tail;

pub(crate) type ErrorFilter = Box<dyn Fn(&(dyn std::error::Error + 'static)) -> bool + Send + Sync>;

pub(crate) struct Recorder {
    pub(crate) source: Source<Tail>,
    pub(crate) pipeline: Pipeline,
    pub(crate) switch: Switch,
    /// Whether gauges are read every second.
    pub(crate) samples_gauges: bool,
    pub(crate) dump_on: Option<Level>,
    pub(crate) dump_on_signals: Vec<i32>,
    /// Errors that make no dump.
    pub(crate) ignore_errors: Option<ErrorFilter>,
    /// Whether an end by SIGTERM, SIGINT or SIGHUP counts as a crash.
    #[cfg(feature = "crash-safe")]
    pub(crate) termination_is_failure: bool,
    pub(crate) watches: Watches,
    pub(crate) rules: Rules,
    /// The most verbose level of records that can make a dump.
    pub(crate) triggers_on: LevelFilter,
}

impl Recorder {
    pub(crate) fn dump(
        &self,
        make_failure: impl FnOnce() -> Failure,
    ) -> Result<DumpOutcome, DumpError> {
        self.pipeline.dump(&self.source, make_failure)
    }

    /// Makes the dump of an error, with the spans that it carries, if the program has spans.
    pub(crate) fn dump_error(
        &self,
        error: &(dyn std::error::Error + 'static),
        make_failure: impl FnOnce() -> Failure,
    ) -> Result<DumpOutcome, DumpError> {
        self.dump(|| match self.source.spans.get() {
            Some(_) => make_failure().with_span_traces(error),
            None => make_failure(),
        })
    }

    /// Whether a record of this level can make a dump.
    #[inline]
    pub(crate) fn triggers_on(&self, level: Level) -> bool {
        level <= self.triggers_on
    }

    /// Makes the dumps that `dump_on` and the rules require for this record.
    #[cold]
    pub(crate) fn trigger(&self, record: &Record<'_>) {
        if self.dump_on.is_some_and(|on| record.level() <= on) {
            self.dump_for_record(record);
        }
        self.rules
            .check(record, |outcome| self.dump_for_rule(outcome));
    }

    // A separate function, because most records that reach `trigger` make no dump.
    #[cold]
    #[inline(never)]
    fn dump_for_record(&self, record: &Record<'_>) {
        // A failure to make a dump has been reported on stderr.
        let _ = self.dump(|| Failure::record(record));
    }

    #[cold]
    #[inline(never)]
    fn dump_for_rule(&self, outcome: Outcome) {
        match outcome {
            Outcome::Fires(message) => {
                let _ = self.dump(|| Failure::record_rule(message));
            }
            Outcome::Suppressed => self.pipeline.count_suppressed(),
        }
    }

    /// Makes the dumps that rules require for a span that took this long.
    #[cold]
    pub(crate) fn trigger_of_span(&self, id: u64, name: &str, took: Duration) {
        self.rules.check_span(name, took, |outcome| match outcome {
            Outcome::Fires(message) => {
                let _ = self.dump(|| Failure::span_rule(message, id));
            }
            Outcome::Suppressed => self.pipeline.count_suppressed(),
        });
    }

    /// Whether the program wants no dump of an error, because of the error or one of its causes.
    pub(crate) fn ignores(&self, error: &(dyn std::error::Error + 'static)) -> bool {
        self.ignore_errors
            .as_ref()
            .is_some_and(|ignore| Chain::new(error).any(ignore))
    }
}

impl AtExit for Recorder {
    /// Completes waiting dumps, and removes the ring file, because the process ends well.
    fn close(&self) {
        self.pipeline.finish(&self.source);
        self.source.tail.close();
    }
}
