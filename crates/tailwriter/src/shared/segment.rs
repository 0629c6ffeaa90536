//! A piece of memory that one thread at a time appends lines to.
//!
//! A segment is only ever appended to until it is recycled as a whole, so whoever reads what it
//! has published reads what stays. All of it is atomic words, written and read without ordering of
//! their own; what orders them is the state word. Recycling is noticed by the generation, as in a
//! sequence lock (Boehm, "Can seqlocks get along with programming language memory models?", 2012).
//!
//! ```text
//!   word 0       generation: counts up when the segment is recycled
//!   word 1       state: lines (high half) and words (low half) published
//!   word 2..8    nothing: what the owner writes often is alone in its cache line
//!   then lines:  tick | flags and length in bytes | the bytes, padded to whole words
//! ```

use std::sync::atomic::{AtomicU64, Ordering, fence};

const GENERATION: usize = 0;
const STATE: usize = 1;
const FIRST_LINE: usize = 8;
const WORD: usize = size_of::<u64>();

const LINE_HEADER_WORDS: usize = 2;

/// The line's own number of bytes is in the low half of its second word, these in the high half.
pub(super) const CUT: u64 = 1 << 32;
pub(super) const PINNED: u64 = 1 << 33;

pub(super) struct Segment {
    words: Box<[AtomicU64]>,
}

/// What a segment has published.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct State {
    pub(super) words: usize,
    pub(super) lines: u64,
}

impl State {
    fn pack(self) -> u64 {
        self.lines << 32 | self.words as u64
    }

    fn unpack(word: u64) -> State {
        State {
            words: word as u32 as usize,
            lines: word >> 32,
        }
    }

    /// At least so many bytes of text are published, a newline counted for each line.
    pub(super) fn min_bytes(self) -> usize {
        let overhead = LINE_HEADER_WORDS * WORD + (WORD - 1) - 1;
        (self.words * WORD).saturating_sub(self.lines as usize * overhead)
    }
}

/// How many words a line of so many bytes takes.
pub(super) fn words_for(bytes: usize) -> usize {
    LINE_HEADER_WORDS + bytes.div_ceil(WORD)
}

impl Segment {
    /// With room for `words` words of lines.
    pub(super) fn new(words: usize) -> Segment {
        Segment {
            words: (0..FIRST_LINE + words).map(|_| AtomicU64::new(0)).collect(),
        }
    }

    /// Appends a line; only the owner may. Says whether there was room for it.
    #[inline]
    pub(super) fn append(&self, tick: u64, flags: u64, line: &[u8]) -> bool {
        // Only the owner writes the state, so it needs no ordering to see its own.
        let state = State::unpack(self.words[STATE].load(Ordering::Relaxed));
        let len = words_for(line.len());
        let start = FIRST_LINE + state.words;
        let Some(words) = self.words.get(start..start + len) else {
            return false;
        };
        let [first, second, text @ ..] = words else {
            return false;
        };
        first.store(tick, Ordering::Relaxed);
        second.store(flags | line.len() as u64, Ordering::Relaxed);
        let (chunks, rest) = line.as_chunks::<WORD>();
        for (word, chunk) in text.iter().zip(chunks) {
            word.store(u64::from_le_bytes(*chunk), Ordering::Relaxed);
        }
        if let Some(last) = text.get(chunks.len()) {
            last.store(partial_word(line, rest), Ordering::Relaxed);
        }
        let state = State {
            words: state.words + len,
            lines: state.lines + 1,
        };
        // Release: who sees the new state sees the line.
        self.words[STATE].store(state.pack(), Ordering::Release);
        true
    }

    pub(super) fn state(&self) -> State {
        State::unpack(self.words[STATE].load(Ordering::Acquire))
    }

    pub(super) fn generation(&self) -> u64 {
        self.words[GENERATION].load(Ordering::Relaxed)
    }

    /// Empties the segment for a new owner.
    pub(super) fn recycle(&self) {
        self.words[GENERATION].store(self.generation() + 1, Ordering::Relaxed);
        // Release: whoever reads a word written after this also finds the new generation, behind
        // an acquire fence.
        fence(Ordering::Release);
        self.words[STATE].store(0, Ordering::Relaxed);
    }

    /// The tick of the first line; of use only if there is one.
    pub(super) fn first_tick(&self) -> u64 {
        self.words[FIRST_LINE].load(Ordering::Relaxed)
    }

    /// Copies what is published behind `out`, unless the segment is no longer of `generation`.
    pub(super) fn copy_to(&self, out: &mut Vec<u64>, generation: u64) -> bool {
        let published = self.state().words.min(self.words.len() - FIRST_LINE);
        let words = &self.words[FIRST_LINE..FIRST_LINE + published];
        out.extend(words.iter().map(|word| word.load(Ordering::Relaxed)));
        // Acquire: see `recycle`.
        fence(Ordering::Acquire);
        self.generation() == generation
    }
}

/// `rest`, the end of `line` that is less than a word, padded with zeros.
#[inline]
fn partial_word(line: &[u8], rest: &[u8]) -> u64 {
    match line.last_chunk::<WORD>() {
        // The last eight bytes of the line, less those that are stored already: no call of memcpy
        // for a length that varies.
        Some(last) => u64::from_le_bytes(*last) >> (8 * (WORD - rest.len())),
        None => rest
            .iter()
            .rev()
            .fold(0, |word, &byte| word << 8 | u64::from(byte)),
    }
}

/// A line in words that were copied out of a segment.
pub(super) struct Line {
    pub(super) tick: u64,
    pub(super) flags: u64,
    pub(super) len: usize,
    /// Where its text begins, in words.
    pub(super) text: usize,
}

/// Splits `words`, copied from a segment, into lines.
pub(super) fn lines(words: &[u64]) -> impl Iterator<Item = Line> + '_ {
    let mut at = 0;
    std::iter::from_fn(move || {
        let [tick, header] = *words.get(at..at + LINE_HEADER_WORDS)? else {
            return None;
        };
        let len = header as u32 as usize;
        let line = Line {
            tick,
            flags: header & !0xFFFF_FFFF,
            len,
            text: at + LINE_HEADER_WORDS,
        };
        at += words_for(len);
        Some(line)
    })
}
