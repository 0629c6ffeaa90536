//! From a record to bytes.

use std::cell::RefCell;
use std::fmt::Write as _;

use log::Record;

use super::buffer::Buffer;
use super::layout::*;
use super::{MAX_LEN, fields, intern, thread};
use crate::caught::caught;

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
    static BUFFER: RefCell<[u8; MAX_LEN]> = const { RefCell::new([0; MAX_LEN]) };
}

/// Formats `record` once, into this thread's buffer, and hands the packed bytes to `f`.
///
/// A `Display` that logs is packed in a buffer of its own. One that fails or panics leaves what
/// it had written, and the record is marked as [broken](super::Unpacked::broken); the panic goes
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
        let len = encode(record, options, &mut buffer[..]);
        f.take().map(|f| f(&buffer[..len]))
    });
    match (packed, f) {
        (Ok(Some(result)), _) => result,
        (_, Some(f)) => on_the_heap(record, options, f),
        // The closure is taken only where its result is returned.
        (_, None) => unreachable!(),
    }
}

/// For a record that is logged while another one of this thread is being formatted.
#[cold]
fn on_the_heap<R>(record: &Record<'_>, options: Options, f: impl FnOnce(&[u8]) -> R) -> R {
    let mut buffer = vec![0; options.max_len];
    let len = encode(record, options, &mut buffer);
    f(&buffer[..len])
}

/// What stays for fields when a message would fill everything.
const ROOM_FOR_FIELDS: usize = 1024;

fn encode(record: &Record<'_>, options: Options, bytes: &mut [u8]) -> usize {
    let mut flags = 0;
    let mut out = Buffer::new(bytes, HEADER, options.max_len);

    // Names share a quarter of the room, so that a huge target leaves some to the message.
    let names = options.max_len / 4;
    let thread_len = thread::with_name(|name| {
        out.push(name);
        name.len()
    });
    out.set_limit(names);

    let module = name(
        &mut out,
        record.module_path(),
        record
            .module_path_static()
            .filter(|_| !options.self_contained),
    );
    let target = if record
        .module_path()
        .is_some_and(|path| path == record.target())
    {
        flags |= flag::TARGET_IS_MODULE;
        0
    } else {
        name(&mut out, Some(record.target()), None).number
    };
    let file = name(
        &mut out,
        record.file(),
        record.file_static().filter(|_| !options.self_contained),
    );
    flags |= module.flags(flag::HAS_MODULE, flag::MODULE_INTERNED);
    flags |= file.flags(flag::HAS_FILE, flag::FILE_INTERNED);

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
    let message_len = out.len() - message_at;

    let fields_at = out.len();
    if field_count > 0 {
        out.set_limit(options.max_len);
        if !fields::encode(&mut out, record.key_values()) {
            flags |= flag::BROKEN;
        }
    }
    let fields_len = out.len() - fields_at;
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
        target,
        module: module.number,
        file: file.number,
        message: message_len as u16,
        fields: fields_len as u16,
        thread: thread_len as u8,
    };
    out.patch(0, header.to_bytes());
    out.len()
}

/// A name as it stands in the header: an interned number, or the length of the text.
struct Name {
    present: bool,
    interned: bool,
    number: u16,
}

impl Name {
    fn flags(&self, has: u16, is_interned: u16) -> u16 {
        (if self.present { has } else { 0 }) | (if self.interned { is_interned } else { 0 })
    }
}

#[inline]
fn name(out: &mut Buffer<'_>, text: Option<&str>, interned: Option<&'static str>) -> Name {
    if let Some(number) = interned.and_then(intern::number) {
        return Name {
            present: true,
            interned: true,
            number,
        };
    }
    let at = out.len();
    if let Some(text) = text {
        out.push_str(text);
    }
    Name {
        present: text.is_some(),
        interned: false,
        number: (out.len() - at) as u16,
    }
}

/// Whether the message's parts could be formatted; being cut is no failure.
#[inline]
fn message(out: &mut Buffer<'_>, record: &Record<'_>) -> bool {
    let args = record.args();
    if let Some(text) = args.as_str() {
        out.push_str(text);
        return true;
    }
    let formatted = caught(|| out.write_fmt(*args));
    matches!(formatted, Ok(Ok(()))) || (matches!(formatted, Ok(Err(_))) && out.was_cut())
}
