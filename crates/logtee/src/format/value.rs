//! The common part of the formats: messages, key-values, and the mark for failed formatting.

use std::fmt::{self, Write as _};

use log::Record;
use log::kv::{Error as KvError, Key, Source, Value, VisitSource, VisitValue};

use crate::catch_panic::catch_panic;
use crate::escape::{self, Escaping, Style};

/// Written after partial text when formatting returned an error or panicked.
pub(crate) const FAILED: &str = "[formatting failed]";

/// Appends formatted text, escaped. A failure is marked.
pub(super) fn push_args(out: &mut Vec<u8>, args: fmt::Arguments<'_>, style: Style) {
    if let Some(text) = args.as_str() {
        return escape::push(out, text, style);
    }
    let formatted = catch_panic(|| Escaping { out, style }.write_fmt(args));
    if !matches!(formatted, Ok(Ok(()))) {
        out.extend_from_slice(FAILED.as_bytes());
    }
}

/// Calls `push` for every key-value, in order. If the source fails, the remaining ones are missing.
pub(crate) fn each_pair(record: &Record<'_>, push: impl FnMut(&str, &Value<'_>)) {
    struct Each<F>(F);
    impl<'kvs, F: FnMut(&str, &Value<'_>)> VisitSource<'kvs> for Each<F> {
        fn visit_pair(&mut self, key: Key<'kvs>, value: Value<'kvs>) -> Result<(), KvError> {
            (self.0)(key.as_str(), &value);
            Ok(())
        }
    }
    let source: &dyn Source = record.key_values();
    let _ = catch_panic(|| source.visit(&mut Each(push)));
}

/// Whether strings are quoted.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Quotes {
    /// Always, for JSON.
    Always,
    /// Only if the end of the string would be ambiguous without quotes, for logfmt.
    AsNeeded,
}

/// Appends one value, or only the mark if the value can't be visited.
pub(super) fn push_value(out: &mut Vec<u8>, value: &Value<'_>, quotes: Quotes) {
    let start = out.len();
    let visited = catch_panic(|| value.visit(PushValue { out, quotes }));
    if !matches!(visited, Ok(Ok(()))) {
        out.truncate(start);
        escape::push_quoted(out, FAILED);
    }
}

struct PushValue<'a> {
    out: &'a mut Vec<u8>,
    quotes: Quotes,
}

impl PushValue<'_> {
    fn number(&mut self, number: fmt::Arguments<'_>) -> Result<(), KvError> {
        push_args(self.out, number, Style::Line);
        Ok(())
    }
}

impl<'v> VisitValue<'v> for PushValue<'_> {
    fn visit_any(&mut self, value: Value<'_>) -> Result<(), KvError> {
        #[cfg(feature = "serde")]
        if let Some(json) = nested_json(&value) {
            if self.quotes == Quotes::Always {
                self.out.extend_from_slice(json.as_bytes());
            } else {
                escape::push_quoted(self.out, &json);
            }
            return Ok(());
        }
        let at = self.out.len();
        self.out.push(b'"');
        push_args(self.out, format_args!("{value}"), Style::Json);
        if self.quotes == Quotes::AsNeeded && is_bare(&self.out[at + 1..]) {
            self.out.remove(at);
        } else {
            self.out.push(b'"');
        }
        Ok(())
    }

    fn visit_null(&mut self) -> Result<(), KvError> {
        self.number(format_args!("null"))
    }

    fn visit_bool(&mut self, value: bool) -> Result<(), KvError> {
        self.number(if value {
            format_args!("true")
        } else {
            format_args!("false")
        })
    }

    fn visit_i64(&mut self, value: i64) -> Result<(), KvError> {
        self.number(format_args!("{value}"))
    }

    fn visit_u64(&mut self, value: u64) -> Result<(), KvError> {
        self.number(format_args!("{value}"))
    }

    fn visit_i128(&mut self, value: i128) -> Result<(), KvError> {
        self.number(format_args!("{value}"))
    }

    fn visit_u128(&mut self, value: u128) -> Result<(), KvError> {
        self.number(format_args!("{value}"))
    }

    fn visit_f64(&mut self, value: f64) -> Result<(), KvError> {
        if value.is_finite() {
            self.number(format_args!("{value:?}"))
        } else {
            // JSON has no NaN and no infinities.
            self.visit_str(&value.to_string())
        }
    }

    fn visit_char(&mut self, value: char) -> Result<(), KvError> {
        self.visit_str(value.encode_utf8(&mut [0; 4]))
    }

    fn visit_str(&mut self, value: &str) -> Result<(), KvError> {
        if self.quotes == Quotes::AsNeeded && is_bare(value.as_bytes()) {
            self.out.extend_from_slice(value.as_bytes());
        } else {
            escape::push_quoted(self.out, value);
        }
        Ok(())
    }
}

/// Whether a value needs no quotes.
pub(super) fn is_bare(text: &[u8]) -> bool {
    let plain = |b: &u8| matches!(b, 0x21..0x7f) && !matches!(b, b'"' | b'\\' | b'=');
    !text.is_empty() && text.iter().all(plain)
}

/// Appends a key without quotes. A character that could end it becomes `_`.
pub(super) fn push_bare_key(out: &mut Vec<u8>, key: &str) {
    if is_bare(key.as_bytes()) {
        out.extend_from_slice(key.as_bytes());
    } else if key.is_empty() {
        out.push(b'_');
    } else {
        for c in key.chars() {
            let ends = c.is_whitespace() || matches!(c, '=' | '"' | '\\');
            let c = if ends || escape::line(c.encode_utf8(&mut [0; 4])) != c.to_string() {
                '_'
            } else {
                c
            };
            out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
        }
    }
}

/// The JSON of an object or array; `None` for other values.
#[cfg(feature = "serde")]
fn nested_json(value: &Value<'_>) -> Option<String> {
    /// A writer that fails if the text does not begin like an object or array.
    struct Nested(Vec<u8>);
    impl std::io::Write for Nested {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            if self.0.is_empty() && !matches!(bytes.first(), Some(b'{' | b'[')) {
                return Err(std::io::ErrorKind::Unsupported.into());
            }
            self.0.extend_from_slice(bytes);
            Ok(bytes.len())
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    let mut nested = Nested(Vec::new());
    let written = catch_panic(|| serde_json::to_writer(&mut nested, value));
    matches!(written, Ok(Ok(()))).then_some(())?;
    let json = String::from_utf8(nested.0).ok()?;
    // serde_json does not escape DEL, C1 and bidirectional controls. They occur only inside strings,
    // and escaping them touches no quotes or backslashes, so it is correct for the whole text.
    let mut escaped = String::with_capacity(json.len());
    for c in json.chars() {
        if u32::from(c) >= 0x7f
            && matches!(
                escape::line(c.encode_utf8(&mut [0; 4])),
                std::borrow::Cow::Owned(_)
            )
        {
            let _ = write!(escaped, "\\u{:04x}", u32::from(c));
        } else {
            escaped.push(c);
        }
    }
    Some(escaped)
}
