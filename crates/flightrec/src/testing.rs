//! Recorders of tests. They share one logger and one panic hook, which pass records and panics on to
//! the recorders of the thread that they come from.

use std::path::PathBuf;
use std::sync::{Arc, OnceLock};

use dumpmaker::store::TestDir;
use forklock::ForkMutex;
use log::LevelFilter;
use logtee::testing::{ByThread, Captured, ThreadGuard};
use logtee::{Fanout, Sink, Tee, Text, WriteSink};

use crate::install_error::InstallError;
use crate::panics;
use crate::recorder::Recorder;

/// The recorders of tests that run, and whether each goes before the hook that was there.
static RECORDERS: ByThread<(Arc<Recorder>, bool)> = ByThread::new();
/// Their tees.
static TEES: ByThread<Arc<Fanout>> = ByThread::new();

/// Ends the recorder of a test when it is dropped: its directory goes, unless the test has failed.
pub(crate) struct TestRun {
    installed: OnceLock<Installed>,
    /// The directory that was made for the test.
    _dir: Option<TestDir>,
}

/// Dropped in this order: nothing reaches a tail that is closed.
struct Installed {
    _of_panics: ThreadGuard<(Arc<Recorder>, bool)>,
    _of_records: Option<ThreadGuard<Arc<Fanout>>>,
    _closed: ClosedOnDrop,
}

struct ClosedOnDrop(Arc<Recorder>);

impl TestRun {
    /// Chooses the directory of the dumps if there is none.
    pub(crate) fn begin(dir: &mut Option<PathBuf>) -> TestRun {
        let own = if dir.is_none() { TestDir::new() } else { None };
        if let Some(own) = &own {
            *dir = Some(own.path().to_owned());
        }
        TestRun {
            installed: OnceLock::new(),
            _dir: own,
        }
    }

    /// Passes records and panics of this thread to the recorder from now on.
    ///
    /// # Errors
    ///
    /// If the process has another logger. Panics are passed all the same.
    pub(crate) fn install(
        &self,
        recorder: &Arc<Recorder>,
        tee: Option<Tee>,
        hook_first: bool,
    ) -> Result<(), InstallError> {
        let has_logger = tee.is_some();
        let _ = self.installed.set(Installed {
            _of_panics: RECORDERS.add((Arc::clone(recorder), hook_first)),
            _of_records: tee.map(|tee| TEES.add(Arc::new(tee.into_sink()))),
            _closed: ClosedOnDrop(Arc::clone(recorder)),
        });
        dumpmaker::collect::stamp_stacks();
        add_hook();
        if has_logger {
            set_logger().map_err(InstallError)?;
        }
        Ok(())
    }
}

impl Drop for ClosedOnDrop {
    fn drop(&mut self) {
        self.0.source.tail.close();
    }
}

/// A sink that prints text for the test harness to capture.
pub(crate) fn console() -> impl Sink {
    WriteSink::new(Text::new(), Captured)
}

fn set_logger() -> Result<(), logtee::InstallError> {
    static IS_SET: ForkMutex<bool> = ForkMutex::new(false);
    let set = IS_SET.with(|is_set| {
        if !*is_set {
            Tee::builder().sink(LevelFilter::Trace, &TEES).install()?;
            *is_set = true;
        }
        Ok(())
    });
    set.unwrap_or(Ok(()))
}

fn add_hook() {
    static IS_ADDED: ForkMutex<bool> = ForkMutex::new(false);
    let _ = IS_ADDED.with(|is_added| {
        if !std::mem::replace(is_added, true) {
            panics::wrap_hook(|previous, info| {
                let tests = RECORDERS.of_this_thread();
                let on_panic = |first: bool| {
                    for (recorder, _) in tests.iter().filter(|(_, goes_first)| *goes_first == first)
                    {
                        panics::on_panic(recorder, info);
                    }
                };
                on_panic(true);
                previous(info);
                on_panic(false);
            });
        }
    });
}
