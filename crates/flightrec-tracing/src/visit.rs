//! Packs the values of `tracing` as fields.

use std::error::Error;
use std::fmt::{self, Debug, Display};

use flightrec::RecorderSink;
use flightrec::redact::{MASK, Redactor};
use packlog::{Flaws, Writer};
use tracing_core::field::Visit;
use tracing_core::{Field, Metadata};

/// Packs only fields, for a span.
pub(crate) fn pack<R>(
    sink: &RecorderSink,
    max_len: usize,
    visit: impl FnOnce(&mut FieldVisitor<'_, '_, '_>),
    f: impl FnOnce(&[u8], Flaws) -> R,
) -> R {
    let write = |writer: &mut Writer<'_, '_>| visit(&mut FieldVisitor::new(writer, sink));
    packlog::pack_fields(max_len, write, f)
}

/// Writes the message and the fields of an event, or the fields of a span.
pub(crate) struct FieldVisitor<'w, 'a, 'b> {
    writer: &'w mut Writer<'a, 'b>,
    sink: &'w RecorderSink,
    /// Set if all texts must be masked.
    redactor: Option<&'w Redactor>,
    /// Values of secret keys must be masked.
    masks_keys: bool,
    /// The event was made of a `log` record, whose target and place are in fields.
    is_log: bool,
    /// Whether a value is an error.
    pub(crate) has_error: bool,
}

impl<'w, 'a, 'b> FieldVisitor<'w, 'a, 'b> {
    #[inline]
    pub(crate) fn new(writer: &'w mut Writer<'a, 'b>, sink: &'w RecorderSink) -> Self {
        FieldVisitor {
            writer,
            sink,
            redactor: sink.masks_text(),
            masks_keys: sink.masks_keys(),
            is_log: false,
            has_error: false,
        }
    }

    pub(crate) fn of_log(writer: &'w mut Writer<'a, 'b>, sink: &'w RecorderSink) -> Self {
        FieldVisitor {
            is_log: true,
            ..FieldVisitor::new(writer, sink)
        }
    }

    /// Writes a text that is not secret.
    pub(crate) fn text(&mut self, key: &str, text: &str) {
        self.writer.str(key, text);
    }

    /// The key under which a field's value is written; `None` if it must not be written, or if it was
    /// written already.
    #[inline]
    fn key(&mut self, field: &Field) -> Option<&'static str> {
        let name = field.name();
        let key = name.strip_prefix("r#").unwrap_or(name);
        if self.is_log || self.masks_keys {
            return self.key_to_write(key);
        }
        Some(key)
    }

    #[cold]
    fn key_to_write(&mut self, key: &'static str) -> Option<&'static str> {
        if self.is_log && key.starts_with("log.") {
            return None;
        }
        if self.sink.masks_key(key) {
            self.writer.str(key, MASK);
            return None;
        }
        Some(key)
    }

    #[cold]
    fn masked(&mut self, key: &str, text: &str) {
        let masked = self.redactor.map(|redactor| redactor.value(key, text));
        self.writer.str(key, masked.as_deref().unwrap_or(text));
    }

    #[cold]
    fn masked_message(&mut self, text: &str) {
        let masked = self.redactor.map(|redactor| redactor.text(text));
        self.writer.message_str(masked.as_deref().unwrap_or(text));
    }
}

const MESSAGE: &str = "message";

impl Visit for FieldVisitor<'_, '_, '_> {
    #[inline]
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        if field.name() == MESSAGE {
            if self.redactor.is_some() {
                let text = format(&value);
                return self.masked_message(&text);
            }
            return self.writer.message(value);
        }
        if let Some(key) = self.key(field) {
            if self.redactor.is_some() {
                let text = format(&value);
                return self.masked(key, &text);
            }
            self.writer.debug(key, value);
        }
    }

    #[inline]
    fn record_str(&mut self, field: &Field, value: &str) {
        if field.name() == MESSAGE {
            if self.redactor.is_some() {
                return self.masked_message(value);
            }
            return self.writer.message_str(value);
        }
        if let Some(key) = self.key(field) {
            if self.redactor.is_some() {
                return self.masked(key, value);
            }
            self.writer.str(key, value);
        }
    }

    fn record_error(&mut self, field: &Field, value: &(dyn Error + 'static)) {
        self.has_error = true;
        let chain = Chain(value);
        if let Some(key) = self.key(field) {
            if self.redactor.is_some() {
                let text = format(&format_args!("{chain}"));
                return self.masked(key, &text);
            }
            self.writer.display(key, &chain);
        }
    }

    #[inline]
    fn record_i64(&mut self, field: &Field, value: i64) {
        if let Some(key) = self.key(field) {
            self.writer.i64(key, value);
        }
    }

    #[inline]
    fn record_u64(&mut self, field: &Field, value: u64) {
        if let Some(key) = self.key(field) {
            self.writer.u64(key, value);
        }
    }

    fn record_i128(&mut self, field: &Field, value: i128) {
        if let Some(key) = self.key(field) {
            self.writer.i128(key, value);
        }
    }

    fn record_u128(&mut self, field: &Field, value: u128) {
        if let Some(key) = self.key(field) {
            self.writer.u128(key, value);
        }
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        if let Some(key) = self.key(field) {
            self.writer.f64(key, value);
        }
    }

    #[inline]
    fn record_bool(&mut self, field: &Field, value: bool) {
        if let Some(key) = self.key(field) {
            self.writer.bool(key, value);
        }
    }
}

/// Notes the errors of an event, whose stacks are not in its text.
pub(crate) struct ErrorVisitor<'a> {
    pub(crate) sink: &'a RecorderSink,
    pub(crate) metadata: &'a Metadata<'a>,
}

impl Visit for ErrorVisitor<'_> {
    fn record_error(&mut self, _: &Field, value: &(dyn Error + 'static)) {
        let file = self.metadata.file().unwrap_or_default();
        let line = self.metadata.line().unwrap_or_default();
        self.sink.note_error(value, file, line);
    }

    fn record_debug(&mut self, _: &Field, _: &dyn Debug) {}
}

/// The text of a value whose `Debug` may fail or panic.
fn format(value: &dyn Debug) -> String {
    let format = std::panic::AssertUnwindSafe(|| {
        let mut text = String::new();
        let formatted = fmt::write(&mut text, format_args!("{value:?}"));
        formatted.map(|()| text)
    });
    let text = std::panic::catch_unwind(format);
    text.ok()
        .and_then(Result::ok)
        .unwrap_or_else(|| "[formatting failed]".to_owned())
}

/// An error and its causes, on one line.
struct Chain<'a>(&'a (dyn Error + 'static));

/// The maximum number of causes. A chain may be endless.
const MAX_CAUSES: usize = 32;

impl Display for Chain<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Display::fmt(self.0, f)?;
        let mut next = self.0.source();
        for _ in 0..MAX_CAUSES {
            let Some(cause) = next else { break };
            write!(f, ": {cause}")?;
            next = cause.source();
        }
        Ok(())
    }
}
