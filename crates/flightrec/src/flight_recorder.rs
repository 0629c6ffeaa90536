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
    /// For a test: closes the recorder when the last handle is dropped.
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
    /// Takes a reference to any [`std::error::Error`], a boxed one, a [`stackerr::Error`], and with the
    /// feature `anyhow` an `anyhow::Error`. An error without a stack gets the stack of this call, marked as
    /// such.
    ///
    /// Repeats of one failure make one dump per hour. Of different failures, the first ten are dumped, then
    /// at most one every 30 seconds. The others are counted in the next dump.
    ///
    /// # Errors
    ///
    /// If the dump could not be made or written. A line on stderr says so, too.
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

    /// Makes a dump with the stack of the caller, and prints its path to stderr. The rate of such dumps is
    /// not limited.
    ///
    /// # Errors
    ///
    /// If the dump could not be made or written. A line on stderr says so, too.
    #[track_caller]
    pub fn dump(&self, reason: impl Into<String>) -> Result<DumpOutcome, DumpError> {
        let failure = Failure::manual(reason.into());
        self.recorder.dump(|| failure)
    }

    /// Returns a dump without writing it. Its kind is `manual`, and it has the stack of the caller.
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

    /// Remembers an error that the program handles itself, such as that of an attempt that is repeated,
    /// without making a dump. The next dump lists it, with its stack, in
    /// [`noted_errors`](crate::Dump::noted_errors), unless that dump is of this error itself. After that
    /// dump, the error is forgotten.
    ///
    /// Takes the same errors as [`dump_error`](FlightRecorder::dump_error). If an error is noted again at
    /// the same place, with the same messages and the same stack, it is only counted. Of the different
    /// errors of one place, the first three and the last three are kept, for at most 32 places.
    /// [`omitted_noted_errors`](crate::Dump::omitted_noted_errors) counts the others.
    ///
    /// Noted errors are only in memory: the dump of a process that was killed does not have them.
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

    /// Removes the file of [`crash_safe`](crate::Builder::crash_safe), so that the next start does not
    /// report a crash. Call it when the process ends well. [`run`](FlightRecorder::run) calls it.
    ///
    /// Later records are kept, but do not outlive the process.
    pub fn close(&self) {
        self.recorder.close();
    }

    /// Returns the dump that the next start of the program would make of a ring file. The dump is not
    /// written, and the ring file is not removed.
    ///
    /// # Errors
    ///
    /// Returns the errors of reading the file, and [`InvalidData`](io::ErrorKind::InvalidData) if it
    /// is not a ring.
    #[cfg(feature = "crash-safe")]
    pub fn recover(&self, ring: impl AsRef<std::path::Path>) -> io::Result<Dump> {
        crate::recovery::dump_ring(&self.recorder, ring.as_ref())
    }

    /// Keeps records again after [`stop`](FlightRecorder::stop).
    pub fn start(&self) {
        self.recorder.switch.set(true);
    }

    /// Keeps no records until [`start`](FlightRecorder::start) is called. A DEBUG record then costs no more
    /// than without a recorder. Earlier records are still there, and failures still make dumps.
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
