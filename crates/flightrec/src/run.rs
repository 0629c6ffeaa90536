//! Runs a program's main function.

use std::error::Error as StdError;
use std::panic::{self, AssertUnwindSafe};
use std::process::{ExitCode, Termination};

use dumpmaker::failures::Failure;
use dumpmaker::panics;

use crate::FlightRecorder;

impl FlightRecorder {
    /// Runs `main` and returns its exit code. If `main` returns an error, prints the error to stderr, makes
    /// a dump and returns [`ExitCode::FAILURE`].
    ///
    /// `main` may return any [`Termination`], so it can choose an exit code, as in
    /// `Ok(ExitCode::from(3))`. Its error may be any type that converts into a boxed error:
    /// `stackerr::Error`, `anyhow::Error` (whose backtrace is read with the feature `anyhow`), a string,
    /// your own type, a `Box<dyn Error + Send + Sync>` (a `Box<dyn Error>` does not convert). An error
    /// without a stack gets the stack of this call, marked as such.
    ///
    /// The error is printed as `Error: MESSAGE` and a line `caused by: …` for each cause, without stacks.
    /// This differs from a `main` that returns a `Result`, such as `anyhow::Result`, which prints the
    /// error's `Debug`. Use [`run_with`](FlightRecorder::run_with) for another format.
    ///
    /// A panic in `main` makes a dump even if another panic hook has replaced the recorder's.
    /// `std::process::exit` in `main` makes no dump: return the error or the exit code instead, or call
    /// [`dump_error`](FlightRecorder::dump_error) before.
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

    /// Like [`run`](FlightRecorder::run), but `report` shows the error to the user and returns the exit
    /// code. The dump is made after `report` has returned.
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
        let _close_on_drop = CloseOnDrop(self);
        let error = match panic::catch_unwind(AssertUnwindSafe(main)) {
            Ok(Ok(value)) => return value.report(),
            Ok(Err(error)) => stackerr::Error::wrap(error),
            Err(payload) => {
                self.dump_panic_of_main(&*payload);
                panic::resume_unwind(payload);
            }
        };
        // Buffered records of the console must be printed before the error.
        log::logger().flush();
        let code = report(&error);
        if !self.recorder.ignores(error.as_std()) {
            // The path of the dump, or the reason why there is none, has been printed.
            let error = error.as_std();
            let _ = self
                .recorder
                .dump_error(error, || Failure::error(error, true));
        }
        code
    }

    /// Makes a dump of the panic that ends `main`, unless the panic hook has made one.
    fn dump_panic_of_main(&self, payload: &(dyn std::any::Any + Send)) {
        if let Some(failure) = panics::undumped_failure(payload) {
            let _ = self.recorder.dump(|| failure);
        }
    }
}

struct CloseOnDrop<'a>(&'a FlightRecorder);

impl Drop for CloseOnDrop<'_> {
    fn drop(&mut self) {
        self.0.close();
    }
}
