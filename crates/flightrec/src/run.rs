//! Running a program's main function.

use std::error::Error as StdError;
use std::panic::{self, AssertUnwindSafe};
use std::process::{ExitCode, Termination};

use dumpmaker::failures::Failure;
use dumpmaker::panics;

use crate::FlightRecorder;

impl FlightRecorder {
    /// Runs `main` and returns its exit code. If `main` fails, prints `Error: …` with the causes to
    /// stderr, makes a dump and returns [`ExitCode::FAILURE`].
    ///
    /// `main` may return any [`Termination`], so `Ok(ExitCode::from(3))` is an exit code of your
    /// own. Its error may be anything that converts into a boxed error: `stackerr::Error`,
    /// `anyhow::Error` (whose backtrace is read with the feature `anyhow`), a string, a type of your
    /// own, a `Box<dyn Error + Send + Sync>` (a `Box<dyn Error>` does not convert). An error that
    /// carries no stack gets the stack of this call, marked as such.
    ///
    /// A panic in `main` makes a dump, too, also if another panic hook has replaced the
    /// recorder's.
    ///
    /// # Panics
    ///
    /// If `main` panics.
    ///
    /// # Examples
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
        self.run_with(main, |error| {
            let notices = &self.recorder.pipeline.notices;
            notices.show_error(&format!("Error: {}", error.report().stacks(false)));
            ExitCode::FAILURE
        })
    }

    /// Runs `main` as [`run`](FlightRecorder::run) does, with a report of your own: `report` shows
    /// the error to the user and returns the exit code. The dump is made after it has returned.
    ///
    /// # Panics
    ///
    /// If `main` or `report` panics.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::process::ExitCode;
    ///
    /// let (recorder, _tee) = flightrec::builder("doc").dump_to(std::io::sink()).build();
    /// let code = recorder.run_with(
    ///     || Err::<(), _>("no pattern given"),
    ///     |error| {
    ///         eprintln!("rg: {error}");
    ///         ExitCode::from(2)
    ///     },
    /// );
    /// assert_eq!(code, ExitCode::from(2));
    /// ```
    #[track_caller]
    pub fn run_with<T, E>(
        &self,
        main: impl FnOnce() -> Result<T, E>,
        report: impl FnOnce(&stackerr::Error) -> ExitCode,
    ) -> ExitCode
    where
        T: Termination,
        E: Into<Box<dyn StdError + Send + Sync>> + 'static,
    {
        let _closing = Closing(self);
        let error = match panic::catch_unwind(AssertUnwindSafe(main)) {
            Ok(Ok(value)) => return value.report(),
            Ok(Err(error)) => stackerr::Error::wrap(error),
            Err(payload) => {
                self.dump_panic_of_main(&*payload);
                panic::resume_unwind(payload);
            }
        };
        // What the console still buffers belongs before the error.
        log::logger().flush();
        let code = report(&error);
        if !self.recorder.ignores(error.as_std()) {
            // The path of the dump, or why there is none, has been printed.
            let error = error.as_std();
            let _ = self
                .recorder
                .dump_error(error, || Failure::error(error, true));
        }
        code
    }

    /// Makes sure that the panic that ends `main` has a dump.
    fn dump_panic_of_main(&self, payload: &(dyn std::any::Any + Send)) {
        if let Some(failure) = panics::undumped_failure(payload) {
            let _ = self.recorder.dump(|| failure);
        }
    }
}

struct Closing<'a>(&'a FlightRecorder);

impl Drop for Closing<'_> {
    fn drop(&mut self) {
        self.0.close();
    }
}
