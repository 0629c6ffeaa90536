//! Installs the recorder: logger, panic hook, signal handlers and background threads.

use std::sync::Arc;

use log::Record;
use logtee::Tee;

use crate::builder::Builder;
use crate::install_error::InstallError;
use crate::sink::RecorderSink;
use crate::{FlightRecorder, background, panics, signals};

impl Builder {
    /// Makes the recorder the program's logger, and makes dumps of panics from now on.
    ///
    /// The previous panic hook is still called, before the recorder's; see
    /// [`panic_hook_first`](Builder::panic_hook_first). Some hooks, such as that of `color_eyre::install`,
    /// do not call the previous one. Install the recorder after them, or they hide panics from it.
    ///
    /// # Errors
    ///
    /// If the program has a logger already. Nothing is changed then. Pass that logger to
    /// [`sink`](Builder::sink) instead of installing it.
    ///
    /// # Panics
    ///
    /// If called by a panicking thread, as [`std::panic::set_hook`] does.
    pub fn install(self) -> Result<FlightRecorder, InstallError> {
        let max_level = self.record.max_level();
        let hook_first = self.panic_hook_first;
        let (recorder, tee) = self.build();
        if let Some(test) = &recorder.test {
            test.install(&recorder.recorder, Some(tee), hook_first)?;
            return Ok(recorder);
        }
        if let Err(error) = tee.install() {
            // Without this, the next start would report that this process crashed.
            recorder.recorder.source.tail.close();
            return Err(InstallError(error));
        }
        install_hooks(&recorder, hook_first);
        if max_level > log::STATIC_MAX_LEVEL {
            recorder.recorder.pipeline.notices.say(&format!(
                "records below {} are missing: a feature of the crate `log` (`max_level_…` or \
                 `release_max_level_…`, set by one of the dependencies) removes them",
                log::STATIC_MAX_LEVEL
            ));
        }
        Ok(recorder)
    }

    /// Like [`install`](Builder::install), but prints a line to stderr if the program has a logger already.
    /// Panics and errors then still make dumps, but without records.
    ///
    /// # Panics
    ///
    /// If called by a panicking thread, as [`std::panic::set_hook`] does.
    pub fn init(self) -> FlightRecorder {
        let hook_first = self.panic_hook_first;
        let (recorder, tee) = self.build();
        let installed = match &recorder.test {
            Some(test) => test.install(&recorder.recorder, Some(tee), hook_first),
            None => tee.install().map_err(InstallError),
        };
        if let Err(error) = installed {
            let message = format!("no records are kept: {error}");
            recorder.recorder.pipeline.notices.say(&message);
        }
        if recorder.test.is_none() {
            install_hooks(&recorder, hook_first);
        }
        recorder
    }

    /// Like [`install`](Builder::install), but sets no logger. The sink is for another logging front end,
    /// such as `flightrec-tracing`. The console and the sinks of the builder are not used.
    ///
    /// # Panics
    ///
    /// If called by a panicking thread, as [`std::panic::set_hook`] does.
    pub fn install_sink(self) -> (FlightRecorder, RecorderSink) {
        let hook_first = self.panic_hook_first;
        let (recorder, sink) = self.build_for_sink();
        install_without_logger(&recorder, hook_first);
        (recorder, sink)
    }

    /// Like [`install_sink`](Builder::install_sink), but also returns a tee whose records go to the same
    /// recorder. The tee has the console and the sinks of the builder. It is not installed.
    ///
    /// If `is_wanted` returns false for a record of the tee, the recorder does not keep it. Use this for
    /// records that the other front end has passed on already.
    ///
    /// # Panics
    ///
    /// If called by a panicking thread, as [`std::panic::set_hook`] does.
    pub fn install_sink_with_tee(
        self,
        is_wanted: impl Fn(&Record<'_>) -> bool + Send + Sync + 'static,
    ) -> (FlightRecorder, RecorderSink, Tee) {
        let hook_first = self.panic_hook_first;
        let (recorder, sink, tee) = self.build_for_both(is_wanted);
        install_without_logger(&recorder, hook_first);
        (recorder, sink, tee)
    }
}

fn install_without_logger(recorder: &FlightRecorder, hook_first: bool) {
    match &recorder.test {
        // The only error is about the logger, and no logger is set here.
        Some(test) => drop(test.install(&recorder.recorder, None, hook_first)),
        None => install_hooks(recorder, hook_first),
    }
}

fn install_hooks(recorder: &FlightRecorder, goes_first: bool) {
    let recorder = &recorder.recorder;
    panics::add_hook(Arc::clone(recorder), goes_first);
    dumpmaker::collect::stamp_stacks();
    stackwalk::threads::prepare();
    signals::listen(recorder);
    background::start(recorder);
    #[cfg(feature = "crash-safe")]
    if let crate::tail::Tail::Mapped(ring) = &recorder.source.tail {
        // First, so that a crash in the next call is recorded, too.
        crate::recovery::install_handlers(recorder);
        return crate::recovery::dump_orphans(recorder, ring);
    }
    recorder.pipeline.destination().remove_orphans();
}
