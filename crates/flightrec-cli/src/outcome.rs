//! How a command ends: the exit code, and what is said of a failure.

use std::fmt;
use std::io;
use std::path::Path;

use crate::look::text;

/// How a command ended that did not fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// Exit code 0.
    Done,
    /// Exit code 1: nothing was found, or the thing asked about is not as it should be.
    Nothing,
}

/// Why a command failed, in words for its user. Exit code 2.
#[derive(Debug)]
pub(crate) enum Trouble {
    /// What was tried and why it failed, and perhaps what to do.
    Said(String),
    /// Printing failed.
    Output(io::Error),
}

pub(crate) type Result<T = Outcome> = std::result::Result<T, Trouble>;

impl Trouble {
    pub(crate) fn new(what: impl Into<String>) -> Trouble {
        Trouble::Said(what.into())
    }

    /// Trouble with a file.
    pub(crate) fn at(path: &Path, why: impl fmt::Display) -> Trouble {
        Trouble::Said(format!("{}: {why}", text::line(&path.to_string_lossy())))
    }

    /// Whether the reader of our output went away, which is no failure.
    pub(crate) fn is_closed_pipe(&self) -> bool {
        matches!(self, Trouble::Output(error) if error.kind() == io::ErrorKind::BrokenPipe)
    }
}

impl From<io::Error> for Trouble {
    fn from(error: io::Error) -> Trouble {
        Trouble::Output(error)
    }
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Trouble::Said(what) => f.write_str(what),
            Trouble::Output(error) => write!(f, "cannot print: {error}"),
        }
    }
}
