//! A piece of memory that one thread at a time appends lines to.
//!
//! A segment only grows until it is recycled as a whole, so published lines do not change. It consists
//! of atomic words, which are written and read relaxed; the state word orders them. A reader notices
//! by the generation that a segment was recycled, as in a sequence lock (Boehm, "Can seqlocks get along
//! with programming language memory models?", 2012).
//!
//! ```text
//!   word 0       generation: counts up when the segment is recycled
//!   word 1       state: see `State`
//!   word 2       of use to formats that have checksums
//!   word 3       shard whose lines these are
//!   word 4..8    nothing, so that the words above are alone in their cache line
//!   then lines:  tick | flags and length in bytes | the bytes, padded to whole words
//! ```
//!
//! This is the [`Plain`] format. A [`Format`] that must detect damaged lines has more words before
//! each line.

use std::marker::PhantomData;

use crate::limits::MAX_CLASS;
use crate::sync::{AtomicU64, Ordering, fence};

pub(crate) const GENERATION: usize = 0;
pub(crate) const STATE: usize = 1;
const SHARD: usize = 3;
pub(crate) const WORD: usize = size_of::<u64>();

/// A flag in the high half of a line's second word. The low half is the length in bytes.
pub(crate) const CUT: u64 = 1 << 32;
const CLASS_SHIFT: u32 = 33;
/// All bits that a line's flags can have.
#[cfg(feature = "mmap")]
pub(crate) const FLAGS: u64 = CUT | class_flags(MAX_CLASS);

/// The class of a line, as flags.
pub(crate) const fn class_flags(class: u8) -> u64 {
    (class as u64) << CLASS_SHIFT
}

/// The class of a line that has these flags.
pub(crate) const fn class_of(flags: u64) -> usize {
    (flags >> CLASS_SHIFT) as usize & MAX_CLASS as usize
}

/// The layout of lines in a segment. A line's first two words are the same in all formats.
pub(crate) trait Format {
    /// The number of words before the first line.
    const FIRST_LINE: usize;
    /// The number of words before a line's text, at least two.
    const LINE_HEADER: usize;

    /// Stores a line to `record`, the words of `segment` that begin at `at`.
    fn store(segment: &[AtomicU64], at: usize, record: &[AtomicU64], line: Line<impl Text>);

    /// The number of words of a line of `bytes` bytes, with its header.
    fn words_for(bytes: usize) -> usize {
        // Fewer instructions than `div_ceil`, which must handle overflow.
        Self::LINE_HEADER + ((bytes + (WORD - 1)) >> WORD.trailing_zeros())
    }
}

/// A line to store.
#[derive(Clone, Copy)]
pub(crate) struct Line<T> {
    pub(crate) tick: u64,
    pub(crate) flags: u64,
    pub(crate) text: T,
}

impl<T: Text> Line<T> {
    /// The second word of the line.
    #[inline]
    pub(crate) fn header(&self) -> u64 {
        self.flags | self.text.len() as u64
    }
}

/// The bytes of a line: a slice, or [`Padded`].
pub(crate) trait Text: Copy {
    fn bytes(&self) -> &[u8];

    fn len(&self) -> usize;

    /// The number of words that must be free to store it. The next line overwrites those that this one
    /// does not need.
    fn room(&self) -> usize;

    /// The bytes as blocks padded with zeros; `None` for a plain slice.
    fn blocks(&self) -> Option<&[[u8; BLOCK]]>;
}

impl Text for &[u8] {
    #[inline]
    fn bytes(&self) -> &[u8] {
        self
    }

    #[inline]
    fn len(&self) -> usize {
        <[u8]>::len(self)
    }

    #[inline]
    fn room(&self) -> usize {
        <[u8]>::len(self).div_ceil(WORD)
    }

    #[inline]
    fn blocks(&self) -> Option<&[[u8; BLOCK]]> {
        None
    }
}

/// The size of four words, in bytes.
pub(crate) const BLOCK: usize = 4 * WORD;

/// Bytes padded with zeros, which are copied in whole blocks with far fewer instructions.
#[derive(Clone, Copy)]
pub(crate) struct Padded<'a> {
    blocks: &'a [[u8; BLOCK]],
    len: usize,
}

impl<'a> Padded<'a> {
    /// The first `len` bytes of `bytes`, which must be padded to a multiple of [`BLOCK`]. Returns `None`
    /// if they are not.
    #[inline]
    pub(crate) fn new(bytes: &'a [u8], len: usize) -> Option<Padded<'a>> {
        let blocks = bytes.as_chunks().0.get(..len.div_ceil(BLOCK))?;
        Some(Padded { blocks, len })
    }
}

impl Text for Padded<'_> {
    #[inline]
    fn bytes(&self) -> &[u8] {
        &self.blocks.as_flattened()[..self.len]
    }

    #[inline]
    fn len(&self) -> usize {
        self.len
    }

    #[inline]
    fn room(&self) -> usize {
        self.blocks.len() * (BLOCK / WORD)
    }

    #[inline]
    fn blocks(&self) -> Option<&[[u8; BLOCK]]> {
        Some(self.blocks)
    }
}

/// Stores blocks to as many words as they have, and passes each to `act`.
#[inline(always)]
pub(crate) fn store_blocks(
    places: &[AtomicU64],
    blocks: &[[u8; BLOCK]],
    mut act: impl FnMut([u64; 4]),
) {
    let (places, _) = places.as_chunks::<4>();
    for (place, block) in places.iter().zip(blocks) {
        let (chunks, _) = block.as_chunks::<WORD>();
        let words = [0, 1, 2, 3].map(|at| u64::from_le_bytes(chunks[at]));
        for (place, word) in place.iter().zip(words) {
            place.store(word, Ordering::Relaxed);
        }
        act(words);
    }
}

/// The format of lines in memory, which need no checksum.
pub(crate) struct Plain;

impl Format for Plain {
    const FIRST_LINE: usize = 8;
    const LINE_HEADER: usize = 2;

    #[inline]
    fn store(_: &[AtomicU64], _: usize, record: &[AtomicU64], line: Line<impl Text>) {
        let [first, second, text @ ..] = record else {
            return;
        };
        first.store(line.tick, Ordering::Relaxed);
        second.store(line.header(), Ordering::Relaxed);
        if let Some(blocks) = line.text.blocks() {
            return store_blocks(text, blocks, |_| ());
        }
        let bytes = line.text.bytes();
        let (chunks, rest) = bytes.as_chunks::<WORD>();
        for (word, chunk) in text.iter().zip(chunks) {
            word.store(u64::from_le_bytes(*chunk), Ordering::Relaxed);
        }
        if let Some(last) = text.get(chunks.len()) {
            last.store(partial_word(bytes, rest), Ordering::Relaxed);
        }
    }
}

/// What a segment has published, in one word. From the low end: 23 bits for the number of words, 22 bits
/// for the number of lines, and the low 19 bits of the generation that published them.
///
/// The longest lines that a shared tail takes, 16 MiB, make segments of just over 2²² words.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct State(pub(crate) u64);

impl State {
    const WORD_BITS: u32 = 23;
    const LINE_BITS: u32 = 22;

    /// The state of a new generation, with nothing published.
    pub(crate) fn empty(generation: u64) -> State {
        State(generation << (Self::WORD_BITS + Self::LINE_BITS))
    }

    /// Whether this generation published it.
    #[cfg(feature = "mmap")]
    pub(crate) fn is_of(self, generation: u64) -> bool {
        let low = Self::WORD_BITS + Self::LINE_BITS;
        self.0 >> low == State::empty(generation).0 >> low
    }

    #[inline]
    fn with_line(self, words: usize) -> State {
        State(self.0 + (1 << Self::WORD_BITS) + words as u64)
    }

    #[inline]
    pub(crate) fn words(self) -> usize {
        (self.0 & ((1 << Self::WORD_BITS) - 1)) as usize
    }

    pub(crate) fn lines(self) -> u64 {
        self.0 >> Self::WORD_BITS & ((1 << Self::LINE_BITS) - 1)
    }

    /// A lower bound of the number of bytes published, with one for the newline of each line.
    fn min_bytes<F: Format>(self) -> usize {
        let overhead = F::LINE_HEADER * WORD + (WORD - 1) - 1;
        (self.words() * WORD).saturating_sub(self.lines() as usize * overhead)
    }
}

/// The words of a segment, in a given format.
pub(crate) struct Segment<'a, F> {
    pub(super) words: &'a [AtomicU64],
    format: PhantomData<F>,
}

impl<'a, F: Format> Segment<'a, F> {
    /// `words` are all words of the segment, with those before the first line.
    #[inline]
    pub(crate) fn new(words: &'a [AtomicU64]) -> Segment<'a, F> {
        Segment {
            words,
            format: PhantomData,
        }
    }

    /// Appends a line, and returns whether there was room for it. Only the owner may call it.
    #[inline(always)]
    pub(crate) fn append(&self, line: Line<impl Text>) -> bool {
        let Some((state, record)) = self.room(line.text.room()) else {
            return false;
        };
        #[cfg(test)]
        if crate::testing::commits_first() {
            self.commit(state, line.text.len());
            F::store(self.words, state.words(), record, line);
            return true;
        }
        F::store(self.words, state.words(), record, line);
        self.commit(state, line.text.len());
        true
    }

    /// The state, and the words for the next line, whose text needs `room` words. `None` if there are
    /// not enough.
    #[inline(always)]
    fn room(&self, room: usize) -> Option<(State, &'a [AtomicU64])> {
        // Relaxed: only the owner writes the state, and it sees its own store.
        let state = State(self.words.get(STATE)?.load(Ordering::Relaxed));
        let start = F::FIRST_LINE + state.words();
        let record = self.words.get(start..start + F::LINE_HEADER + room)?;
        Some((state, record))
    }

    /// Publishes a line of `len` bytes.
    #[inline(always)]
    fn commit(&self, before: State, len: usize) {
        let state = before.with_line(F::words_for(len));
        // Release: a thread that sees the new state sees the line.
        self.words[STATE].store(state.0, Ordering::Release);
    }

    pub(super) fn state(&self) -> State {
        State(self.words[STATE].load(Ordering::Acquire))
    }

    pub(crate) fn lines(&self) -> u64 {
        self.state().lines()
    }

    pub(crate) fn min_bytes(&self) -> usize {
        self.state().min_bytes::<F>()
    }

    pub(crate) fn generation(&self) -> u64 {
        self.words[GENERATION].load(Ordering::Relaxed)
    }

    /// The shard that writes to the segment.
    pub(crate) fn shard(&self) -> u16 {
        self.words[SHARD].load(Ordering::Relaxed) as u16
    }

    /// Empties the segment for the shard that owns it next. `prepare` is called with the words and the
    /// number of the new generation.
    pub(crate) fn recycle(&self, shard: u16, prepare: impl FnOnce(&[AtomicU64], u64)) {
        let generation = self.generation() + 1;
        self.words[GENERATION].store(generation, Ordering::Relaxed);
        // Release: a thread that reads a word written after this fence also sees the new generation,
        // after an acquire fence of its own.
        fence(Ordering::Release);
        self.words[SHARD].store(u64::from(shard), Ordering::Relaxed);
        prepare(self.words, generation);
        // Release: a thread that sees the empty state also sees what `prepare` wrote.
        self.words[STATE].store(State::empty(generation).0, Ordering::Release);
    }

    /// The tick of the first line. The value is meaningless if there is no line.
    pub(crate) fn first_tick(&self) -> u64 {
        self.words[F::FIRST_LINE].load(Ordering::Relaxed)
    }

    /// Appends the published words to `out`, and returns whether they are all of `generation`.
    pub(crate) fn copy_to(&self, out: &mut Vec<u64>, generation: u64) -> bool {
        let lines = &self.words[F::FIRST_LINE..];
        let published = self.state().words().min(lines.len());
        out.extend(
            lines[..published]
                .iter()
                .map(|word| word.load(Ordering::Relaxed)),
        );
        // Acquire: see `recycle`.
        fence(Ordering::Acquire);
        self.generation() == generation
    }
}

/// The words of a [line](crate::Begun::push). Each word is computed when it is stored.
pub trait Words<const N: usize> {
    /// Returns the word at position `at`, which is less than `N`. The lowest bits are the first byte.
    fn word(&self, at: usize) -> u64;
}

impl<const N: usize> Words<N> for [u64; N] {
    #[inline(always)]
    fn word(&self, at: usize) -> u64 {
        self[at]
    }
}

impl Segment<'_, Plain> {
    /// Appends the line that is the first `len` bytes of `words`, like [`append`](Segment::append).
    #[inline(always)]
    pub(crate) fn append_words<const N: usize>(
        &self,
        tick: u64,
        len: usize,
        words: impl Words<N>,
    ) -> bool {
        let Some((state, record)) = self.room(N) else {
            return false;
        };
        let [first, second, text @ ..] = record else {
            return false;
        };
        first.store(tick, Ordering::Relaxed);
        second.store(len as u64, Ordering::Relaxed);
        for (at, place) in text.iter().enumerate().take(N) {
            place.store(words.word(at), Ordering::Relaxed);
        }
        self.commit(state, len);
        true
    }
}

/// Returns `rest`, the last bytes of `line` that do not fill a word, padded with zeros.
#[inline]
pub(crate) fn partial_word(line: &[u8], rest: &[u8]) -> u64 {
    match line.last_chunk::<WORD>() {
        // Shifts the stored bytes out of the last eight bytes of the line, which avoids a call of
        // memcpy with a variable length.
        Some(last) => u64::from_le_bytes(*last) >> (8 * (WORD - rest.len())),
        None => rest
            .iter()
            .rev()
            .fold(0, |word, &byte| word << 8 | u64::from(byte)),
    }
}

/// A line in words that were copied out of a segment.
pub(crate) struct Copied {
    pub(crate) tick: u64,
    pub(crate) flags: u64,
    pub(crate) len: usize,
    /// Where its text begins, in words.
    pub(crate) text: usize,
}

/// Splits `words`, copied from a segment, into lines.
pub(crate) fn lines<F: Format>(words: &[u64]) -> impl Iterator<Item = Copied> + Clone + '_ {
    let mut at = 0;
    std::iter::from_fn(move || {
        let [tick, header] = *words.get(at..at + 2)? else {
            return None;
        };
        let len = header as u32 as usize;
        let line = Copied {
            tick,
            flags: header & !0xFFFF_FFFF,
            len,
            text: at + F::LINE_HEADER,
        };
        at += F::words_for(len);
        Some(line)
    })
}
