//! Setting up a recorder that is a layer.

use flightrec::{Builder, FlightRecorder, InstallError};

use crate::layer::RecorderLayer;
use crate::spans;

/// Adds [`install_layer`](BuilderExt::install_layer) to [`flightrec::Builder`].
pub trait BuilderExt: sealed::Sealed {
    /// Makes dumps of panics from now on, and of processes that crashed before, and returns the
    /// layer whose events and spans the dumps have. No logger and no subscriber is set.
    ///
    /// What the builder says about the console and about sinks is not used: other layers do that.
    ///
    /// # Errors
    ///
    /// None at present.
    ///
    /// # Panics
    ///
    /// If called by a panicking thread, as [`std::panic::set_hook`] does.
    ///
    /// # Examples
    ///
    /// ```
    /// use flightrec_tracing::BuilderExt;
    /// use tracing_subscriber::prelude::*;
    ///
    /// let (recorder, layer) = flightrec::builder("doc").install_layer()?;
    /// tracing_subscriber::registry().with(layer).init();
    /// tracing::debug!(answer = 42, "kept");
    /// assert_eq!(recorder.snapshot().latest_logs[0].msg, "kept");
    /// # Ok::<(), flightrec::InstallError>(())
    /// ```
    fn install_layer(self) -> Result<(FlightRecorder, RecorderLayer), InstallError>;
}

impl BuilderExt for Builder {
    fn install_layer(self) -> Result<(FlightRecorder, RecorderLayer), InstallError> {
        let (recorder, sink) = self.install_sink();
        stackerr::set_capture_span(spans::current_of_capture);
        Ok((recorder, RecorderLayer::new(sink)))
    }
}

mod sealed {
    pub trait Sealed {}
    impl Sealed for flightrec::Builder {}
}
