//! Dumps as other tools read them.

mod chrome_trace;
pub(crate) mod html;
mod jsonl;
mod logfmt;
mod object;
mod otlp;
mod stacks;

use std::io::{self, Write};

use flightrec::{Dump, LogRecord};
use jiff::Timestamp;

use crate::cli::Format;
use crate::look::time;

/// A dump and what was asked for of its log.
#[derive(Debug)]
pub(crate) struct Chosen<'a> {
    pub(crate) dump: &'a Dump,
    pub(crate) records: Vec<&'a LogRecord>,
}

pub(crate) fn write(out: &mut dyn Write, format: Format, dumps: &[Chosen<'_>]) -> io::Result<()> {
    match format {
        Format::Jsonl => jsonl::write(out, dumps),
        Format::Logfmt => logfmt::write(out, dumps),
        Format::Otlp => otlp::write(out, dumps),
        Format::ChromeTrace => chrome_trace::write(out, dumps),
        Format::Html => Err(io::Error::other("a page is made of files")),
    }
}

/// When the dump was made; the epoch if it does not say.
fn failed_at(dump: &Dump) -> Timestamp {
    time::parse(&dump.created_at).unwrap_or(Timestamp::UNIX_EPOCH)
}

/// Whether the program ended with it or went on.
fn is_fatal(dump: &Dump) -> bool {
    matches!(dump.reason.kind.as_str(), "panic" | "crash")
}
