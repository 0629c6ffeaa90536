//! The state that the handles of one flight recorder share.

use std::process;

use log::{Level, Record};
use stackerr::Chain;

use crate::collect::Source;
use crate::failure::Failure;
use crate::outcome::{DumpError, DumpOutcome};
use crate::pipeline::Pipeline;
use crate::sink::Switch;
use crate::watch::Watches;

pub(crate) type ErrorFilter = Box<dyn Fn(&(dyn std::error::Error + 'static)) -> bool + Send + Sync>;

pub(crate) struct Recorder {
    pub(crate) source: Source,
    pub(crate) pipeline: Pipeline,
    pub(crate) switch: Switch,
    pub(crate) dump_on: Option<Level>,
    pub(crate) dump_on_signals: Vec<i32>,
    /// Errors that make no dump.
    pub(crate) ignore_errors: Option<ErrorFilter>,
    /// Whether a request to end counts as a crash.
    #[cfg(feature = "crash-safe")]
    pub(crate) reports_termination: bool,
    pub(crate) watches: Watches,
}

impl Recorder {
    pub(crate) fn dump(
        &self,
        make_failure: impl FnOnce() -> Failure,
    ) -> Result<DumpOutcome, DumpError> {
        self.pipeline.dump(&self.source, make_failure)
    }

    /// Makes the dump for a record at the level of `dump_on`.
    #[cold]
    pub(crate) fn dump_record(&self, record: &Record<'_>) {
        // A failure to make the dump has been reported on stderr.
        let _ = self.dump(|| Failure::record(record));
    }

    /// Whether the program wants no dump of an error, because of itself or of one of its causes.
    pub(crate) fn ignores(&self, error: &(dyn std::error::Error + 'static)) -> bool {
        self.ignore_errors
            .as_ref()
            .is_some_and(|ignore| Chain::new(error).any(ignore))
    }

    /// The process ends well: nothing is left for the next start.
    pub(crate) fn close(&self) {
        // A forked child has inherited the count of its parent.
        if process::id() == self.pipeline.pid {
            self.pipeline.report_suppressed();
        }
        self.source.tail.close();
    }
}
