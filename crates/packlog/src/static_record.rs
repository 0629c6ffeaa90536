//! Records that are static as a whole: a few words, which are stored without a buffer between.

use std::cell::Cell;
use std::marker::PhantomData;
use std::ptr;

use log::Record;

use crate::intern;
use crate::layout::*;
use crate::pack::MAX_NAME;

/// How many words a [`StaticRecord`] has at most.
pub const STATIC_WORDS: usize = 3 + MAX_NAME / 8;

thread_local! {
    // In one `Cell`, whose `get` is inlined.
    static THREAD: Cell<StaticThread> = const { Cell::new(StaticThread::NOT_SET) };
}

/// A packed record of this thread that is static, except for its line and level; made by
/// [`pack_static`].
#[derive(Clone, Copy, Debug)]
pub struct StaticRecord {
    first: u64,
    second: u64,
    /// The other words are the thread's.
    not_send: PhantomData<*const ()>,
}

impl StaticRecord {
    /// A word of its bytes, of which the lowest bits come first. Zeros follow the bytes.
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
            // Read only where it is needed: there are too few registers for all.
            _ => THREAD.get().words[at - 2],
        }
    }
}

/// How many bytes a [`StaticRecord`] of this thread has. More than fit into its words until
/// [`pack_padded`](crate::pack_padded) has packed such a record on this thread.
#[inline(always)]
#[must_use]
pub fn static_len() -> usize {
    THREAD.get().len
}

/// Packs a record whose message and names are static and have numbers. That takes a fraction of the
/// instructions of [`pack`](crate::pack), and the message takes no room.
///
/// Key-values are left out: ask [`has_fields`](crate::has_fields) before.
///
/// The message and the names get their numbers when [`pack_padded`](crate::pack_padded) packs such a
/// record, if the message has up to 128 bytes. Returns `None` before that, and for other records. Another
/// process can't read the bytes.
#[inline(always)]
#[must_use]
pub fn pack_static(record: &Record<'_>) -> Option<StaticRecord> {
    let text = record.args().as_str()?;
    let module = record.module_path_static()?;
    let message = intern::message_near(module, text)?;
    // Each is read only when it is compared, because registers are scarce.
    let is_known = message.is(module, text)
        && ptr::eq(module, record.target())
        && message.is_in(record.file_static()?);
    if !is_known {
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

/// The most bytes of a message that has a number. A longer one takes room in the tail like any other, so
/// that a bound in bytes is one of a dump, too.
const MAX_MESSAGE: usize = 128;

/// Prepares what [`pack_static`] needs for the next such record. `number` is that of the place, `thread`
/// the thread's number and name.
#[inline(never)]
pub(crate) fn become_static(
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

/// What all static records of a thread have in common.
#[derive(Clone, Copy)]
struct StaticThread {
    /// The words from the third on: the end of the header with the thread's number, and its name.
    words: [u64; STATIC_WORDS - 2],
    /// The length of the record in bytes.
    len: usize,
}

impl StaticThread {
    /// Its length does not fit into the words of a record.
    const NOT_SET: StaticThread = StaticThread {
        words: [0; STATIC_WORDS - 2],
        len: usize::MAX,
    };

    /// Of the thread with this number and name.
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
