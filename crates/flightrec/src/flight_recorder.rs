//! The handle that a program keeps.

use std::fmt;
use std::io::{self, Write};
use std::panic;
use std::sync::Arc;

use crate::recorder::Recorder;
use crate::testing::TestRun;
use dumpmaker::failures::{ErrorRef, Failure};
use dumpmaker::{AtExit, DumpError, DumpOutcome};
use flightrec_dump::Dump;

/// A flight recorder. Clones are handles to the same recorder.
///
/// Made by [`install`](crate::Builder::install) or [`build`](crate::Builder::build). Nothing is
/// written until something goes wrong.
#[derive(Clone)]
pub struct FlightRecorder {
    pub(crate) recorder: Arc<Recorder>,
    /// Ends the recorder of a test together with the last handle.
    pub(crate) test: Option<Arc<TestRun>>,
}

impl FlightRecorder {
    pub(crate) fn new(recorder: Arc<Recorder>, test: Option<TestRun>) -> FlightRecorder {
        FlightRecorder {
            recorder,
            test: test.map(Arc::new),
        }
    }

    /// Makes a dump of an error that the program handles itself, and prints its path to stderr.
    ///
    /// Takes what [`run`](FlightRecorder::run) takes, by reference: any [`std::error::Error`], a
    /// boxed one, [`stackerr::Error`], and with the feature `anyhow` an `anyhow::Error`. An error
    /// that carries no stack gets the stack of this call, marked as such.
    ///
    /// Repetitions of a failure are counted for an hour instead of dumped. Of different failures
    /// the first ten are dumped, then at most one every 30 seconds. The next dump reports what was
    /// counted.
    ///
    /// # Errors
    ///
    /// If the dump could not be made or written. The recorder has said so on stderr.
    ///
    /// # Examples
    ///
    /// ```
    /// # let (recorder, _tee) = flightrec::builder("doc").dump_to(std::io::sink()).build();
    /// if let Err(error) = "x".parse::<u16>() {
    ///     recorder.dump_error(&error)?;
    /// }
    /// # Ok::<(), flightrec::DumpError>(())
    /// ```
    pub fn dump_error<S, E: ErrorRef<S> + ?Sized>(
        &self,
        error: &E,
    ) -> Result<DumpOutcome, DumpError> {
        if self.recorder.ignores(error.as_std_error()) {
            return Ok(DumpOutcome::Suppressed);
        }
        let std_error = error.as_std_error();
        let failure = || Failure::error_with_stacks(std_error, error.stack_traces(), false);
        self.recorder.dump_error(std_error, failure)
    }

    /// Makes a dump because the program wants one, with the stack of the caller, and prints its path
    /// to stderr. Such dumps are not limited.
    ///
    /// # Errors
    ///
    /// If the dump could not be made or written. The recorder has said so on stderr.
    #[track_caller]
    pub fn dump(&self, reason: impl Into<String>) -> Result<DumpOutcome, DumpError> {
        let failure = Failure::manual(reason.into());
        self.recorder.dump(|| failure)
    }

    /// What a dump would contain now, of kind `manual` and with the stack of the caller.
    #[track_caller]
    pub fn snapshot(&self) -> Dump {
        let failure = Failure::manual("a snapshot was requested".to_owned());
        self.recorder
            .pipeline
            .preview(&self.recorder.source, &failure)
    }

    /// Writes a [`snapshot`](FlightRecorder::snapshot) as one line of JSON, without a newline.
    ///
    /// # Errors
    ///
    /// Returns the errors of `writer`.
    #[track_caller]
    pub fn write_to(&self, writer: impl Write) -> io::Result<()> {
        self.snapshot().write_to(writer)
    }

    /// Remembers an error that the program handles itself, such as an attempt that it repeats,
    /// without making a dump. The next dump has it, with its stack, in
    /// [`noted_errors`](crate::Dump::noted_errors), unless the dump is of that very error. What a dump has
    /// is then forgotten.
    ///
    /// Takes what [`dump_error`](FlightRecorder::dump_error) takes. An error that is noted again in
    /// the same place, with the same messages and the same stack, is counted. Of different errors of
    /// one place the first three and the last three are kept, of 32 places at most;
    /// [`omitted_noted_errors`](crate::Dump::omitted_noted_errors) counts the others.
    ///
    /// Noted errors are in memory only: the dump of a process that was killed does not have them.
    ///
    /// # Examples
    ///
    /// ```
    /// # let (recorder, _tee) = flightrec::builder("doc").dump_to(std::io::sink()).build();
    /// let attempts = ["x", "y", "8080"];
    /// let port = attempts.iter().find_map(|text| match text.parse::<u16>() {
    ///     Ok(port) => Some(port),
    ///     Err(error) => {
    ///         recorder.note(&error);
    ///         None
    ///     }
    /// });
    /// assert_eq!(port, Some(8080));
    /// assert_eq!(recorder.snapshot().noted_errors[0].count, 2);
    /// ```
    #[track_caller]
    pub fn note<S, E: ErrorRef<S> + ?Sized>(&self, error: &E) {
        let place = panic::Location::caller();
        let read = || Failure::error_with_stacks(error.as_std_error(), error.stack_traces(), false);
        self.recorder.pipeline.noted.add_with(place.into(), read);
    }

    /// Declares that the process ends well, so that the next start does not report a crash: what
    /// [`crash_safe`](crate::Builder::crash_safe) has kept is removed. [`run`](FlightRecorder::run)
    /// calls it.
    ///
    /// Records are still kept, but no longer outlive the process.
    pub fn close(&self) {
        self.recorder.close();
    }

    /// Makes a dump of the ring file of a dead process, as the next start of the program would. It
    /// is written nowhere, and the ring file stays.
    ///
    /// # Errors
    ///
    /// Returns the errors of reading the file, and [`InvalidData`](io::ErrorKind::InvalidData) if it
    /// is not a ring.
    #[cfg(feature = "crash-safe")]
    pub fn recover(&self, ring: impl AsRef<std::path::Path>) -> io::Result<Dump> {
        crate::recovery::dump_ring(&self.recorder, ring.as_ref())
    }

    /// Records again after [`stop`](FlightRecorder::stop).
    pub fn start(&self) {
        self.recorder.switch.set(true);
    }

    /// Records nothing until [`start`](FlightRecorder::start): a DEBUG record then costs what it
    /// costs without a recorder. What was kept stays, and failures still make dumps.
    pub fn stop(&self) {
        self.recorder.switch.set(false);
    }

    /// Whether records are kept.
    #[must_use]
    pub fn is_enabled(&self) -> bool {
        self.recorder.switch.is_on()
    }
}

impl fmt::Debug for FlightRecorder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FlightRecorder")
            .field("app", &self.recorder.source.app.name)
            .field("is_enabled", &self.is_enabled())
            .finish_non_exhaustive()
    }
}
