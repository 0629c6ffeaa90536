//! Records whose texts are all static. They are packed into a few words, without a buffer.

use std::cell::Cell;
use std::marker::PhantomData;
use std::ptr;

use log::Record;

use crate::intern;
use crate::layout::*;
use crate::pack::MAX_NAME;

/// The maximum length of a [`StaticRecord`], in words.
pub const STATIC_WORDS: usize = 3 + MAX_NAME / 8;

thread_local! {
    // A `Cell`, because its `get` is inlined.
    static THREAD: Cell<StaticThread> = const { Cell::new(StaticThread::NOT_SET) };
}

/// A packed record of this thread whose texts are all static; made by [`pack_static`].
#[derive(Clone, Copy, Debug)]
pub struct StaticRecord {
    first: u64,
    second: u64,
    /// Not `Send`: the other words belong to the thread.
    not_send: PhantomData<*const ()>,
}

impl StaticRecord {
    /// Returns a word of the record, in little-endian order. Unused bytes at the end are zeros.
    ///
    /// # Panics
    ///
    /// If `at` is not less than [`STATIC_WORDS`].
    #[inline(always)]
    #[must_use]
    pub fn word(&self, at: usize) -> u64 {
        match at {
            0 => self.first,
            1 => self.second,
            // Read only when needed, because there are too few registers to hold all words.
            _ => THREAD.get().words[at - 2],
        }
    }
}

/// Returns the length in bytes of a [`StaticRecord`] of this thread. Before
/// [`pack_padded`](crate::pack_padded) has packed such a record on this thread, it is `usize::MAX`.
#[inline(always)]
#[must_use]
pub fn static_len() -> usize {
    THREAD.get().len
}

/// Packs a record whose message and names are static and interned. This is much faster than
/// [`pack`](crate::pack), and the record contains only the number of the message.
///
/// Key-values are not packed: check [`has_fields`](crate::has_fields) before.
///
/// [`pack_padded`](crate::pack_padded) interns the message and the names when it packs such a record, if
/// the message has at most 128 bytes. Before that, and for other records, this returns `None`. Another
/// process can't read the bytes.
#[inline(always)]
#[must_use]
pub fn pack_static(record: &Record<'_>) -> Option<StaticRecord> {
    let text = record.args().as_str()?;
    let module = record.module_path_static()?;
    let message = intern::message_candidate(module, text)?;
    // Each name is read just before it is compared, because there are few registers.
    let is_same = message.is_same(module, text)
        && ptr::eq(module, record.target())
        && message.is_in_file(record.file_static()?);
    if !is_same {
        return None;
    }
    let header = Header {
        level: record.level() as u8,
        flags: STATIC_FLAGS,
        line: record.line()?,
        ..Header::default()
    };
    let (first, _, _) = header.to_words();
    Some(StaticRecord {
        first,
        second: message.value,
        not_send: PhantomData,
    })
}

const STATIC_FLAGS: u16 =
    flag::INTERNED | flag::TARGET_IS_MODULE | flag::HAS_LINE | flag::MESSAGE_INTERNED;

/// The maximum length of an interned message, in bytes. Interned messages do not count towards the
/// limit in bytes of a tail, but make a dump longer, so they must be short.
const MAX_MESSAGE: usize = 128;

/// Makes [`pack_static`] work for the next record of this place and message. `number` is that of the
/// place, `thread` the thread's number and name.
#[inline(never)]
pub(crate) fn prepare_static(
    number: u16,
    (module, file): (&'static str, &'static str),
    message: &'static str,
    thread: &[u8],
) {
    if message.len() > MAX_MESSAGE {
        return;
    }
    intern::add_message(module, file, message, |message| {
        let header = Header {
            module: number,
            file: number,
            message,
            ..Header::default()
        };
        header.to_words().1
    });
    if THREAD.get().len == StaticThread::NOT_SET.len {
        THREAD.set(StaticThread::of(thread));
    }
}

/// The common part of all static records of a thread.
#[derive(Clone, Copy)]
struct StaticThread {
    /// The words from the third on: the end of the header, and the thread's number and name.
    words: [u64; STATIC_WORDS - 2],
    /// The length of the record in bytes.
    len: usize,
}

impl StaticThread {
    /// Before it is set. No record can have this length.
    const NOT_SET: StaticThread = StaticThread {
        words: [0; STATIC_WORDS - 2],
        len: usize::MAX,
    };

    /// `thread` is the thread's number and name.
    fn of(thread: &[u8]) -> StaticThread {
        let header = Header {
            thread: thread.len() as u8,
            kind: record::EVENT,
            ..Header::default()
        };
        let mut bytes = [0; size_of::<[u64; STATIC_WORDS - 2]>()];
        bytes[..4].copy_from_slice(&header.to_words().2.to_le_bytes());
        bytes[4..][..thread.len()].copy_from_slice(thread);
        let (chunks, _) = bytes.as_chunks();
        StaticThread {
            words: std::array::from_fn(|at| u64::from_le_bytes(chunks[at])),
            len: HEADER + thread.len(),
        }
    }
}
