//! The layout of a packed record. All numbers are little-endian.
//!
//! ```text
//!  0  version u8, level u8, flags u16, line u32
//!  8  target, module path, file: a length or an interned number, u16 each
//! 14  message: its length or an interned number, u16; fields length u16, thread length u8, kind u8
//! 20  thread: its number u32 and its name, or nothing
//!     span, module path, target, file, message, fields
//! ```
//!
//! The flags say which of the last parts exist. Interned names are omitted, and so is a target that is
//! the module path. The span is its id, u64. In a record that describes a span, this is followed by the
//! id of the parent or 0, u64; the time in nanoseconds since 1970, u64; the number of spans that it
//! follows from, u8; and their ids, u64 each. The span's name is the message.

/// Incremented when the layout changes, because a file may be older than the program that reads it.
pub(crate) const VERSION: u8 = 3;
/// Records of this version have no thread numbers.
pub(crate) const VERSION_WITHOUT_THREAD_NUMBERS: u8 = 2;
/// Records of this version have neither thread numbers nor spans.
pub(crate) const VERSION_WITHOUT_SPANS: u8 = 1;

pub(crate) const HEADER: usize = 20;

/// The length of a thread's number, which precedes its name.
pub(crate) const THREAD_NUMBER: usize = 4;

/// The fixed part at the beginning of a record.
#[derive(Clone, Copy, Default)]
pub(crate) struct Header {
    pub(crate) level: u8,
    pub(crate) flags: u16,
    pub(crate) line: u32,
    pub(crate) target: u16,
    pub(crate) module: u16,
    pub(crate) file: u16,
    pub(crate) message: u16,
    pub(crate) fields: u16,
    pub(crate) thread: u8,
    pub(crate) kind: u8,
}

impl Header {
    #[inline]
    pub(crate) fn to_words(self) -> (u64, u64, u32) {
        let [target, module, file] = [self.target, self.module, self.file].map(u64::from);
        let first = u64::from(VERSION)
            | u64::from(self.level) << 8
            | u64::from(self.flags) << 16
            | u64::from(self.line) << 32;
        let second = target | module << 16 | file << 32 | u64::from(self.message) << 48;
        let third =
            u32::from(self.fields) | u32::from(self.thread) << 16 | u32::from(self.kind) << 24;
        (first, second, third)
    }

    #[inline]
    pub(crate) fn to_bytes(self) -> [u8; HEADER] {
        // Stored in words, because it is next read in words.
        let (first, second, third) = self.to_words();
        let mut bytes = [0; HEADER];
        bytes[..8].copy_from_slice(&first.to_le_bytes());
        bytes[8..16].copy_from_slice(&second.to_le_bytes());
        bytes[16..].copy_from_slice(&third.to_le_bytes());
        bytes
    }

    /// Returns `None` if the version is unknown.
    pub(crate) fn from_bytes(bytes: &[u8; HEADER]) -> Option<Header> {
        let word = |at: usize| u16::from_le_bytes([bytes[at], bytes[at + 1]]);
        matches!(
            bytes[0],
            VERSION | VERSION_WITHOUT_THREAD_NUMBERS | VERSION_WITHOUT_SPANS
        )
        .then(|| Header {
            level: bytes[1],
            flags: word(2),
            line: u32::from_le_bytes([bytes[4], bytes[5], bytes[6], bytes[7]]),
            target: word(8),
            module: word(10),
            file: word(12),
            message: word(14),
            fields: word(16),
            thread: bytes[18],
            kind: bytes[19],
        })
    }
}

/// Splits the thread's part of a record into number and name. The number is missing in records of
/// earlier versions and in those without a thread.
pub(crate) fn split_thread(version: u8, thread: &[u8]) -> (Option<[u8; THREAD_NUMBER]>, &[u8]) {
    match thread.split_first_chunk() {
        Some((number, name)) if version == VERSION => (Some(*number), name),
        _ => (None, thread),
    }
}

pub(crate) mod flag {
    /// The message was cut, or a field left out.
    pub(crate) const CUT: u16 = 1;
    /// Formatting the message or a field returned an error or panicked.
    pub(crate) const BROKEN: u16 = 1 << 1;
    pub(crate) const HAS_LINE: u16 = 1 << 2;
    pub(crate) const HAS_MODULE: u16 = 1 << 3;
    pub(crate) const MODULE_INTERNED: u16 = 1 << 4;
    pub(crate) const HAS_FILE: u16 = 1 << 5;
    pub(crate) const FILE_INTERNED: u16 = 1 << 6;
    /// Module and file are interned.
    pub(crate) const INTERNED: u16 = HAS_MODULE | MODULE_INTERNED | HAS_FILE | FILE_INTERNED;
    /// The target is the module path, and is not repeated.
    pub(crate) const TARGET_IS_MODULE: u16 = 1 << 7;
    /// The id of a span follows the thread's name.
    pub(crate) const HAS_SPAN: u16 = 1 << 8;
    /// The message is interned.
    pub(crate) const MESSAGE_INTERNED: u16 = 1 << 9;
}

/// The kind of a record.
pub(crate) mod record {
    pub(crate) const EVENT: u8 = 0;
    pub(crate) const SPAN: u8 = 1;
    pub(crate) const SPAN_CLOSED: u8 = 2;
}

/// The type of a field's value: the byte before the value.
pub(crate) mod kind {
    pub(crate) const NULL: u8 = 0;
    pub(crate) const FALSE: u8 = 1;
    pub(crate) const TRUE: u8 = 2;
    pub(crate) const I64: u8 = 3;
    pub(crate) const U64: u8 = 4;
    pub(crate) const I128: u8 = 5;
    pub(crate) const U128: u8 = 6;
    pub(crate) const F64: u8 = 7;
    pub(crate) const STR: u8 = 8;
    pub(crate) const TEXT: u8 = 9;
    pub(crate) const JSON: u8 = 10;
}

/// See [`origin_mask`](crate::origin_mask).
pub(crate) const ORIGIN_MASK: [u8; 24] = {
    let flags = flag::HAS_MODULE | flag::MODULE_INTERNED | flag::TARGET_IS_MODULE | flag::HAS_SPAN;
    let mut mask = [0; 24];
    let mut at = 0;
    while at < 24 {
        // Version, level, lengths or numbers of target and module, length of the thread, kind of the
        // record, thread number.
        if matches!(at, 0 | 1 | 8..12 | 18 | 19 | 20..24) {
            mask[at] = u8::MAX;
        }
        at += 1;
    }
    [mask[2], mask[3]] = flags.to_le_bytes();
    mask
};
