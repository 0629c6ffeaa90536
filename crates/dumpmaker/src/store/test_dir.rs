//! A directory of the dumps of a test.

use std::collections::BTreeMap;
use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::thread;

use forklock::ForkMutex;

use super::name::component;

/// A directory of the dumps of a test, which is removed when this is dropped, unless the thread panics:
/// then the test fails, and its dumps stay until it runs again.
#[derive(Debug)]
pub struct TestDir(PathBuf);

impl TestDir {
    /// The directory beside the executable of the test that runs in this thread, empty: the test harness
    /// names threads by their tests, unless it runs them all in the main thread. `None` if the executable is
    /// not known.
    #[must_use]
    pub fn new() -> Option<TestDir> {
        /// How many directories there were for threads of that name.
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
        // What the test has left when it failed.
        let _ = fs::remove_dir_all(&dir);
        Some(TestDir(dir))
    }

    /// The directory. It is made when a dump is written.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for TestDir {
    fn drop(&mut self) {
        if !thread::panicking() {
            // If it can't be removed, the test's next run tries again.
            let _ = fs::remove_dir_all(&self.0);
        }
    }
}
