//! JSON lines.

use std::collections::HashMap;
use std::io::{self, Write as _};
use std::ops::Range;

use log::Record;

use super::value::{Quotes, each_pair, push_args, push_value};
use super::{Format, Time};
use crate::escape::{self, Style};

/// One JSON object per line: `time`, `level`, `target`, `msg`, `file`, `line` and `fields`.
///
/// `file` and `line` are left out if they are unknown, `fields` if there are none. Key-values keep
/// their type and order. A repeated key in a record gets a number (`a`, `a_2`, `a_3`), because readers
/// of JSON keep only one value for a key.
#[derive(Clone, Copy, Debug, Default)]
pub struct Json {
    time: Time,
}

impl Json {
    /// Creates the format, with time in UTC.
    pub fn new() -> Json {
        Json::default()
    }

    /// Sets how the time is written.
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
        let mut keys = Keys::default();
        each_pair(record, |key, value| {
            out.extend_from_slice(if keys.is_empty() {
                b",\"fields\":{"
            } else {
                b","
            });
            keys.push(out, key);
            out.push(b':');
            push_value(out, value, Quotes::Always);
        });
        out.extend_from_slice(if keys.is_empty() { b"}" } else { b"}}" });
        Ok(())
    }
}

/// Up to this many keys are compared one by one, which needs no allocation.
const FEW: usize = 16;

/// The keys of an object, each with its quotes and escapes.
#[derive(Default)]
struct Keys {
    /// Where the first keys are in the output.
    few: [Range<usize>; FEW],
    len: usize,
    /// All keys, if there are many, and how often each occurred.
    many: Option<HashMap<Vec<u8>, usize>>,
}

impl Keys {
    fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Appends `key`, with a number if it occurred before.
    fn push(&mut self, out: &mut Vec<u8>, key: &str) {
        let start = out.len();
        escape::push_quoted(out, key);
        let mut number = self.insert(out, start);
        while number > 1 {
            out.truncate(start);
            escape::push_quoted(out, &format!("{key}_{number}"));
            number = match self.insert(out, start) {
                1 => 1,
                _ => number + 1,
            };
        }
    }

    /// Adds the key that begins at `start`, unless it occurred before. Returns how often it has occurred.
    fn insert(&mut self, out: &[u8], start: usize) -> usize {
        let key = &out[start..];
        if self.len < FEW {
            let before = &self.few[..self.len];
            let same = before.iter().filter(|range| out[(*range).clone()] == *key);
            let times = same.count() + 1;
            if times == 1 {
                self.few[self.len] = start..out.len();
                self.len += 1;
            }
            return times;
        }
        let many = self.many.get_or_insert_with(|| {
            let few = self.few.iter();
            few.map(|range| (out[range.clone()].to_vec(), 1)).collect()
        });
        let times = many.entry(key.to_vec()).or_insert(0);
        *times += 1;
        *times
    }
}
