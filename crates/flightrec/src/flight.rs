//! The handle that a program keeps.

use std::fmt;
use std::io::{self, Write};
use std::path::PathBuf;
use std::sync::Arc;

use stackerr::{AsStdError, StackTraces};

use crate::dump::{Dump, collect};
use crate::incident::Incident;
use crate::recorder::Recorder;

/// A flight recorder; a clone is another handle on the same one.
///
/// Made by [`install`](crate::Builder::install) or [`build`](crate::Builder::build). Nothing is
/// written until something goes wrong.
#[derive(Clone)]
pub struct FlightRecorder {
    pub(crate) recorder: Arc<Recorder>,
}

impl FlightRecorder {
    pub(crate) fn new(recorder: Arc<Recorder>) -> FlightRecorder {
        FlightRecorder { recorder }
    }

    /// Makes a dump of an error that the program handles itself, and says on stderr where it is.
    ///
    /// An error that comes again, from the same stacks, is not dumped again for an hour: it is
    /// counted, and the path of the first dump returned (empty while another thread still writes
    /// it). Of different errors, ten in a row are dumped and one every thirty seconds after that.
    /// The next dump tells how many were left out.
    ///
    /// # Errors
    ///
    /// If the dump could not be written, which is also said on stderr; or if there are too many.
    pub fn dump_error<E: AsStdError + ?Sized>(&self, error: &E) -> io::Result<PathBuf> {
        self.recorder
            .outlet
            .dump(&self.recorder, || Incident::error(error.as_std_error()))
    }

    /// Makes a dump because the program wants one, with the stack of the caller, and says on stderr
    /// where it is. Such dumps are never left out.
    ///
    /// Returns the path of the file, or an empty one if dumps go to a writer.
    ///
    /// # Errors
    ///
    /// If the dump could not be written, which is also said on stderr.
    #[track_caller]
    pub fn dump(&self, reason: impl Into<String>) -> io::Result<PathBuf> {
        let incident = manual(reason.into());
        self.recorder.outlet.dump(&self.recorder, || incident)
    }

    /// What a dump would hold now, of kind `manual` and with the stack of the caller.
    #[track_caller]
    pub fn snapshot(&self) -> Dump {
        collect(
            &self.recorder,
            &manual("a snapshot was asked for".to_owned()),
        )
    }

    /// Writes a [`snapshot`](FlightRecorder::snapshot) as one line of JSON, without a newline.
    ///
    /// # Errors
    ///
    /// The errors of `writer`.
    #[track_caller]
    pub fn write_to(&self, writer: impl Write) -> io::Result<()> {
        self.snapshot().write_to(writer)
    }

    /// Says that this process ends well: what [`crash_safe`](crate::Builder::crash_safe) has
    /// kept for the next start is removed. [`run`](FlightRecorder::run) does it by itself.
    ///
    /// Records are kept as before, but they no longer outlive the process.
    pub fn close(&self) {
        self.recorder.close();
    }

    /// Makes a dump out of the ring file of a process that died, as the next start of the program
    /// would, but neither writes it anywhere nor removes the file.
    ///
    /// # Errors
    ///
    /// Those of reading the file, and [`InvalidData`](io::ErrorKind::InvalidData) if it is no ring.
    #[cfg(feature = "crash-safe")]
    pub fn recover(&self, ring: impl AsRef<std::path::Path>) -> io::Result<Dump> {
        crate::ring::dump_ring(&self.recorder, ring.as_ref())
    }

    /// Records again after [`stop`](FlightRecorder::stop).
    pub fn start(&self) {
        self.recorder.switch.turn(true);
    }

    /// Records nothing until [`start`](FlightRecorder::start): a DEBUG record then costs what it
    /// costs without us. What was kept stays, and failures are still dumped.
    pub fn stop(&self) {
        self.recorder.switch.turn(false);
    }

    /// Whether records are kept.
    pub fn is_enabled(&self) -> bool {
        self.recorder.switch.is_on()
    }
}

#[track_caller]
fn manual(reason: String) -> Incident<'static> {
    let stack_traces = StackTraces::capture(reason.as_str());
    Incident {
        stack_traces,
        ..Incident::new("manual", reason)
    }
}

impl fmt::Debug for FlightRecorder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FlightRecorder")
            .field("app", &self.recorder.about.app)
            .field("is_enabled", &self.is_enabled())
            .finish_non_exhaustive()
    }
}
