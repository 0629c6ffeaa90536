//! Lines of text: [`Text`] for people, [`Logfmt`] for people and programs.

use std::io::{self, Write as _};

use anstyle::{AnsiColor, Effects, Style as Ansi};
use log::{Level, Record};

use super::value::{Quotes, each_pair, is_bare, push_args, push_bare_key, push_value};
use super::{Format, Time};
use crate::escape::{self, Style};

/// `2026-11-22T23:59:50.123Z DEBUG target: message key=value`, without colours by default.
///
/// # Examples
///
/// ```
/// let sink = logtee::WriteSink::new(logtee::Text::new().colored(true), std::io::stdout());
/// # drop(sink);
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct Text {
    time: Time,
    colored: bool,
}

impl Text {
    /// Creates the format, with time in UTC and without colours.
    pub fn new() -> Text {
        Text::default()
    }

    /// Sets how the time is written.
    #[must_use = "returns the changed format"]
    pub fn time(mut self, time: Time) -> Text {
        self.time = time;
        self
    }

    /// Sets whether the level is coloured and the time dimmed, by ANSI escape sequences.
    #[must_use = "returns the changed format"]
    pub fn colored(mut self, yes: bool) -> Text {
        self.colored = yes;
        self
    }

    fn painted(&self, out: &mut Vec<u8>, style: Ansi, paint: impl FnOnce(&mut Vec<u8>)) {
        if self.colored {
            // Writing into a `Vec` does not fail.
            let _ = write!(out, "{style}");
            paint(out);
            let _ = write!(out, "{style:#}");
        } else {
            paint(out);
        }
    }
}

impl Format for Text {
    fn format(&self, record: &Record<'_>, out: &mut Vec<u8>) -> io::Result<()> {
        let dim = Ansi::new().effects(Effects::DIMMED);
        self.painted(out, dim, |out| self.time.write(out));
        out.push(b' ');
        let (name, color) = match record.level() {
            Level::Error => (b"ERROR", AnsiColor::Red),
            Level::Warn => (b"WARN ", AnsiColor::Yellow),
            Level::Info => (b"INFO ", AnsiColor::Green),
            Level::Debug => (b"DEBUG", AnsiColor::Blue),
            Level::Trace => (b"TRACE", AnsiColor::Cyan),
        };
        self.painted(out, color.on_default(), |out| out.extend_from_slice(name));
        out.push(b' ');
        escape::push(out, record.target(), Style::Line);
        out.extend_from_slice(b": ");
        push_args(out, *record.args(), Style::Line);
        each_pair(record, |key, value| {
            out.push(b' ');
            push_bare_key(out, key);
            out.push(b'=');
            push_value(out, value, Quotes::AsNeeded);
        });
        Ok(())
    }
}

/// `time=… level=DEBUG target=… msg="…" file=… line=… key=value`.
///
/// Values are quoted if they need to be, with the escapes of JSON. Characters that a key cannot
/// contain are written as `_`.
#[derive(Clone, Copy, Debug, Default)]
pub struct Logfmt {
    time: Time,
}

impl Logfmt {
    /// Creates the format, with time in UTC.
    pub fn new() -> Logfmt {
        Logfmt::default()
    }

    /// Sets how the time is written.
    #[must_use = "returns the changed format"]
    pub fn time(mut self, time: Time) -> Logfmt {
        self.time = time;
        self
    }
}

fn push_str(out: &mut Vec<u8>, text: &str) {
    if is_bare(text.as_bytes()) {
        out.extend_from_slice(text.as_bytes());
    } else {
        escape::push_quoted(out, text);
    }
}

impl Format for Logfmt {
    fn format(&self, record: &Record<'_>, out: &mut Vec<u8>) -> io::Result<()> {
        out.extend_from_slice(b"time=");
        self.time.write(out);
        out.extend_from_slice(b" level=");
        out.extend_from_slice(record.level().as_str().as_bytes());
        out.extend_from_slice(b" target=");
        push_str(out, record.target());
        out.extend_from_slice(b" msg=\"");
        push_args(out, *record.args(), Style::Json);
        out.push(b'"');
        if let Some(file) = record.file() {
            out.extend_from_slice(b" file=");
            push_str(out, file);
        }
        if let Some(line) = record.line() {
            write!(out, " line={line}")?;
        }
        each_pair(record, |key, value| {
            out.push(b' ');
            push_bare_key(out, key);
            out.push(b'=');
            push_value(out, value, Quotes::AsNeeded);
        });
        Ok(())
    }
}
