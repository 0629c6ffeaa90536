//! The outcome of a request for a dump.

use std::error::Error as StdError;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

/// The outcome of a request for a dump.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum DumpOutcome {
    /// The dump was written to this file.
    Written(PathBuf),
    /// The dump goes to the writer of
    /// [`dump_to`](https://docs.rs/flightrec/latest/flightrec/struct.Builder.html#method.dump_to).
    Streamed,
    /// The same failure was dumped within the last hour, to this file. This one was only counted. The
    /// path is `None` if dumps go to a writer, and while another thread still writes that dump.
    Repeated(Option<PathBuf>),
    /// No dump was made: there were too many failures, the failure happened while this thread made a
    /// dump, or [`ignore_errors`] excludes it.
    ///
    /// [`ignore_errors`]: https://docs.rs/flightrec/latest/flightrec/struct.Builder.html#method.ignore_errors
    Suppressed,
}

impl DumpOutcome {
    /// Returns the file with the dump of the failure, if there is one.
    #[must_use]
    pub fn path(&self) -> Option<&Path> {
        match self {
            DumpOutcome::Written(path) => Some(path),
            DumpOutcome::Repeated(path) => path.as_deref(),
            DumpOutcome::Streamed | DumpOutcome::Suppressed => None,
        }
    }
}

/// A dump could not be made or written. The recorder has already reported this to the user; see
/// [`Notices`](crate::write::Notices).
#[derive(Debug)]
pub struct DumpError {
    message: String,
    source: Option<io::Error>,
}

impl DumpError {
    pub(crate) fn new(message: impl Into<String>) -> DumpError {
        DumpError {
            message: message.into(),
            source: None,
        }
    }

    pub(crate) fn io(message: impl Into<String>, source: io::Error) -> DumpError {
        DumpError {
            message: message.into(),
            source: Some(source),
        }
    }
}

impl fmt::Display for DumpError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl StdError for DumpError {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.source.as_ref().map(|source| source as _)
    }
}
