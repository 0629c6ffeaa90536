//! logfmt: `key=value` pairs and nothing else.

use std::io::{self, Write as _};

use log::Record;

use super::value::{Quotes, each_pair, is_bare, push_args, push_bare_key, push_value};
use super::{Format, Time};
use crate::escape::{self, Style};

/// `time=… level=DEBUG target=… msg="…" file=… line=… key=value`.
///
/// Values are quoted where they need be, with the escapes of JSON; what a key cannot hold is
/// written as an underscore.
#[derive(Clone, Copy, Debug, Default)]
pub struct Logfmt {
    time: Time,
}

impl Logfmt {
    /// In UTC.
    pub fn new() -> Logfmt {
        Logfmt::default()
    }

    /// How the time is written.
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
