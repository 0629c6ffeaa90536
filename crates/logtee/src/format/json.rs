//! JSON lines.

use std::io::{self, Write as _};

use log::Record;

use super::value::{Quotes, each_pair, push_args, push_value};
use super::{Format, Time};
use crate::escape::{self, Style};

/// One JSON object a line: `time`, `level`, `target`, `msg`, `file`, `line` and `fields`.
///
/// `file` and `line` are left out where they are unknown, `fields` where there are none.
/// Key-values keep their type and order; a key that is logged twice stands there twice.
#[derive(Clone, Copy, Debug, Default)]
pub struct Json {
    time: Time,
}

impl Json {
    /// In UTC.
    pub fn new() -> Json {
        Json::default()
    }

    /// How the time is written.
    #[must_use = "returns the changed format"]
    pub fn time(mut self, time: Time) -> Json {
        self.time = time;
        self
    }
}

impl Format for Json {
    fn format(&self, record: &Record<'_>, out: &mut Vec<u8>) -> io::Result<()> {
        out.extend_from_slice(b"{\"time\":\"");
        self.time.write(out);
        out.extend_from_slice(b"\",\"level\":\"");
        out.extend_from_slice(record.level().as_str().as_bytes());
        out.extend_from_slice(b"\",\"target\":");
        escape::push_quoted(out, record.target());
        out.extend_from_slice(b",\"msg\":\"");
        push_args(out, *record.args(), Style::Json);
        out.push(b'"');
        if let Some(file) = record.file() {
            out.extend_from_slice(b",\"file\":");
            escape::push_quoted(out, file);
        }
        if let Some(line) = record.line() {
            write!(out, ",\"line\":{line}")?;
        }
        let mut any = false;
        each_pair(record, |key, value| {
            out.extend_from_slice(if any { b"," } else { b",\"fields\":{" });
            any = true;
            escape::push_quoted(out, key);
            out.push(b':');
            push_value(out, value, Quotes::Always);
        });
        out.extend_from_slice(if any { b"}}" } else { b"}" });
        Ok(())
    }
}
