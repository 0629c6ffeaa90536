//! From a record to bytes.

use std::cell::RefCell;
use std::fmt::Write as _;
use std::panic::{AssertUnwindSafe, catch_unwind};

use log::Record;

use crate::buffer::Buffer;
use crate::layout::*;
use crate::{MAX_LEN, fields, intern};

/// How records are packed.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    self_contained: bool,
    max_len: usize,
}

impl Default for Options {
    /// For this process only, up to [`MAX_LEN`] bytes.
    fn default() -> Options {
        Options {
            self_contained: false,
            max_len: MAX_LEN,
        }
    }
}

impl Options {
    /// Whether module paths and file names are written out, so that another process can read
    /// the bytes; `false` by default.
    #[must_use = "returns the changed options"]
    pub const fn self_contained(mut self, yes: bool) -> Options {
        self.self_contained = yes;
        self
    }

    /// The most bytes for one record, between 256 and [`MAX_LEN`]; the latter by default.
    #[must_use = "returns the changed options"]
    pub const fn max_len(mut self, bytes: usize) -> Options {
        self.max_len = if bytes < 256 {
            256
        } else if bytes > MAX_LEN {
            MAX_LEN
        } else {
            bytes
        };
        self
    }
}

thread_local! {
    // It has no destructor, so it is still there when the destructor of another thread-local logs.
    static BUFFER: RefCell<ThreadBuffer> = const { RefCell::new(ThreadBuffer::new()) };
}

/// The longest thread name that is kept, in bytes.
const MAX_NAME: usize = 32;

/// Where a thread packs its records. The thread's name stays in place from record to record.
struct ThreadBuffer {
    bytes: [u8; MAX_LEN],
    /// 0 until the name is looked up.
    name_len: u8,
}

impl ThreadBuffer {
    const fn new() -> ThreadBuffer {
        ThreadBuffer {
            bytes: [0; MAX_LEN],
            name_len: 0,
        }
    }

    /// The length of the thread's name, which is in `bytes` behind the header from then on.
    #[inline]
    fn name_len(&mut self) -> usize {
        if self.name_len == 0 {
            self.look_up_name();
        }
        usize::from(self.name_len)
    }

    #[cold]
    fn look_up_name(&mut self) {
        let thread = std::thread::current();
        let mut name = Buffer::new(&mut self.bytes, HEADER, HEADER + MAX_NAME);
        match thread.name() {
            Some(text) if !text.is_empty() => {
                name.push_str(text);
            }
            _ => {
                // `ThreadId(n)` fits with a number of twenty digits.
                let _ = write!(name, "{:?}", thread.id());
            }
        }
        self.name_len = (name.len() - HEADER) as u8;
    }
}

/// Formats `record` once, into this thread's buffer, and hands the packed bytes to `f`.
///
/// A `Display` that logs is packed in a buffer of its own. One that fails or panics leaves what
/// it had written, and the record is marked as [broken](crate::Unpacked::broken); the panic goes
/// no further.
///
/// # Panics
///
/// Only if `f` does.
#[inline]
pub fn pack<R>(record: &Record<'_>, options: Options, f: impl FnOnce(&[u8]) -> R) -> R {
    let mut f = Some(f);
    let packed = BUFFER.try_with(|buffer| {
        let mut buffer = buffer.try_borrow_mut().ok()?;
        let packed = encode(record, options, &mut buffer);
        f.take().map(|f| f(packed))
    });
    match (packed, f) {
        (Ok(Some(result)), _) => result,
        (_, Some(f)) => on_the_stack(record, options, f),
        // The closure is taken only where its result is returned.
        (_, None) => unreachable!(),
    }
}

/// For a record that is logged while another one of this thread is being formatted: by a `Display`,
/// or by a signal handler, which may have interrupted the allocator.
#[cold]
#[inline(never)]
fn on_the_stack<R>(record: &Record<'_>, options: Options, f: impl FnOnce(&[u8]) -> R) -> R {
    f(encode(record, options, &mut ThreadBuffer::new()))
}

/// What stays for fields when a message would fill everything.
const ROOM_FOR_FIELDS: usize = 1024;

fn encode<'a>(record: &Record<'_>, options: Options, buffer: &'a mut ThreadBuffer) -> &'a [u8] {
    let thread = buffer.name_len();
    // Names share a quarter of the room, so that a huge target leaves some to the message.
    let names_end = options.max_len / 4;
    let mut out = Buffer::new(&mut buffer.bytes, HEADER + thread, names_end);
    let names = names(&mut out, record, options);
    let mut flags = names.flags;

    let field_count = record.key_values().count();
    let reserved = if field_count == 0 {
        0
    } else {
        ROOM_FOR_FIELDS.min(options.max_len / 4)
    };
    out.set_limit(options.max_len - reserved);
    let message_at = out.len();
    if !message(&mut out, record) {
        flags |= flag::BROKEN;
    }
    let fields_at = out.len();
    if field_count > 0 {
        out.set_limit(options.max_len);
        if !fields::encode(&mut out, record.key_values()) {
            flags |= flag::BROKEN;
        }
    }
    if out.was_cut() {
        flags |= flag::CUT;
    }

    let line = record.line();
    if line.is_some() {
        flags |= flag::HAS_LINE;
    }
    // Every length is below `MAX_LEN`, which fits.
    let header = Header {
        level: record.level() as u8,
        flags,
        line: line.unwrap_or(0),
        target: names.target,
        module: names.module,
        file: names.file,
        message: (fields_at - message_at) as u16,
        fields: (out.len() - fields_at) as u16,
        thread: thread as u8,
    };
    out.patch(0, header.to_bytes());
    out.into_written()
}

/// The names of a record's place as they stand in the header: numbers, or the lengths of texts.
#[derive(Default)]
struct Names {
    flags: u16,
    target: u16,
    module: u16,
    file: u16,
}

#[inline]
fn names(out: &mut Buffer<'_>, record: &Record<'_>, options: Options) -> Names {
    let mut names = Names::default();
    let number = match (record.module_path_static(), record.file_static()) {
        (Some(module), Some(file)) if !options.self_contained => intern::number(module, file),
        _ => None,
    };
    let module = record.module_path();
    if let Some(number) = number {
        names.flags =
            flag::HAS_MODULE | flag::MODULE_INTERNED | flag::HAS_FILE | flag::FILE_INTERNED;
        (names.module, names.file) = (number, number);
    } else if let Some(module) = module {
        names.flags = flag::HAS_MODULE;
        names.module = text(out, module);
    }
    let target = record.target();
    // As a rule they are one and the same string, which is quicker to see than that they are equal.
    if module.is_some_and(|module| std::ptr::eq(module, target) || module == target) {
        names.flags |= flag::TARGET_IS_MODULE;
    } else {
        names.target = text(out, target);
    }
    if let (None, Some(file)) = (number, record.file()) {
        names.flags |= flag::HAS_FILE;
        names.file = text(out, file);
    }
    names
}

/// Writes as much of a text as there is room for, and returns the length of that.
fn text(out: &mut Buffer<'_>, text: &str) -> u16 {
    let at = out.len();
    out.push_str(text);
    (out.len() - at) as u16
}

/// Whether the message's parts could be formatted; being cut is no failure.
#[inline]
fn message(out: &mut Buffer<'_>, record: &Record<'_>) -> bool {
    let args = record.args();
    if let Some(text) = args.as_str() {
        out.push_str(text);
        return true;
    }
    let formatted = catch_unwind(AssertUnwindSafe(|| out.write_fmt(*args)));
    matches!(formatted, Ok(Ok(()))) || (matches!(formatted, Ok(Err(_))) && out.was_cut())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name_in(builder: std::thread::Builder) -> String {
        let name = || {
            let mut buffer = Box::new(ThreadBuffer::new());
            let len = buffer.name_len();
            String::from_utf8(buffer.bytes[HEADER..HEADER + len].to_vec())
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
