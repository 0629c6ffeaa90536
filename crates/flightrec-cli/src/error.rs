//! The errors of commands, their messages and exit codes.

use std::fmt;
use std::io;
use std::path::Path;

use crate::render::text;

/// The outcome of a command that did not fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// Exit code 0.
    Done,
    /// Exit code 1: nothing was found, or a check found a problem.
    Nothing,
}

impl Outcome {
    /// [`Outcome::Nothing`] if nothing was found.
    pub(crate) fn found(anything: bool) -> Outcome {
        if anything {
            Outcome::Done
        } else {
            Outcome::Nothing
        }
    }
}

/// Why a command failed. Exit code 2.
#[derive(Debug)]
pub(crate) enum CliError {
    /// What was tried, on which path or input, and why it failed.
    Message(String),
    /// Printing failed.
    Output(io::Error),
}

pub(crate) type Result<T = Outcome> = std::result::Result<T, CliError>;

impl CliError {
    pub(crate) fn new(what: impl Into<String>) -> CliError {
        CliError::Message(what.into())
    }

    /// An error with a file.
    pub(crate) fn at(path: &Path, why: impl fmt::Display) -> CliError {
        CliError::Message(format!("{}: {why}", text::line(&path.to_string_lossy())))
    }

    /// A file could not be read.
    pub(crate) fn reading(path: &Path, error: &io::Error) -> CliError {
        CliError::at(path, format!("cannot read it: {}", plain(error)))
    }

    /// A file could not be written.
    pub(crate) fn writing(path: &Path, error: &io::Error) -> CliError {
        let why = match error.kind() {
            io::ErrorKind::AlreadyExists => {
                "it exists already and is not overwritten; give another --output".to_owned()
            }
            _ => format!("cannot write it: {}", plain(error)),
        };
        CliError::at(path, why)
    }

    /// Whether the reader of the output has closed it, which is not a failure.
    pub(crate) fn is_closed_pipe(&self) -> bool {
        matches!(self, CliError::Output(error) if error.kind() == io::ErrorKind::BrokenPipe)
    }
}

/// The system's message without ` (os error 2)`.
fn plain(error: &io::Error) -> String {
    let text = error.to_string();
    match (error.raw_os_error(), text.rfind(" (os error ")) {
        (Some(_), Some(at)) => text[..at].to_owned(),
        _ => text,
    }
}

impl From<io::Error> for CliError {
    fn from(error: io::Error) -> CliError {
        CliError::Output(error)
    }
}

impl fmt::Display for CliError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            CliError::Message(what) => f.write_str(what),
            CliError::Output(error) => write!(f, "cannot print: {}", plain(error)),
        }
    }
}
