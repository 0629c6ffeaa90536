//! Recorders for tests. They share one logger and one panic hook, which pass the records and panics of a
//! thread to the recorders of this thread.

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

/// The recorders of running tests. The flag is true if the recorder runs before the previous panic hook.
static RECORDERS: ByThread<(Arc<Recorder>, bool)> = ByThread::new();
/// Their tees.
static TEES: ByThread<Arc<Fanout>> = ByThread::new();

/// Closes the recorder of a test when it is dropped, and removes its directory unless the test failed.
pub(crate) struct TestRun {
    installed: OnceLock<Installed>,
    /// The directory that was made for the test.
    _dir: Option<TestDir>,
}

/// Dropped in this order, so that no panic or record reaches a closed tail.
struct Installed {
    _panic_guard: ThreadGuard<(Arc<Recorder>, bool)>,
    _record_guard: Option<ThreadGuard<Arc<Fanout>>>,
    _close_on_drop: CloseOnDrop,
}

struct CloseOnDrop(Arc<Recorder>);

impl TestRun {
    /// Sets `dir` to a directory for this test if it is not set.
    pub(crate) fn begin(dir: &mut Option<PathBuf>) -> TestRun {
        let test_dir = if dir.is_none() { TestDir::new() } else { None };
        if let Some(test_dir) = &test_dir {
            *dir = Some(test_dir.path().to_owned());
        }
        TestRun {
            installed: OnceLock::new(),
            _dir: test_dir,
        }
    }

    /// Passes records and panics of this thread to the recorder from now on.
    ///
    /// # Errors
    ///
    /// If the process has another logger. Panics are passed to the recorder anyway.
    pub(crate) fn install(
        &self,
        recorder: &Arc<Recorder>,
        tee: Option<Tee>,
        hook_first: bool,
    ) -> Result<(), InstallError> {
        let has_logger = tee.is_some();
        let _ = self.installed.set(Installed {
            _panic_guard: RECORDERS.add((Arc::clone(recorder), hook_first)),
            _record_guard: tee.map(|tee| TEES.add(Arc::new(tee.into_sink()))),
            _close_on_drop: CloseOnDrop(Arc::clone(recorder)),
        });
        dumpmaker::collect::stamp_stacks();
        add_hook();
        if has_logger {
            set_logger().map_err(InstallError)?;
        }
        Ok(())
    }
}

impl Drop for CloseOnDrop {
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
