//! The recent dumps of this process.

use std::path::Path;
use std::time::{Duration, Instant};

/// The names of the dumps that this process wrote within the last minute. They are often related: a task
/// panics, and the task that joins it returns an error.
#[derive(Default)]
pub(crate) struct RecentDumps(Vec<(Instant, String)>);

impl RecentDumps {
    const MAX_AGE: Duration = Duration::from_secs(60);
    const MAX: usize = 10;

    pub(crate) fn add(&mut self, path: &Path) {
        if self.0.len() == Self::MAX {
            self.0.remove(0);
        }
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        self.0.push((Instant::now(), name.into_owned()));
    }

    pub(crate) fn names(&mut self) -> Vec<String> {
        self.0.retain(|(at, _)| at.elapsed() < Self::MAX_AGE);
        self.0.iter().map(|(_, name)| name.clone()).collect()
    }
}
