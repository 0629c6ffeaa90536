//! Packs events and spans whose parts arrive one by one, as in `tracing`.

use std::fmt::{self, Write as _};
use std::num::NonZeroU64;
use std::panic::{AssertUnwindSafe, catch_unwind};

use log::Level;

use crate::MAX_LEN;
use crate::buffer::Buffer;
use crate::fields::Encoder;
use crate::head::Head;
use crate::layout::*;
use crate::pack::{Names, ROOM_FOR_FIELDS, ThreadBuffer, with_buffer, write_names};

/// The metadata of a span in addition to its [`Head`].
#[derive(Clone, Copy, Debug)]
pub struct SpanHead<'a> {
    /// The id of its parent.
    pub parent: Option<NonZeroU64>,
    /// The time when it was opened, in nanoseconds since 1970.
    pub opened_at: u64,
    /// The ids of the spans that it follows from. Only the first 16 are packed.
    pub follows_from: &'a [u64],
}

/// Packs an event into this thread's buffer and passes the bytes to `f`. `write` is called once and
/// writes the message and the fields.
///
/// A `Debug` or `Display` that logs, fails or panics is handled as in [`pack`](crate::pack).
///
/// # Panics
///
/// If `write` or `f` does.
#[inline]
pub fn pack_event<R>(
    head: &Head<'_>,
    write: impl FnOnce(&mut Writer<'_, '_>),
    f: impl FnOnce(&[u8]) -> R,
) -> R {
    with_buffer((write, f), |buffer, (write, f)| {
        f(encode(head, None, buffer, write))
    })
}

/// Packs a span with the fields that [`pack_fields`] packed, and passes the bytes to `f`.
///
/// # Panics
///
/// If `f` does.
pub fn pack_span<R>(
    head: &Head<'_>,
    span: &SpanHead<'_>,
    name: &str,
    fields: &[u8],
    f: impl FnOnce(&[u8]) -> R,
) -> R {
    with_buffer(f, |buffer, f| {
        let write = |writer: &mut Writer<'_, '_>| {
            writer.message_str(name);
            writer.packed_fields(fields);
        };
        f(encode(head, Some(span), buffer, write))
    })
}

/// Packs a record that says that a span was closed, and passes the bytes to `f`.
///
/// # Panics
///
/// If `f` does.
pub fn pack_span_closed<R>(span: NonZeroU64, f: impl FnOnce(&[u8]) -> R) -> R {
    let header = Header {
        level: Level::Trace as u8,
        flags: flag::HAS_SPAN,
        line: 0,
        target: 0,
        module: 0,
        file: 0,
        message: 0,
        fields: 0,
        thread: 0,
        kind: record::SPAN_CLOSED,
    };
    let mut bytes = [0; HEADER + 8];
    bytes[..HEADER].copy_from_slice(&header.to_bytes());
    bytes[HEADER..].copy_from_slice(&span.get().to_le_bytes());
    f(&bytes)
}

/// Packs only fields, at most `max_len` bytes, for [`pack_span`].
///
/// # Panics
///
/// If `write` or `f` does.
pub fn pack_fields<R>(
    max_len: usize,
    write: impl FnOnce(&mut Writer<'_, '_>),
    f: impl FnOnce(&[u8], Flaws) -> R,
) -> R {
    with_buffer((write, f), |buffer, (write, f)| {
        // After the thread's number and name, which stay in the buffer.
        let start = HEADER + buffer.thread_len();
        let limit = (start + max_len).min(MAX_LEN);
        let mut out = Buffer::new(&mut buffer.bytes, start, limit);
        let mut writer = Writer::new(&mut out, limit);
        writer.has_message = true;
        write(&mut writer);
        let flaws = Flaws(writer.flags());
        let end = out.len();
        f(&buffer.bytes[start..end], flaws)
    })
}

/// What went wrong when fields were packed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Flaws(u16);

impl Flaws {
    /// Whether fields were left out because there was no room.
    #[must_use]
    pub fn cut(self) -> bool {
        self.0 & flag::CUT != 0
    }

    /// Whether a `Debug` or `Display` failed or panicked.
    #[must_use]
    pub fn broken(self) -> bool {
        self.0 & flag::BROKEN != 0
    }
}

/// Writes the message and the fields of an event.
pub struct Writer<'a, 'b> {
    fields: Encoder<'a, 'b>,
    start: usize,
    message_len: usize,
    has_message: bool,
    max_len: usize,
}

impl<'a, 'b> Writer<'a, 'b> {
    fn new(out: &'a mut Buffer<'b>, max_len: usize) -> Writer<'a, 'b> {
        Writer {
            start: out.len(),
            fields: Encoder::new(out),
            message_len: 0,
            has_message: false,
            max_len,
        }
    }

    fn flags(&self) -> u16 {
        self.fields.flags
    }

    /// Writes the message as `{:?}` formats it. A second message becomes a field.
    #[inline]
    pub fn message(&mut self, text: &dyn fmt::Debug) {
        self.message_with(|out| write!(out, "{text:?}"));
    }

    /// Writes the message. A second message becomes a field.
    #[inline]
    pub fn message_str(&mut self, text: &str) {
        self.message_with(|out| out.write_str(text));
    }

    #[inline(always)]
    fn message_with(&mut self, format: impl FnOnce(&mut Buffer<'_>) -> fmt::Result) {
        if self.has_message {
            return self.fields.text_field("message", format);
        }
        self.has_message = true;
        let fields_end = self.fields.out.len();
        let room_for_fields = ROOM_FOR_FIELDS.min(self.max_len / 4);
        self.fields
            .out
            .set_limit((self.max_len - room_for_fields).max(fields_end));
        let formatted = catch_unwind(AssertUnwindSafe(|| format(&mut *self.fields.out)));
        self.fields.out.set_limit(self.max_len);
        if self.fields.out.take_cut() {
            self.fields.flags |= flag::CUT;
            if formatted.is_err() {
                self.fields.flags |= flag::BROKEN;
            }
        } else if !matches!(formatted, Ok(Ok(()))) {
            self.fields.flags |= flag::BROKEN;
        }
        self.message_len = self.fields.out.len() - fields_end;
        if fields_end > self.start {
            // In the layout, the message precedes the fields.
            self.fields.out.swap_ends(self.start, fields_end);
        }
    }

    /// Writes a field with a `bool` value.
    #[inline]
    pub fn bool(&mut self, key: &str, value: bool) {
        let kind = if value { kind::TRUE } else { kind::FALSE };
        self.fields.plain_field(key, kind, []);
    }

    /// Writes a field with an `i64` value.
    #[inline]
    pub fn i64(&mut self, key: &str, value: i64) {
        self.fields.plain_field(key, kind::I64, value.to_le_bytes());
    }

    /// Writes a field with a `u64` value.
    #[inline]
    pub fn u64(&mut self, key: &str, value: u64) {
        self.fields.plain_field(key, kind::U64, value.to_le_bytes());
    }

    /// Writes a field with an `i128` value.
    pub fn i128(&mut self, key: &str, value: i128) {
        self.fields
            .plain_field(key, kind::I128, value.to_le_bytes());
    }

    /// Writes a field with a `u128` value.
    pub fn u128(&mut self, key: &str, value: u128) {
        self.fields
            .plain_field(key, kind::U128, value.to_le_bytes());
    }

    /// Writes a field with an `f64` value.
    pub fn f64(&mut self, key: &str, value: f64) {
        self.fields.plain_field(key, kind::F64, value.to_le_bytes());
    }

    /// Writes a field with a `str` value.
    #[inline]
    pub fn str(&mut self, key: &str, value: &str) {
        self.fields.str_field(key, value);
    }

    /// Writes a field as `{:?}` formats it.
    pub fn debug(&mut self, key: &str, value: &dyn fmt::Debug) {
        self.fields.text_field(key, |out| write!(out, "{value:?}"));
    }

    /// Writes a field as `{}` formats it.
    pub fn display(&mut self, key: &str, value: &dyn fmt::Display) {
        self.fields.text_field(key, |out| write!(out, "{value}"));
    }

    /// Writes as many of the fields that [`pack_fields`] packed as fit.
    fn packed_fields(&mut self, mut packed: &[u8]) {
        if self.fields.out.push(packed) {
            return;
        }
        self.fields.flags |= flag::CUT;
        let mut fields = crate::Fields(packed);
        while fields.next().is_some() {
            let len = packed.len() - fields.0.len();
            if !self.fields.out.push(&packed[..len]) {
                return;
            }
            packed = fields.0;
        }
    }
}

impl fmt::Debug for Writer<'_, '_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Writer").finish_non_exhaustive()
    }
}

#[inline(always)]
fn encode<'a>(
    head: &Head<'_>,
    span: Option<&SpanHead<'_>>,
    buffer: &'a mut ThreadBuffer,
    write: impl FnOnce(&mut Writer<'_, '_>),
) -> &'a [u8] {
    let thread = buffer.thread_len();
    let bytes = &mut buffer.bytes;
    let mut len = HEADER + thread;
    let mut flags = 0;
    if let Some(id) = head.span {
        bytes[len..len + 8].copy_from_slice(&id.get().to_le_bytes());
        len += 8;
        flags |= flag::HAS_SPAN;
    }
    let mut out = Buffer::new(bytes, len, MAX_LEN);
    if let Some(span) = span {
        write_span(&mut out, span);
    }
    let names = match interned_names(head) {
        Some(names) => names,
        None => {
            out.set_limit(out.len() + MAX_LEN / 4);
            let names = write_names(&mut out, head);
            out.take_cut();
            out.set_limit(MAX_LEN);
            names
        }
    };
    let message_at = out.len();
    let mut writer = Writer::new(&mut out, MAX_LEN);
    write(&mut writer);
    let (message, written) = (writer.message_len, writer.flags());
    let len = out.len();
    if head.line.is_some() {
        flags |= flag::HAS_LINE;
    }
    let header = Header {
        level: head.level as u8,
        flags: names.flags | flags | written,
        line: head.line.unwrap_or(0),
        target: names.target,
        module: names.module,
        file: names.file,
        message: message as u16,
        fields: (len - message_at - message) as u16,
        thread: thread as u8,
        kind: match span {
            Some(_) => record::SPAN,
            None => record::EVENT,
        },
    };
    bytes[..HEADER].copy_from_slice(&header.to_bytes());
    &bytes[..len.min(MAX_LEN)]
}

/// The maximum number of ids in `follows_from` that are packed with a span.
const MAX_LINKS: usize = 16;

/// Returns the names of an event whose place is static and whose target is the module, as in nearly all
/// events.
#[inline]
fn interned_names(head: &Head<'_>) -> Option<Names> {
    let (module, file) = head.static_place?;
    if !std::ptr::eq(module, head.target) {
        return None;
    }
    Names::interned(module, file)
}

fn write_span(out: &mut Buffer<'_>, span: &SpanHead<'_>) {
    let parent = span.parent.map_or(0, NonZeroU64::get);
    out.push(&parent.to_le_bytes());
    out.push(&span.opened_at.to_le_bytes());
    let links = &span.follows_from[..span.follows_from.len().min(MAX_LINKS)];
    out.push(&[links.len() as u8]);
    for link in links {
        out.push(&link.to_le_bytes());
    }
}
