//! Running a program's main function.

use std::error::Error as StdError;
use std::process::{ExitCode, Termination};

use crate::{FlightRecorder, say};

impl FlightRecorder {
    /// Runs `main` and returns its exit code; if it fails, shows the error on stderr, makes a dump
    /// and returns [`ExitCode::FAILURE`].
    ///
    /// The error may be anything that `?` turns into a boxed error: `stackerr::Error`,
    /// `anyhow::Error` (whose own backtrace is found with the feature `anyhow`), a box, a string,
    /// an error type of your own. An error without a stack gets that of this call.
    ///
    /// ```
    /// use std::process::ExitCode;
    ///
    /// fn main() -> ExitCode {
    ///     let (recorder, _tee) = flightrec::builder("doc").dump_to(std::io::sink()).build();
    ///     recorder.run(|| {
    ///         let port: u16 = "8080".parse()?;
    ///         log::info!("listening on {port}");
    ///         Ok::<_, stackerr::Error>(())
    ///     })
    /// }
    /// ```
    #[track_caller]
    pub fn run<T, E>(&self, main: impl FnOnce() -> Result<T, E>) -> ExitCode
    where
        T: Termination,
        E: Into<Box<dyn StdError + Send + Sync>> + 'static,
    {
        // Also if it panics, which the hook has told of.
        let _closing = Closing(self);
        let error = match main() {
            Ok(value) => return value.report(),
            Err(error) => stackerr::Error::wrap(error),
        };
        // What the console still holds back belongs before the error.
        log::logger().flush();
        say::text(&format!("Error: {}", error.report().stacks(false)));
        // Where the dump is, or why there is none, has been said.
        let _ = self.dump_error(&error);
        ExitCode::FAILURE
    }
}

struct Closing<'a>(&'a FlightRecorder);

impl Drop for Closing<'_> {
    fn drop(&mut self) {
        self.0.close();
    }
}
