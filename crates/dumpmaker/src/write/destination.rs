//! The destination of dumps: a directory or a writer.

use std::fmt;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use flightrec_dump::Dump;
use forklock::ForkMutex;

use crate::store::{Store, Written};

/// Where dumps go: to a directory, or to a writer of the program.
pub struct Destination {
    store: Store,
    writer: Option<ForkMutex<Box<dyn Write + Send>>>,
}

impl Destination {
    /// Creates a destination: `writer` if there is one, or else the directory of `store`.
    #[must_use]
    pub fn new(store: Store, writer: Option<Box<dyn Write + Send>>) -> Destination {
        Destination {
            store,
            writer: writer.map(ForkMutex::new),
        }
    }

    /// Returns the program's directory. Other files may be in it, even if dumps go to a writer.
    #[must_use]
    pub fn store(&self) -> &Store {
        &self.store
    }

    /// Returns the directories that dumps may be in; none if they go to a writer.
    pub(crate) fn dirs(&self) -> &[PathBuf] {
        match self.writer {
            None => self.store.dirs(),
            Some(_) => &[],
        }
    }

    /// Removes the temporary files of processes that were killed while they wrote a dump.
    pub fn remove_orphans(&self) {
        if self.writer.is_none() {
            self.store.remove_orphans();
        }
    }

    /// Returns the destination as text, for error messages.
    pub(crate) fn describe(&self) -> String {
        match self.writer {
            None => self.store.describe(),
            Some(_) => "the writer of `dump_to`".to_owned(),
        }
    }

    /// Writes a dump to a new file. If dumps go to a writer, nothing is written yet, because it could
    /// not be replaced.
    pub(crate) fn begin(&self, dump: &Dump) -> io::Result<Option<Written>> {
        match self.writer {
            None => self.store.write(dump).map(Some),
            Some(_) => Ok(None),
        }
    }

    /// Replaces the file by the completed dump, or writes the dump to the writer.
    pub(crate) fn complete(&self, dump: &Dump, path: Option<&Path>) -> io::Result<()> {
        let Some(writer) = &self.writer else {
            return match path {
                Some(path) => self.store.replace(path, dump),
                None => Ok(()),
            };
        };
        // A single write, so that lines of several programs do not mix.
        let mut line = Vec::new();
        dump.write_to(&mut line)?;
        line.push(b'\n');
        let written = writer.with(|writer| {
            writer.write_all(&line)?;
            writer.flush()
        });
        written.unwrap_or_else(|| Err(io::ErrorKind::Deadlock.into()))
    }
}

impl fmt::Debug for Destination {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Destination")
            .field(&self.describe())
            .finish()
    }
}
