//! From a record to bytes.

use std::cell::RefCell;
use std::fmt::Write as _;

use log::Record;

use crate::buffer::Buffer;
use crate::desk::Desk;
use crate::layout::*;
use crate::{MAX_LEN, fields, intern};
use std::panic::{AssertUnwindSafe, catch_unwind};

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
    // No destructor, so it is neither registered nor ever gone, and a line logged from another
    // thread-local's destructor is packed like any other.
    static DESK: RefCell<Desk> = const { RefCell::new(Desk::new()) };
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
    let packed = DESK.try_with(|desk| {
        let mut desk = desk.try_borrow_mut().ok()?;
        let packed = encode(record, options, &mut desk);
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
    f(encode(record, options, &mut Desk::new()))
}

/// What stays for fields when a message would fill everything.
const ROOM_FOR_FIELDS: usize = 1024;

fn encode<'a>(record: &Record<'_>, options: Options, desk: &'a mut Desk) -> &'a [u8] {
    let thread = desk.thread_name_len();
    // Names share a quarter of the room, so that a huge target leaves some to the message.
    let names_end = options.max_len / 4;
    let mut out = Buffer::new(&mut desk.bytes, HEADER + thread, names_end);
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
