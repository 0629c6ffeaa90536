//! Installs a recorder that is a layer.

use flightrec::logtee::Tee;
use flightrec::{Builder, FlightRecorder, InstallError};

use crate::duplicates;
use crate::interest;
use crate::layer::RecorderLayer;
use crate::spans;

/// Adds [`install_layer`](BuilderExt::install_layer) to [`flightrec::Builder`].
pub trait BuilderExt: sealed::Sealed {
    /// Installs the recorder, and returns it with its layer. Panics make dumps from now on. If earlier
    /// processes crashed, their dumps are made now. The dumps have the events and spans of the layer. No
    /// logger and no subscriber is set.
    ///
    /// The builder's console and sinks are not used; use other layers for these purposes.
    ///
    /// # Errors
    ///
    /// Does not fail at present.
    ///
    /// # Panics
    ///
    /// Panics if called by a panicking thread, like [`std::panic::set_hook`].
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

    /// Like [`install_layer`](BuilderExt::install_layer), for a program that also logs through the
    /// tee of `flightrec`, with the builder's console and sinks. One recorder records both. Each call of
    /// a macro makes one record, even if `tracing` makes a record of `log` of each event, or if the tee
    /// passes records on to a `tracing_log::LogTracer`.
    ///
    /// The tee is not installed yet. It can become the program's logger before or after the subscriber
    /// is set, or be a sink of another logger. Do not use `init()` of `tracing-subscriber`, which
    /// installs its own logger: use [`set_global_default`].
    ///
    /// [`set_global_default`]: tracing_core::dispatcher::set_global_default
    ///
    /// # Errors
    ///
    /// Does not fail at present.
    ///
    /// # Panics
    ///
    /// Panics if called by a panicking thread, like [`std::panic::set_hook`].
    ///
    /// # Examples
    ///
    /// ```
    /// use flightrec_tracing::BuilderExt;
    /// use tracing_subscriber::prelude::*;
    ///
    /// let (recorder, layer, tee) = flightrec::builder("doc").install_layer_with_tee()?;
    /// tee.install()?;
    /// tracing::subscriber::set_global_default(tracing_subscriber::registry().with(layer))?;
    /// tracing::debug!("from an event");
    /// log::debug!("from log");
    /// assert_eq!(recorder.snapshot().latest_logs.len(), 2);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    fn install_layer_with_tee(self) -> Result<(FlightRecorder, RecorderLayer, Tee), InstallError>;
}

impl BuilderExt for Builder {
    fn install_layer(self) -> Result<(FlightRecorder, RecorderLayer), InstallError> {
        let (recorder, sink) = self.install_sink();
        stackerr::set_capture_span(spans::current_of_capture);
        interest::ask_all_subscribers();
        Ok((recorder, RecorderLayer::new(sink)))
    }

    fn install_layer_with_tee(self) -> Result<(FlightRecorder, RecorderLayer, Tee), InstallError> {
        let is_wanted = |record: &log::Record<'_>| !duplicates::layer_has(record);
        let (recorder, sink, tee) = self.install_sink_with_tee(is_wanted);
        stackerr::set_capture_span(spans::current_of_capture);
        interest::ask_all_subscribers();
        Ok((recorder, RecorderLayer::new(sink), tee))
    }
}

mod sealed {
    pub trait Sealed {}
    impl Sealed for flightrec::Builder {}
}
