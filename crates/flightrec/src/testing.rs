//! Recorders of tests. They share one logger and one panic hook, which pass records and panics on to
//! the recorders of the thread that they come from.

use std::collections::BTreeMap;
use std::env;
use std::fs;
use std::io::{self, Write};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::{self, ThreadId};

use forklock::ForkMutex;
use log::{LevelFilter, Log, Metadata, Record};
use logtee::{Sink, Tee, Text, WriteSink};

use crate::install::InstallError;
use crate::panics;
use crate::recorder::Recorder;

/// The recorders of tests that run.
static RUNNING: ForkMutex<Vec<Running>> = ForkMutex::new(Vec::new());

#[derive(Clone)]
struct Running {
    id: usize,
    thread: ThreadId,
    recorder: Arc<Recorder>,
    tee: Option<Arc<Tee>>,
    hook_first: bool,
}

/// Ends the recorder of a test when it is dropped: its directory goes, unless the test has failed.
pub(crate) struct TestRun {
    id: usize,
    /// The directory that was made for the test.
    dir: Option<PathBuf>,
}

impl TestRun {
    /// Chooses the directory of the dumps if there is none.
    pub(crate) fn begin(dir: &mut Option<PathBuf>) -> TestRun {
        // Relaxed: all that counts is that each number is given out once.
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let mut made = None;
        if dir.is_none()
            && let Some(own) = dir_of_test()
        {
            // What the test has left when it failed.
            let _ = fs::remove_dir_all(&own);
            made = Some(own.clone());
            *dir = Some(own);
        }
        TestRun {
            id: COUNT.fetch_add(1, Ordering::Relaxed),
            dir: made,
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
        let running = Running {
            id: self.id,
            thread: thread::current().id(),
            recorder: Arc::clone(recorder),
            tee: tee.map(Arc::new),
            hook_first,
        };
        RUNNING.with(|tests| tests.push(running));
        dumpmaker::collect::stamp_stacks();
        add_hook();
        if has_logger {
            set_logger().map_err(InstallError)?;
            logtee::global::reconfigured();
        }
        Ok(())
    }
}

impl Drop for TestRun {
    fn drop(&mut self) {
        let ended = RUNNING.with(|tests| {
            let ended = tests.extract_if(.., |running| running.id == self.id);
            ended.collect::<Vec<_>>()
        });
        // Dropped here, not under the lock: a user's sink is in there.
        let ended = ended.unwrap_or_default();
        if ended.iter().any(|running| running.tee.is_some()) {
            logtee::global::reconfigured();
        }
        for running in &ended {
            running.recorder.source.tail.close();
        }
        if let Some(dir) = self.dir.as_ref().filter(|_| !thread::panicking()) {
            // If it can't be removed, the test's next run tries again.
            let _ = fs::remove_dir_all(dir);
        }
    }
}

/// A sink that prints text for the test harness to capture.
pub(crate) fn console() -> impl Sink {
    struct Captured;

    impl Write for Captured {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            eprint!("{}", String::from_utf8_lossy(bytes));
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    WriteSink::new(Text::new(), Captured)
}

/// A directory beside the executable, of the test that runs in this thread: the test harness names
/// threads by their tests, unless it runs them all in the main thread.
fn dir_of_test() -> Option<PathBuf> {
    /// How many recorders have been set up in threads of that name.
    static USED: ForkMutex<BTreeMap<String, u32>> = ForkMutex::new(BTreeMap::new());
    let thread = thread::current();
    let name = dumpstore::component(thread.name().unwrap_or("unnamed"));
    let number = USED.with(|used| {
        let number = used.entry(name.clone()).or_default();
        *number += 1;
        *number
    })?;
    let dir = if number == 1 {
        name
    } else {
        format!("{name}-{number}")
    };
    let executable = env::current_exe().ok()?;
    let of_executable = executable.file_stem()?;
    let dirs = executable.with_file_name("flightrec-tests");
    Some(dirs.join(of_executable).join(dir))
}

/// The recorders of this thread, or of all if it has none.
fn of_this_thread() -> Vec<Running> {
    let mut tests = all();
    let this = thread::current().id();
    if tests.iter().any(|test| test.thread == this) {
        tests.retain(|test| test.thread == this);
    }
    tests
}

fn all() -> Vec<Running> {
    RUNNING.with(|tests| tests.clone()).unwrap_or_default()
}

/// The logger of a process of tests.
struct ToTests;

impl Sink for ToTests {
    fn emit(&self, record: &Record<'_>) -> io::Result<()> {
        for tee in of_this_thread().iter().filter_map(|test| test.tee.as_ref()) {
            tee.log(record);
        }
        Ok(())
    }

    fn flush(&self) -> io::Result<()> {
        let tests = of_this_thread();
        let tees = tests.iter().filter_map(|test| test.tee.as_ref());
        tees.map(|tee| Tee::flush(tee)).fold(Ok(()), Result::and)
    }

    /// Of all tests: the answer is cached for all threads.
    fn max_level(&self) -> LevelFilter {
        let tests = all();
        let tees = tests.iter().filter_map(|test| test.tee.as_ref());
        let levels = tees.map(|tee| tee.max_level());
        levels.max().unwrap_or(LevelFilter::Off)
    }

    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        let tests = of_this_thread();
        let mut tees = tests.iter().filter_map(|test| test.tee.as_ref());
        tees.any(|tee| tee.enabled(metadata))
    }
}

fn set_logger() -> Result<(), logtee::InstallError> {
    static IS_SET: ForkMutex<bool> = ForkMutex::new(false);
    let set = IS_SET.with(|is_set| {
        if !*is_set {
            Tee::builder().sink(LevelFilter::Trace, ToTests).install()?;
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
                let tests = of_this_thread();
                let on_panic = |first: bool| {
                    for test in tests.iter().filter(|test| test.hook_first == first) {
                        panics::on_panic(&test.recorder, info);
                    }
                };
                on_panic(true);
                previous(info);
                on_panic(false);
            });
        }
    });
}
