//! Prints a dump: a headline, the error, facts, the stacks, the log.

pub(crate) mod diff;
mod error;
pub(crate) mod facts;
mod gap;
mod gauges;
mod log;
mod places;
pub(crate) mod records;
pub(crate) mod recursion;
pub(crate) mod runs;
mod source;
pub(crate) mod spans;
mod stack;
pub(crate) mod threads;

use std::io::{self, Write};

use anstyle::Style;
use flightrec_dump::{Dump, Kind, SCHEMA};
use jiff::{SignedDuration, Timestamp};

pub(crate) use log::LogAmount;
use stack::Stacks;

use crate::paths::Paths;
use crate::render::style::{BOLD, DIM, ERROR, WARN};
use crate::render::{text, time};
use crate::select::Selection;

/// A longer name of a program, of its version or of a signal is cut.
const MAX_NAME: usize = 200;

/// How to show a dump.
#[derive(Debug)]
pub(crate) struct View {
    /// The columns of the terminal. `None` if lines may have any length.
    pub(crate) width: Option<usize>,
    /// The time that "ago" is counted from.
    pub(crate) now: Timestamp,
    /// Whether to show details that most readers do not need.
    pub(crate) all: bool,
    /// Whether to show lines of source files of this machine.
    pub(crate) source: bool,
    pub(crate) log: LogAmount,
    /// Whether to indent the log by spans.
    pub(crate) spans: bool,
    pub(crate) selection: Selection,
    pub(crate) paths: Paths,
    /// The file of the dump, as the user may type it.
    pub(crate) name: String,
}

/// Prints the dump and returns how many records of its log.
pub(crate) fn dump(out: &mut dyn Write, dump: &Dump, view: &View) -> io::Result<usize> {
    let failure = failed_at(dump);
    headline(out, dump, failure, view)?;
    error::print(out, dump, view)?;
    facts::print(out, dump, view)?;
    let mut stacks = Stacks::new(dump, failure, view);
    stack::errors(out, &mut stacks)?;
    threads::print(out, &mut stacks)?;
    stacks.without_symbols(out)?;
    // The reader can see this part while a long log is formatted.
    out.flush()?;
    log::print(out, dump, failure, view)
}

/// The time of the failure. If nothing later is known of a dead process: the time of the last record.
pub(crate) fn failed_at(dump: &Dump) -> Option<Timestamp> {
    let last = dump.crash.as_ref().and_then(|crash| crash.last_record_at);
    time::known(last.unwrap_or(dump.created_at))
}

/// How long the process had been recording when it failed.
fn uptime(dump: &Dump) -> Option<SignedDuration> {
    let started = time::known(dump.process.started_at);
    let times = failed_at(dump).zip(started);
    let between = times.map(|(failed, started)| failed.duration_since(started));
    // If the clock was set back, use the process's own measurement.
    between.filter(|up| !up.is_negative()).or_else(|| {
        let up = SignedDuration::try_from_secs_f64(dump.process.uptime).ok();
        up.filter(|up| up.is_positive())
    })
}

/// `census 0.1.0 failed 3 minutes ago`
fn headline(
    out: &mut dyn Write,
    dump: &Dump,
    failure: Option<Timestamp>,
    view: &View,
) -> io::Result<()> {
    let (what, style) = what_happened(dump);
    write!(
        out,
        "{BOLD}{}{BOLD:#} {style}{}{style:#}",
        program(dump),
        text::cut(&text::line(&what), MAX_NAME)
    )?;
    match failure {
        Some(failure) => writeln!(out, " {DIM}{}{DIM:#}", time::ago(failure, view.now))?,
        None => writeln!(out)?,
    }
    if dump.schema != SCHEMA {
        writeln!(
            out,
            "{WARN}The dump has the schema {}; this program knows {SCHEMA} and shows what it \
             understands.{WARN:#}",
            text::line(&dump.schema),
        )?;
    }
    Ok(())
}

/// `census 0.1.0`, escaped
pub(crate) fn program(dump: &Dump) -> String {
    let app = match dump.app.as_str() {
        "" => "a program without a name",
        app => app,
    };
    let version = dump.version.as_deref().unwrap_or_default();
    let [app, version] = [app, version].map(|part| text::beginning(part, MAX_NAME));
    text::line(format!("{app} {version}").trim_end()).into_owned()
}

/// `failed`, unescaped
pub(crate) fn what_happened(dump: &Dump) -> (String, Style) {
    let signal = dump.crash.as_ref().and_then(|crash| {
        let number = || crash.signal.map(|number| format!("signal {number}"));
        crash.signal_name.clone().or_else(number)
    });
    match &dump.reason.kind {
        Kind::Error => ("failed".to_owned(), ERROR),
        Kind::Panic => ("panicked".to_owned(), ERROR),
        Kind::Level => ("logged an error".to_owned(), ERROR),
        Kind::Hang => ("hung".to_owned(), ERROR),
        Kind::Crash => match signal {
            Some(signal) => (format!("crashed ({signal})"), ERROR),
            // It is not known whether somebody killed it.
            None => ("ended unexpectedly".to_owned(), ERROR),
        },
        Kind::Rule => ("made a dump by a rule".to_owned(), BOLD),
        Kind::Signal => ("made a dump on a signal".to_owned(), BOLD),
        Kind::Manual => ("made a dump".to_owned(), BOLD),
        other => (format!("made a dump ({other})"), BOLD),
    }
}

/// The message. A dump of the kind "level" may have a place as its message: then it is the message of
/// the most severe record.
pub(crate) fn message(dump: &Dump) -> &str {
    let message = dump.reason.message.as_str();
    if dump.reason.kind != Kind::Level {
        return message;
    }
    let severest = dump
        .latest_logs
        .iter()
        .rev()
        .min_by_key(|record| record.level);
    let said = severest.map(|record| record.msg.as_str());
    said.filter(|said| !said.is_empty() && !message.contains(said))
        .unwrap_or(message)
}
