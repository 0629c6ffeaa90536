//! Writes a dump, prints its path, and calls the callbacks of the program.

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use flightrec_dump::Dump;
use forklock::ForkMutex;

use super::destination::Destination;
use super::notices::Notices;
use super::recent::RecentDumps;
use crate::outcome::{DumpError, DumpOutcome};

/// A callback for every dump. The path is `None` if dumps go to a writer.
pub type Callback = Box<dyn Fn(&Dump, Option<&Path>) + Send + Sync>;

/// Writes dumps, prints their paths, and calls the callbacks of the program.
pub(crate) struct Delivery {
    pub(crate) destination: Destination,
    callbacks: Vec<Callback>,
    notices: Arc<Notices>,
    recent: ForkMutex<RecentDumps>,
}

impl Delivery {
    pub(crate) fn new(
        destination: Destination,
        callbacks: Vec<Callback>,
        notices: Arc<Notices>,
    ) -> Delivery {
        Delivery {
            destination,
            callbacks,
            notices,
            recent: ForkMutex::default(),
        }
    }

    /// Returns the names of the dumps that were written within the last minute.
    pub(crate) fn recent(&self) -> Vec<String> {
        let names = self.recent.with(|recent| recent.names());
        names.unwrap_or_default()
    }

    /// Writes a dump to a new file, unless dumps go to a writer. [`deliver`](Delivery::deliver)
    /// completes it.
    pub(crate) fn write(&self, dump: &Dump) -> Result<Option<PathBuf>, DumpError> {
        let written = self
            .destination
            .begin(dump)
            .map_err(|error| self.not_written(error))?;
        let Some(written) = written else {
            return Ok(None);
        };
        let path = written.path.display();
        let mut line = match dump.crash {
            Some(_) => format!("{}; crash report written to {path}", dump.reason.message),
            None => format!("crash report written to {path}"),
        };
        if let Some((dir, error)) = written.instead_of {
            line += &format!(", because {} can't be written to: {error}", dir.display());
        }
        if dump.repository.is_some() {
            line += "; to report it: flightrec issue";
        }
        self.notices.say(&line);
        self.recent.with(|recent| recent.add(&written.path));
        Ok(Some(written.path))
    }

    /// Replaces the file by the completed dump. If that fails, the old file is unchanged.
    pub(crate) fn replace(&self, dump: &Dump, path: &Path) {
        let _ = self.destination.complete(dump, Some(path));
    }

    /// Replaces the file by the completed dump, or writes it to the writer, and calls the callbacks.
    pub(crate) fn deliver(
        &self,
        dump: &Dump,
        path: Option<PathBuf>,
    ) -> Result<DumpOutcome, DumpError> {
        match (self.destination.complete(dump, path.as_deref()), &path) {
            (Err(error), None) => return Err(self.not_written(error)),
            // If the file could not be replaced, the first dump is still in it.
            (Err(_), Some(_)) | (Ok(()), _) => {}
        }
        for callback in &self.callbacks {
            if catch_unwind(AssertUnwindSafe(|| callback(dump, path.as_deref()))).is_err() {
                self.notices.say("a callback of `on_dump` panicked");
            }
        }
        Ok(path.map_or(DumpOutcome::Streamed, DumpOutcome::Written))
    }

    fn not_written(&self, error: io::Error) -> DumpError {
        let place = self.destination.describe();
        let message = format!("cannot write a crash report to {place}: {error}");
        self.notices.say(&message);
        DumpError::io(message, error)
    }
}
