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
use crate::static_record::become_static;
use crate::{MAX_LEN, fields, intern};

thread_local! {
    // It has no destructor, so it is still there when the destructor of another thread-local logs.
    static BUFFER: RefCell<ThreadBuffer> = const { RefCell::new(ThreadBuffer::new()) };
}

/// The longest thread name that is kept, in bytes.
pub(crate) const MAX_NAME: usize = 32;
/// With the thread's number.
const MAX_THREAD: usize = THREAD_NUMBER + MAX_NAME;

/// Where a thread packs its records. The thread's number and name stay in place from record to
/// record.
pub(crate) struct ThreadBuffer {
    pub(crate) bytes: Bytes,
    /// 0 until the name is looked up.
    thread_len: u8,
}

impl ThreadBuffer {
    const fn new() -> ThreadBuffer {
        ThreadBuffer {
            bytes: [0; MAX_LEN + PADDING],
            thread_len: 0,
        }
    }

    /// The length of the thread's number and name, which are in `bytes` behind the header from then on.
    #[inline]
    pub(crate) fn thread_len(&mut self) -> usize {
        if self.thread_len == 0 {
            self.look_up_thread();
        }
        usize::from(self.thread_len)
    }

    #[cold]
    fn look_up_thread(&mut self) {
        let thread = std::thread::current();
        let mut name = Buffer::new(&mut self.bytes, HEADER, HEADER + MAX_THREAD);
        name.push(&thread_number().to_le_bytes());
        match thread.name() {
            Some(text) if !text.is_empty() => {
                name.push_str(text);
            }
            _ => {
                // `ThreadId(n)` fits with a number of twenty digits.
                let _ = write!(name, "{:?}", thread.id());
            }
        }
        self.thread_len = (name.len() - HEADER) as u8;
    }
}

/// The number of this thread; see [`Unpacked::thread_number`](crate::Unpacked::thread_number).
fn thread_number() -> u32 {
    thread_local! {
        static NUMBER: Cell<u32> = const { Cell::new(0) };
    }
    // Relaxed: the number stands for itself.
    static NEXT: AtomicU32 = AtomicU32::new(1);
    if NUMBER.get() == 0 {
        NUMBER.set(NEXT.fetch_add(1, Ordering::Relaxed));
    }
    NUMBER.get()
}

/// Formats `record` into this thread's buffer and passes the packed bytes to `f`.
///
/// A `Display` that logs is packed into a buffer of its own. One that fails or panics keeps what
/// it had written, and the record is marked as [broken](crate::Unpacked::broken).
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

/// As [`pack`], but `f` gets more bytes than the packed record has, and its length. The next 32
/// bytes are zeros.
///
/// So a copy of the record can be made in whole blocks.
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

/// Packs a record without key-values whose names have numbers. Returns its length.
#[inline(always)]
fn encode_common(record: &Record<'_>, buffer: &mut ThreadBuffer) -> Option<usize> {
    let (module, file) = static_place(record)?;
    let number = intern::known(module, file)?;
    let line = record.line()?;
    let thread = buffer.thread_len();
    let message_at = HEADER + thread;
    let limit = MAX_LEN;
    let (len, flags) = match record.args().as_str() {
        Some(text) if text.len() <= limit - (HEADER + MAX_THREAD) => {
            buffer.bytes[message_at..][..text.len()].copy_from_slice(text.as_bytes());
            let thread = &buffer.bytes[HEADER..message_at];
            become_static(number, (module, file), text, thread);
            (message_at + text.len(), 0)
        }
        _ => message(&mut buffer.bytes, message_at, limit, record),
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
        // The closure is taken only where its result is returned.
        (_, None) => unreachable!(),
    }
}

/// For a record that is logged while this thread formats another one: by a `Display`, or by a
/// signal handler, which may have interrupted the allocator.
#[cold]
#[inline(never)]
fn with_buffer_on_the_stack<F, R>(f: F, work: impl Fn(&mut ThreadBuffer, F) -> R) -> R {
    work(&mut ThreadBuffer::new(), f)
}

/// How much is kept free for fields if the message would fill everything, in bytes.
pub(crate) const ROOM_FOR_FIELDS: usize = 1024;

// Not inlined into other crates: there the parts below would become calls.
#[inline(never)]
fn encode(record: &Record<'_>, buffer: &mut ThreadBuffer, has_fields: bool) -> usize {
    let thread = buffer.thread_len();
    let bytes = &mut buffer.bytes;
    let mut len = HEADER + thread;
    let mut names = match interned_names(record) {
        Some(names) => names,
        None => {
            let mut out = Buffer::new(bytes, len, MAX_LEN / 4);
            let names = written_names(&mut out, &Head::of(record));
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
        // Most messages without arguments fit, and are copied by this.
        Some(text) if text.len() <= limit - len => {
            bytes[len..][..text.len()].copy_from_slice(text.as_bytes());
            len += text.len();
        }
        _ => {
            let (end, flags) = message(bytes, len, limit, record);
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
    // Every length is at most `MAX_LEN`, which fits.
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

/// Whether the record has key-values. A source that panics counts as having some.
#[inline]
pub fn has_fields(record: &Record<'_>) -> bool {
    let count = catch_unwind(AssertUnwindSafe(|| record.key_values().count()));
    !matches!(count, Ok(0))
}

/// The names of a record as they are in the header: numbers, or the lengths of texts.
pub(crate) struct Names {
    pub(crate) flags: u16,
    pub(crate) target: u16,
    pub(crate) module: u16,
    pub(crate) file: u16,
}

impl Names {
    /// Those of a place that has a number, where the target is the module.
    #[inline]
    pub(crate) fn interned(module: &'static str, file: &'static str) -> Option<Names> {
        let number = intern::number(module, file)?;
        Some(Names {
            flags: flag::INTERNED | flag::TARGET_IS_MODULE,
            target: 0,
            module: number,
            file: number,
        })
    }
}

/// The names of nearly all records: module and file are static and have a number, and the target
/// is the module.
#[inline]
fn interned_names(record: &Record<'_>) -> Option<Names> {
    let (module, file) = static_place(record)?;
    Names::interned(module, file)
}

/// Module and file, where both may have a number and the target is the module.
#[inline]
fn static_place(record: &Record<'_>) -> Option<(&'static str, &'static str)> {
    let module = record.module_path_static()?;
    let file = record.file_static()?;
    ptr::eq(module, record.target()).then_some((module, file))
}

/// Writes the names that have no number. Together they get a quarter of the room.
#[inline(never)]
pub(crate) fn written_names(out: &mut Buffer<'_>, head: &Head<'_>) -> Names {
    let mut names = Names {
        flags: 0,
        target: 0,
        module: 0,
        file: 0,
    };
    let number = head
        .static_place
        .and_then(|(module, file)| intern::number(module, file));
    if let Some(number) = number {
        names.flags = flag::INTERNED;
        (names.module, names.file) = (number, number);
    } else if let Some(module) = head.module {
        names.flags = flag::HAS_MODULE;
        names.module = text(out, module);
    }
    if head.module == Some(head.target) {
        names.flags |= flag::TARGET_IS_MODULE;
    } else {
        names.target = text(out, head.target);
    }
    if let (None, Some(file)) = (number, head.file) {
        names.flags |= flag::HAS_FILE;
        names.file = text(out, file);
    }
    if out.was_cut() {
        names.flags |= flag::CUT;
    }
    names
}

/// Writes as much of a text as there is room for, and returns the length of that.
fn text(out: &mut Buffer<'_>, text: &str) -> u16 {
    let at = out.len();
    out.push_str(text);
    (out.len() - at) as u16
}

/// Writes the message to `bytes`, from `at` to `limit`. Returns its end, and the flags that say how
/// that went.
#[inline(never)]
fn message(bytes: &mut Bytes, at: usize, limit: usize, record: &Record<'_>) -> (usize, u16) {
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

    fn name_in(builder: std::thread::Builder) -> String {
        let name = || {
            let mut buffer = Box::new(ThreadBuffer::new());
            let len = buffer.thread_len();
            String::from_utf8(buffer.bytes[HEADER + THREAD_NUMBER..HEADER + len].to_vec())
        };
        builder.spawn(name).unwrap().join().unwrap().unwrap()
    }

    #[test]
    fn a_thread_name_is_kept_cut_or_replaced_by_the_id() {
        let named = |name: &str| name_in(std::thread::Builder::new().name(name.to_owned()));
        assert_eq!(named("worker-7"), "worker-7");
        assert_eq!(named(&"ä".repeat(20)), "ä".repeat(16));
        assert!(name_in(std::thread::Builder::new()).starts_with("ThreadId("));
    }
}
