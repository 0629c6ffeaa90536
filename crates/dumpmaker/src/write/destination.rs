//! The destination of dumps: a directory or a writer.

use std::fmt;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use flightrec_dump::Dump;
use forklock::ForkMutex;

use crate::store::{Store, Written};

/// Where dumps go: to a directory, or to a writer that the program has set.
pub struct Destination {
    store: Store,
    writer: Option<ForkMutex<Box<dyn Write + Send>>>,
}

impl Destination {
    /// Dumps go to `writer`, or to the directory if there is none.
    #[must_use]
    pub fn new(store: Store, writer: Option<Box<dyn Write + Send>>) -> Destination {
        Destination {
            store,
            writer: writer.map(ForkMutex::new),
        }
    }

    /// The program's directory. It may have other files, also if dumps go to a writer.
    #[must_use]
    pub fn store(&self) -> &Store {
        &self.store
    }

    /// The directories that dumps may be in; none if they go to a writer.
    pub(crate) fn dirs(&self) -> &[PathBuf] {
        match self.writer {
            None => self.store.dirs(),
            Some(_) => &[],
        }
    }

    /// Removes what processes left that were killed while they wrote a dump.
    pub fn remove_orphans(&self) {
        if self.writer.is_none() {
            self.store.remove_orphans();
        }
    }

    /// The place in words, for an error message.
    pub(crate) fn describe(&self) -> String {
        match self.writer {
            None => self.store.describe(),
            Some(_) => "the writer of `dump_to`".to_owned(),
        }
    }

    /// Writes a dump to a new file, or nothing yet if dumps go to a writer: what was streamed can't
    /// be replaced.
    pub(crate) fn begin(&self, dump: &Dump) -> io::Result<Option<Written>> {
        match self.writer {
            None => self.store.write(dump).map(Some),
            Some(_) => Ok(None),
        }
    }

    /// Replaces the file by the completed dump, or streams the dump.
    pub(crate) fn complete(&self, dump: &Dump, path: Option<&Path>) -> io::Result<()> {
        let Some(writer) = &self.writer else {
            return match path {
                Some(path) => self.store.replace(path, dump),
                None => Ok(()),
            };
        };
        // One write, so that the lines of several programs do not mix.
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
