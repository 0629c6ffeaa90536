//! The directory of a test's dumps.

use std::collections::BTreeMap;
use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::thread;

use forklock::ForkMutex;

use super::name::component;

/// The directory of a test's dumps. It is removed on drop, unless the thread panics: the dumps of a
/// failed test stay until it runs again.
#[derive(Debug)]
pub struct TestDir(PathBuf);

impl TestDir {
    /// Returns an empty directory for the test that runs in this thread, next to the test's executable.
    /// `None` if the path of the executable is not known.
    ///
    /// It is named after the thread: the test harness gives a thread the name of its test, unless all
    /// tests run in the main thread.
    #[must_use]
    pub fn new() -> Option<TestDir> {
        /// The number of directories so far, by the name of the thread.
        static USED: ForkMutex<BTreeMap<String, u32>> = ForkMutex::new(BTreeMap::new());
        let thread = thread::current();
        let name = component(thread.name().unwrap_or("unnamed"));
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
        let dir = dirs.join(of_executable).join(dir);
        // Removes the dumps of a failed run.
        let _ = fs::remove_dir_all(&dir);
        Some(TestDir(dir))
    }

    /// Returns the path. The directory is created when a dump is written.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for TestDir {
    fn drop(&mut self) {
        if !thread::panicking() {
            // If this fails, the next run of the test removes it.
            let _ = fs::remove_dir_all(&self.0);
        }
    }
}
