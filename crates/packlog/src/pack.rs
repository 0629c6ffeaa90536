//! Encodes a record as bytes.

use std::cell::{Cell, RefCell};
use std::fmt::Write as _;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr;
use std::sync::atomic::{AtomicU32, Ordering};

use log::Record;

use crate::buffer::{Buffer, Bytes, PADDING};
use crate::head::Head;
use crate::layout::*;
use crate::static_record::prepare_static;
use crate::{MAX_LEN, fields, intern};

thread_local! {
    // It has no destructor, so the destructors of other thread-locals can still log.
    static BUFFER: RefCell<ThreadBuffer> = const { RefCell::new(ThreadBuffer::new()) };
}

/// The maximum length of a thread's name, in bytes. A longer name is cut.
pub(crate) const MAX_NAME: usize = 32;
const MAX_THREAD: usize = THREAD_NUMBER + MAX_NAME;

/// The buffer in which a thread packs its records. The thread's number and name are written once, after
/// the header, and stay there.
pub(crate) struct ThreadBuffer {
    pub(crate) bytes: Bytes,
    /// The length of number and name; 0 before they are written.
    thread_len: u8,
}

impl ThreadBuffer {
    const fn new() -> ThreadBuffer {
        ThreadBuffer {
            bytes: [0; MAX_LEN + PADDING],
            thread_len: 0,
        }
    }

    /// Returns the length of the thread's number and name, and writes them if this was not done yet.
    #[inline]
    pub(crate) fn thread_len(&mut self) -> usize {
        if self.thread_len == 0 {
            self.write_thread();
        }
        usize::from(self.thread_len)
    }

    #[cold]
    fn write_thread(&mut self) {
        let thread = std::thread::current();
        let mut name = Buffer::new(&mut self.bytes, HEADER, HEADER + MAX_THREAD);
        name.push(&thread_number().to_le_bytes());
        match thread.name() {
            Some(text) if !text.is_empty() => {
                name.push_str(text);
            }
            _ => {
                // `ThreadId(n)` fits even if the number has twenty digits.
                let _ = write!(name, "{:?}", thread.id());
            }
        }
        self.thread_len = (name.len() - HEADER) as u8;
    }
}

/// Returns the number of this thread; see [`Unpacked::thread_number`](crate::Unpacked::thread_number).
fn thread_number() -> u32 {
    thread_local! {
        static NUMBER: Cell<u32> = const { Cell::new(0) };
    }
    // Relaxed: only the uniqueness of the number matters.
    static NEXT: AtomicU32 = AtomicU32::new(1);
    if NUMBER.get() == 0 {
        NUMBER.set(NEXT.fetch_add(1, Ordering::Relaxed));
    }
    NUMBER.get()
}

/// Formats `record` into this thread's buffer and passes the packed bytes to `f`.
///
/// If a `Display` logs, its record is packed into another buffer. If a `Display` fails or panics, the
/// text that it had written is kept, and the record is marked as [broken](crate::Unpacked::broken).
///
/// # Panics
///
/// If `f` does.
#[inline]
pub fn pack<R>(record: &Record<'_>, f: impl FnOnce(&[u8]) -> R) -> R {
    with_buffer(f, |buffer, f| {
        let len = encode(record, buffer, has_fields(record));
        f(&buffer.bytes[..len])
    })
}

/// Like [`pack`], but the slice that `f` gets is longer than the record, whose length is the second
/// argument. The 32 bytes after the record are zeros, so it can be copied in whole blocks.
///
/// # Panics
///
/// If `f` does.
#[inline]
pub fn pack_padded<R>(record: &Record<'_>, f: impl FnOnce(&[u8], usize) -> R) -> R {
    with_buffer(f, |buffer, f| {
        let has_fields = has_fields(record);
        let common = match has_fields {
            true => None,
            false => encode_common(record, buffer),
        };
        let len = common.unwrap_or_else(|| encode(record, buffer, has_fields));
        if let Some(padding) = buffer.bytes[len..].first_chunk_mut() {
            *padding = [0; PADDING];
        }
        f(&buffer.bytes, len)
    })
}

/// Packs a record without key-values whose names are interned already. Returns its length.
#[inline(always)]
fn encode_common(record: &Record<'_>, buffer: &mut ThreadBuffer) -> Option<usize> {
    let (module, file) = static_place(record)?;
    let number = intern::find_place(module, file)?;
    let line = record.line()?;
    let thread = buffer.thread_len();
    let message_at = HEADER + thread;
    let limit = MAX_LEN;
    let (len, flags) = match record.args().as_str() {
        Some(text) if text.len() <= limit - (HEADER + MAX_THREAD) => {
            buffer.bytes[message_at..][..text.len()].copy_from_slice(text.as_bytes());
            let thread = &buffer.bytes[HEADER..message_at];
            prepare_static(number, (module, file), text, thread);
            (message_at + text.len(), 0)
        }
        _ => format_message(&mut buffer.bytes, message_at, limit, record),
    };
    let header = Header {
        level: record.level() as u8,
        flags: flag::INTERNED | flag::TARGET_IS_MODULE | flag::HAS_LINE | flags,
        line,
        target: 0,
        module: number,
        file: number,
        message: (len - message_at) as u16,
        fields: 0,
        thread: thread as u8,
        kind: record::EVENT,
    };
    buffer.bytes[..HEADER].copy_from_slice(&header.to_bytes());
    Some(len)
}

#[inline]
fn line_flag(record: &Record<'_>) -> u16 {
    match record.line() {
        Some(_) => flag::HAS_LINE,
        None => 0,
    }
}

/// Calls `work` with this thread's buffer and `f`.
#[inline(always)]
pub(crate) fn with_buffer<F, R>(f: F, work: impl Fn(&mut ThreadBuffer, F) -> R) -> R {
    let mut f = Some(f);
    let packed = BUFFER.try_with(|buffer| {
        let mut buffer = buffer.try_borrow_mut().ok()?;
        f.take().map(|f| work(&mut buffer, f))
    });
    match (packed, f) {
        (Ok(Some(result)), _) => result,
        (_, Some(f)) => with_buffer_on_the_stack(f, work),
        // `f` is taken only by the call whose result is returned.
        (_, None) => unreachable!(),
    }
}

/// For a record that is logged while this thread formats another one, by a `Display` or by a signal
/// handler. On the stack, because a signal handler may have interrupted the allocator.
#[cold]
#[inline(never)]
fn with_buffer_on_the_stack<F, R>(f: F, work: impl Fn(&mut ThreadBuffer, F) -> R) -> R {
    work(&mut ThreadBuffer::new(), f)
}

/// How many bytes a long message leaves free for fields.
pub(crate) const ROOM_FOR_FIELDS: usize = 1024;

// Not inlined into other crates, because its own inlined parts would become calls there.
#[inline(never)]
fn encode(record: &Record<'_>, buffer: &mut ThreadBuffer, has_fields: bool) -> usize {
    let thread = buffer.thread_len();
    let bytes = &mut buffer.bytes;
    let mut len = HEADER + thread;
    let mut names = match interned_names(record) {
        Some(names) => names,
        None => {
            let mut out = Buffer::new(bytes, len, MAX_LEN / 4);
            let names = write_names(&mut out, &Head::of(record));
            len = out.len();
            names
        }
    };
    let message_at = len;
    let limit = match has_fields {
        true => MAX_LEN - ROOM_FOR_FIELDS.min(MAX_LEN / 4),
        false => MAX_LEN,
    };
    match record.args().as_str() {
        // A message without arguments is copied, not formatted.
        Some(text) if text.len() <= limit - len => {
            bytes[len..][..text.len()].copy_from_slice(text.as_bytes());
            len += text.len();
        }
        _ => {
            let (end, flags) = format_message(bytes, len, limit, record);
            names.flags |= flags;
            len = end;
        }
    }
    let fields_at = len;
    if has_fields {
        let mut out = Buffer::new(bytes, len, MAX_LEN);
        names.flags |= fields::encode(&mut out, record.key_values());
        len = out.len();
    }
    // Every length is at most `MAX_LEN`, which fits into 16 bits.
    let header = Header {
        level: record.level() as u8,
        flags: names.flags | line_flag(record),
        line: record.line().unwrap_or(0),
        target: names.target,
        module: names.module,
        file: names.file,
        message: (fields_at - message_at) as u16,
        fields: (len - fields_at) as u16,
        thread: thread as u8,
        kind: record::EVENT,
    };
    bytes[..HEADER].copy_from_slice(&header.to_bytes());
    len.min(MAX_LEN)
}

/// Whether the record has key-values. Returns true if the source of key-values panics.
#[inline]
pub fn has_fields(record: &Record<'_>) -> bool {
    let count = catch_unwind(AssertUnwindSafe(|| record.key_values().count()));
    !matches!(count, Ok(0))
}

/// The names of a record as in the header: interned numbers, or lengths of texts.
pub(crate) struct Names {
    pub(crate) flags: u16,
    pub(crate) target: u16,
    pub(crate) module: u16,
    pub(crate) file: u16,
}

impl Names {
    /// The names of an interned place whose target is the module.
    #[inline]
    pub(crate) fn interned(module: &'static str, file: &'static str) -> Option<Names> {
        let number = intern::intern_place(module, file)?;
        Some(Names {
            flags: flag::INTERNED | flag::TARGET_IS_MODULE,
            target: 0,
            module: number,
            file: number,
        })
    }
}

/// Returns the names of a record whose module and file are static and whose target is the module, as in
/// nearly all records.
#[inline]
fn interned_names(record: &Record<'_>) -> Option<Names> {
    let (module, file) = static_place(record)?;
    Names::interned(module, file)
}

/// Returns module and file if they are static and the target is the module.
#[inline]
fn static_place(record: &Record<'_>) -> Option<(&'static str, &'static str)> {
    let module = record.module_path_static()?;
    let file = record.file_static()?;
    ptr::eq(module, record.target()).then_some((module, file))
}

/// Writes the names that are not interned.
#[inline(never)]
pub(crate) fn write_names(out: &mut Buffer<'_>, head: &Head<'_>) -> Names {
    let mut names = Names {
        flags: 0,
        target: 0,
        module: 0,
        file: 0,
    };
    let number = head
        .static_place
        .and_then(|(module, file)| intern::intern_place(module, file));
    if let Some(number) = number {
        names.flags = flag::INTERNED;
        (names.module, names.file) = (number, number);
    } else if let Some(module) = head.module {
        names.flags = flag::HAS_MODULE;
        names.module = write_text(out, module);
    }
    if head.module == Some(head.target) {
        names.flags |= flag::TARGET_IS_MODULE;
    } else {
        names.target = write_text(out, head.target);
    }
    if let (None, Some(file)) = (number, head.file) {
        names.flags |= flag::HAS_FILE;
        names.file = write_text(out, file);
    }
    if out.was_cut() {
        names.flags |= flag::CUT;
    }
    names
}

/// Writes as much of a text as fits, and returns the length of that part.
fn write_text(out: &mut Buffer<'_>, text: &str) -> u16 {
    let at = out.len();
    out.push_str(text);
    (out.len() - at) as u16
}

/// Formats the message into `bytes`, from `at` to at most `limit`. Returns its end, and flags if it was
/// cut or is broken.
#[inline(never)]
fn format_message(bytes: &mut Bytes, at: usize, limit: usize, record: &Record<'_>) -> (usize, u16) {
    let mut out = Buffer::new(bytes, at, limit);
    let formatted = catch_unwind(AssertUnwindSafe(|| out.write_fmt(*record.args())));
    let flags = match formatted {
        Ok(Ok(())) => 0,
        Ok(Err(_)) if out.was_cut() => flag::CUT,
        _ if out.was_cut() => flag::CUT | flag::BROKEN,
        _ => flag::BROKEN,
    };
    (out.len().min(MAX_LEN), flags)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn packed_name(builder: std::thread::Builder) -> String {
        let name = || {
            let mut buffer = Box::new(ThreadBuffer::new());
            let len = buffer.thread_len();
            String::from_utf8(buffer.bytes[HEADER + THREAD_NUMBER..HEADER + len].to_vec())
        };
        builder.spawn(name).unwrap().join().unwrap().unwrap()
    }

    #[test]
    fn a_thread_name_is_kept_cut_or_replaced_by_the_id() {
        let named = |name: &str| packed_name(std::thread::Builder::new().name(name.to_owned()));
        assert_eq!(named("worker-7"), "worker-7");
        assert_eq!(named(&"ä".repeat(20)), "ä".repeat(16));
        assert!(packed_name(std::thread::Builder::new()).starts_with("ThreadId("));
    }
}
