//! Decodes bytes into a record.

use std::borrow::Cow;
use std::fmt;
use std::ops::Range;

use log::Level;

use crate::fields::Fields;
use crate::intern;
use crate::layout::*;

/// An unpacked record.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Unpacked<'a> {
    /// The level.
    pub level: Level,
    /// The target. By default, this is the module path.
    pub target: &'a str,
    /// The module that logged the record.
    pub module_path: Option<&'a str>,
    /// The source file, with the path that the compiler was given.
    pub file: Option<&'a str>,
    /// The line in the file, from 1.
    pub line: Option<u32>,
    /// The name of the thread that logged the record, cut to 32 bytes; `ThreadId(n)` if it has no name.
    pub thread: &'a str,
    /// The number of that thread. The threads of a process are numbered from 1, in the order in which
    /// they began to log. `None` in a record of an earlier version, and in [`RecordKind::SpanClosed`].
    pub thread_number: Option<u32>,
    /// The formatted message.
    pub message: Cow<'a, str>,
    /// Whether the end of the message was cut, or fields were left out, because they did not fit.
    pub cut: bool,
    /// Whether a `Display` failed or panicked while the message or a field was formatted. The text that
    /// it had written is kept.
    pub broken: bool,
    /// The id of the span in which the event happened, or of the span that this record describes.
    pub span: Option<u64>,
    /// The kind of the record.
    pub kind: RecordKind<'a>,
    fields: Fields<'a>,
}

/// The kind of a packed record.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum RecordKind<'a> {
    /// A log record, or an event.
    Event,
    /// A span. Its name is the message, and its id is [`span`](Unpacked::span).
    Span(OpenedSpan<'a>),
    /// The end of a span. The record has only the span's id.
    SpanClosed,
}

/// The data of a span that events do not have.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct OpenedSpan<'a> {
    /// The id of its parent.
    pub parent: Option<u64>,
    /// The time when it was opened, in nanoseconds since 1970.
    pub opened_at: u64,
    links: &'a [u8],
}

impl OpenedSpan<'_> {
    /// Returns the ids of the spans that it follows from.
    pub fn follows_from(&self) -> impl Iterator<Item = u64> + use<'_> {
        let (links, _) = self.links.as_chunks::<8>();
        links.iter().map(|link| u64::from_le_bytes(*link))
    }
}

impl<'a> Unpacked<'a> {
    /// Returns the key-values, in the order in which they were logged.
    pub fn fields(&self) -> Fields<'a> {
        self.fields.clone()
    }
}

/// Replaces the name of the thread in a packed record by the result of `map`. Returns `None` if the
/// result is borrowed, or if `packed` is not a packed record. The name is cut after 251 bytes.
#[must_use]
pub fn map_thread(packed: &[u8], map: impl FnOnce(&str) -> Cow<'_, str>) -> Option<Vec<u8>> {
    let (header, rest) = packed.split_first_chunk::<HEADER>()?;
    let mut header = Header::from_bytes(header)?;
    let version = packed[0];
    let (thread, rest) = rest.split_at_checked(header.thread.into())?;
    let (number, name) = split_thread(version, thread);
    let Cow::Owned(mut name) = map(std::str::from_utf8(name).ok()?) else {
        return None;
    };
    let number = number.as_ref().map_or(&[][..], |number| number);
    let mut len = name.len().min(usize::from(u8::MAX) - number.len());
    while !name.is_char_boundary(len) {
        len -= 1;
    }
    name.truncate(len);
    // It fits into a byte, because the name was cut.
    header.thread = (number.len() + len) as u8;
    let mut mapped = header.to_bytes().to_vec();
    mapped[0] = version;
    mapped.extend_from_slice(number);
    mapped.extend_from_slice(name.as_bytes());
    mapped.extend_from_slice(rest);
    Some(mapped)
}

/// Level, target and thread of a packed event; see [`origin`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Origin<'a> {
    /// The level.
    pub level: Level,
    /// The target. By default, this is the module path.
    pub target: &'a str,
    /// See [`Unpacked::thread_number`].
    pub thread_number: Option<u32>,
}

/// Reads only the level, the target and the thread of a packed event, which is much faster than
/// [`unpack`]. Returns `None` for spans, and for bytes that this process can't read.
#[must_use]
pub fn origin(bytes: &[u8]) -> Option<Origin<'_>> {
    let (header, mut rest) = bytes.split_first_chunk::<HEADER>()?;
    let header = Header::from_bytes(header)?;
    if header.kind != record::EVENT {
        return None;
    }
    let thread = take(&mut rest, header.thread.into()).ok()?;
    let (number, _) = split_thread(bytes[0], thread);
    let has = |bit: u16| header.flags & bit != 0;
    if has(flag::HAS_SPAN) {
        take(&mut rest, 8).ok()?;
    }
    let module = if has(flag::MODULE_INTERNED) {
        Some(interned(header.module).ok()?.module)
    } else if has(flag::HAS_MODULE) {
        Some(text(&mut rest, header.module).ok()?)
    } else {
        None
    };
    let target = match module {
        Some(module) if has(flag::TARGET_IS_MODULE) => module,
        _ => text(&mut rest, header.target).ok()?,
    };
    Some(Origin {
        level: level(header.level).ok()?,
        target,
        thread_number: number.map(u32::from_le_bytes),
    })
}

fn level(number: u8) -> Result<Level, Error> {
    Ok(match number {
        1 => Level::Error,
        2 => Level::Warn,
        3 => Level::Info,
        4 => Level::Debug,
        5 => Level::Trace,
        _ => return Err(Error("the level is unknown")),
    })
}

/// Returns a mask for the first 24 bytes of a packed record. The bits in the mask, together with the bytes
/// in the range of [`origin_bytes`], determine the record's [`origin`].
#[must_use]
pub const fn origin_mask() -> [u8; 24] {
    ORIGIN_MASK
}

/// Returns the byte range, in a packed event, of the names that belong to its [`origin`] and are not
/// interned. Returns `None` for spans, and for records of earlier versions.
///
/// `head` is the first 24 bytes of the record. Bits outside [`origin_mask`] are ignored. Events that are
/// equal in the bits of the mask and in this range have the same origin.
#[must_use]
pub fn origin_bytes(head: &[u8; 24]) -> Option<Range<usize>> {
    let header = Header::from_bytes(head.first_chunk()?)?;
    if head[0] != VERSION || header.kind != record::EVENT {
        return None;
    }
    let has = |bit: u16| header.flags & bit != 0;
    let span = if has(flag::HAS_SPAN) { 8 } else { 0 };
    let module = match has(flag::HAS_MODULE) && !has(flag::MODULE_INTERNED) {
        true => header.module.into(),
        false => 0,
    };
    let target = match has(flag::TARGET_IS_MODULE) {
        true => 0,
        false => header.target.into(),
    };
    let start = HEADER + usize::from(header.thread) + span;
    Some(start..start + module + target)
}

/// Reads a record that [`pack`](crate::pack) packed.
///
/// Names in a record of another process are numbers that this process can't resolve, until
/// [`Places::write_out`](crate::Places::write_out) replaces them.
///
/// # Errors
///
/// If `bytes` is not a complete packed record, or one that only another process can read.
pub fn unpack(bytes: &[u8]) -> Result<Unpacked<'_>, Error> {
    let Some((header, mut rest)) = bytes.split_first_chunk::<HEADER>() else {
        return Err(Error("shorter than a record's header"));
    };
    let header =
        Header::from_bytes(header).ok_or(Error("not a record, or packed by another version"))?;
    let has = |bit: u16| header.flags & bit != 0;
    let level = level(header.level)?;
    let thread = take(&mut rest, header.thread.into())?;
    let (thread_number, thread) = split_thread(bytes[0], thread);
    let thread = std::str::from_utf8(thread).map_err(|_| Error("a name is not UTF-8"))?;
    let span = match has(flag::HAS_SPAN) {
        true => Some(number(&mut rest)?),
        false => None,
    };
    let kind = match header.kind {
        record::EVENT => RecordKind::Event,
        record::SPAN => RecordKind::Span(opened_span(&mut rest)?),
        record::SPAN_CLOSED => RecordKind::SpanClosed,
        _ => return Err(Error("the kind of the record is unknown")),
    };
    let module_path = if has(flag::MODULE_INTERNED) {
        Some(interned(header.module)?.module)
    } else if has(flag::HAS_MODULE) {
        Some(text(&mut rest, header.module)?)
    } else {
        None
    };
    let target = if has(flag::TARGET_IS_MODULE) {
        module_path.ok_or(Error(
            "the target should be the module path, which is missing",
        ))?
    } else {
        text(&mut rest, header.target)?
    };
    let file = if has(flag::FILE_INTERNED) {
        Some(interned(header.file)?.file)
    } else if has(flag::HAS_FILE) {
        Some(text(&mut rest, header.file)?)
    } else {
        None
    };
    let message = if has(flag::MESSAGE_INTERNED) {
        let message = intern::message(header.message);
        message
            .map(Cow::Borrowed)
            .ok_or(Error("a message's number is unknown in this process"))?
    } else {
        String::from_utf8_lossy(take(&mut rest, header.message)?)
    };
    let fields = Fields(take(&mut rest, header.fields)?);
    if !rest.is_empty() {
        return Err(Error("there are more bytes after the record"));
    }
    if !fields.are_well_formed() {
        return Err(Error("the key-values are malformed"));
    }
    Ok(Unpacked {
        level,
        target,
        module_path,
        file,
        line: has(flag::HAS_LINE).then_some(header.line),
        thread,
        thread_number: thread_number.map(u32::from_le_bytes),
        message,
        cut: has(flag::CUT),
        broken: has(flag::BROKEN),
        span,
        kind,
        fields,
    })
}

fn take<'a>(rest: &mut &'a [u8], len: u16) -> Result<&'a [u8], Error> {
    let (taken, left) = rest
        .split_at_checked(len.into())
        .ok_or(Error("shorter than its header says"))?;
    *rest = left;
    Ok(taken)
}

fn number(rest: &mut &[u8]) -> Result<u64, Error> {
    let bytes = take(rest, 8)?;
    let bytes = bytes.try_into().map_err(|_| Error("no number"))?;
    Ok(u64::from_le_bytes(bytes))
}

fn opened_span<'a>(rest: &mut &'a [u8]) -> Result<OpenedSpan<'a>, Error> {
    let parent = number(rest)?;
    let opened_at = number(rest)?;
    let links = take(rest, 1)?.first().map_or(0, |&count| u16::from(count));
    Ok(OpenedSpan {
        parent: (parent != 0).then_some(parent),
        opened_at,
        links: take(rest, links * 8)?,
    })
}

fn text<'a>(rest: &mut &'a [u8], len: u16) -> Result<&'a str, Error> {
    std::str::from_utf8(take(rest, len)?).map_err(|_| Error("a name is not UTF-8"))
}

fn interned(number: u16) -> Result<intern::Place, Error> {
    intern::place(number).ok_or(Error("a name's number is unknown in this process"))
}

/// The bytes are not a packed record, or not one that this process can read.
#[derive(Debug)]
pub struct Error(&'static str);

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "cannot unpack a log record: {}", self.0)
    }
}

impl std::error::Error for Error {}
