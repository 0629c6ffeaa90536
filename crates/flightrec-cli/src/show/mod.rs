//! A dump for its reader: the error, about the process, the stacks, the log.

mod about;
mod columns;
mod error;
mod log;
mod paths;
pub(crate) mod records;
mod source;
mod stack;
mod title;

use std::io::{self, Write};

use flightrec::Dump;
use jiff::Timestamp;

pub(crate) use paths::Paths;

use crate::look::time;
use crate::select::Selection;

/// How a dump is to be shown.
#[derive(Debug)]
pub(crate) struct View {
    /// The columns of the terminal; none if lines may be of any length.
    pub(crate) width: Option<usize>,
    /// What "ago" is counted from.
    pub(crate) now: Timestamp,
    /// Whether to show what is of little use to most.
    pub(crate) all: bool,
    pub(crate) selection: Selection,
    pub(crate) paths: Paths,
}

/// Prints the dump and returns how many records of its log.
pub(crate) fn dump(out: &mut dyn Write, dump: &Dump, view: &View) -> io::Result<usize> {
    let failure = time::parse(&dump.created_at);
    title::print(out, dump, failure, view)?;
    error::print(out, dump, view)?;
    about::print(out, dump, failure, view)?;
    stack::print(out, dump, failure, view)?;
    // What is above is there to be read while a long log is laid out.
    out.flush()?;
    log::print(out, dump, failure, view)
}
