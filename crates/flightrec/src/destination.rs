//! The destination of dumps: a directory or a writer.

use std::io::{self, Write};
use std::path::Path;

use flightrec_dump::Dump;
use forklock::ForkMutex;

use dumpstore::{Store, Written};

pub(crate) enum Destination {
    Directory(Store),
    Writer(ForkMutex<Box<dyn Write + Send>>),
}

impl Destination {
    /// The place in words, for an error message.
    pub(crate) fn describe(&self) -> String {
        match self {
            Destination::Directory(store) => store.describe(),
            Destination::Writer(_) => "the writer of `dump_to`".to_owned(),
        }
    }

    /// Removes what processes left that were killed while they wrote a dump.
    pub(crate) fn remove_orphans(&self) {
        if let Destination::Directory(store) = self {
            store.remove_orphans();
        }
    }

    /// Writes a dump to a new file, or nothing yet if dumps go to a writer: what was streamed can't
    /// be replaced.
    pub(crate) fn begin(&self, dump: &Dump) -> io::Result<Option<Written>> {
        match self {
            Destination::Directory(store) => store.write(dump).map(Some),
            Destination::Writer(_) => Ok(None),
        }
    }

    /// Replaces the file by the completed dump, or streams the dump.
    pub(crate) fn complete(&self, dump: &Dump, path: Option<&Path>) -> io::Result<()> {
        match self {
            Destination::Directory(store) => match path {
                Some(path) => store.replace(path, dump),
                None => Ok(()),
            },
            Destination::Writer(writer) => {
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
    }
}
