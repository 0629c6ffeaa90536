//! A piece of memory that one thread at a time appends lines to.
//!
//! A segment is only appended to until it is recycled as a whole, so what it has published stays.
//! All of it is atomic words, written and read without ordering of their own; the state word orders
//! them. Recycling is noticed by the generation, as in a sequence lock (Boehm, "Can seqlocks get
//! along with programming language memory models?", 2012).
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
//! That is the [`Plain`] format. Where lines must be told from damage, a [`Format`] has more words
//! in front of them.

use std::marker::PhantomData;

use crate::limits::MAX_CLASS;
use crate::sync::{AtomicU64, Ordering, fence};

pub(crate) const GENERATION: usize = 0;
pub(crate) const STATE: usize = 1;
const SHARD: usize = 3;
pub(crate) const WORD: usize = size_of::<u64>();

/// The low half of a line's second word is its length in bytes; these are in the high half.
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

/// How a line lies in a segment. A line's first two words are the same in all formats.
pub(crate) trait Format {
    /// How many words there are in front of the first line.
    const FIRST_LINE: usize;
    /// How many words there are in front of a line's text, two at least.
    const LINE_HEADER: usize;

    /// Stores a line to `record`, the words of `segment` that begin at `at`.
    fn store(segment: &[AtomicU64], at: usize, record: &[AtomicU64], line: Line<impl Text>);

    /// How many words a line of `bytes` bytes takes.
    fn words_for(bytes: usize) -> usize {
        // Fewer instructions than `div_ceil`, which can't know that there is no overflow.
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
    /// Its second word.
    #[inline]
    pub(crate) fn header(&self) -> u64 {
        self.flags | self.text.len() as u64
    }
}

/// The bytes of a line: a slice, or [`Padded`].
pub(crate) trait Text: Copy {
    fn bytes(&self) -> &[u8];

    fn len(&self) -> usize;

    /// How many words must be there to store it. The next line overwrites those that this one does
    /// not need.
    fn room(&self) -> usize;

    /// The bytes as blocks with zeros behind them, if they are that.
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

/// Four words, in bytes.
pub(crate) const BLOCK: usize = 4 * WORD;

/// Bytes with zeros behind them, which are copied in whole blocks. That takes far fewer instructions.
#[derive(Clone, Copy)]
pub(crate) struct Padded<'a> {
    blocks: &'a [[u8; BLOCK]],
    len: usize,
}

impl<'a> Padded<'a> {
    /// The first `len` of `bytes`, if these go on up to a multiple of [`BLOCK`].
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

/// Stores blocks to as many words as they have, and shows each to `act`.
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

/// The format of memory that dies with its process.
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

/// What a segment has published, in one word: from its low end, 23 bits say how many words, 22 how
/// many lines, and 19 are the low bits of the generation that published them.
///
/// The longest lines that a shared tail takes, 16 MiB, make segments of just over 2²² words.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct State(pub(crate) u64);

impl State {
    const WORD_BITS: u32 = 23;
    const LINE_BITS: u32 = 22;

    /// Nothing published yet in a new generation.
    pub(crate) fn empty(generation: u64) -> State {
        State(generation << (Self::WORD_BITS + Self::LINE_BITS))
    }

    /// Whether it was published by this generation.
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

    /// A lower bound of the bytes of text published, with a newline for each line.
    fn min_bytes<F: Format>(self) -> usize {
        let overhead = F::LINE_HEADER * WORD + (WORD - 1) - 1;
        (self.words() * WORD).saturating_sub(self.lines() as usize * overhead)
    }
}

/// The words of a segment, seen in a format.
pub(crate) struct Segment<'a, F> {
    pub(super) words: &'a [AtomicU64],
    format: PhantomData<F>,
}

impl<'a, F: Format> Segment<'a, F> {
    /// `words` are all words of the segment, those in front of the first line included.
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

    /// The words of the next line, whose text needs `room` of them, and the state before it. None if
    /// there are not as many.
    #[inline(always)]
    fn room(&self, room: usize) -> Option<(State, &'a [AtomicU64])> {
        // Only the owner writes the state, so it needs no ordering to see its own.
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

    /// Empties the segment for the shard that owns it next. `prepare` gets the words and the number
    /// of the new generation.
    pub(crate) fn recycle(&self, shard: u16, prepare: impl FnOnce(&[AtomicU64], u64)) {
        let generation = self.generation() + 1;
        self.words[GENERATION].store(generation, Ordering::Relaxed);
        // Release: a thread that reads a word written after this also finds the new generation,
        // behind an acquire fence.
        fence(Ordering::Release);
        self.words[SHARD].store(u64::from(shard), Ordering::Relaxed);
        prepare(self.words, generation);
        // Release: a thread that finds the segment empty finds it prepared.
        self.words[STATE].store(State::empty(generation).0, Ordering::Release);
    }

    /// The tick of the first line. It means nothing if there is none.
    pub(crate) fn first_tick(&self) -> u64 {
        self.words[F::FIRST_LINE].load(Ordering::Relaxed)
    }

    /// Appends what is published to `out`, and returns whether it is of `generation`.
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

/// The words of a [line](crate::Begun::push), each of which is made when it is stored.
pub trait Words<const N: usize> {
    /// The word at this position, less than `N`. Its lowest bits are its first byte.
    fn word(&self, at: usize) -> u64;
}

impl<const N: usize> Words<N> for [u64; N] {
    #[inline(always)]
    fn word(&self, at: usize) -> u64 {
        self[at]
    }
}

impl Segment<'_, Plain> {
    /// Appends the line that is the first `len` bytes of `words`, as [`append`](Segment::append).
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

/// `rest`, the end of `line` that is less than a word, padded with zeros.
#[inline]
pub(crate) fn partial_word(line: &[u8], rest: &[u8]) -> u64 {
    match line.last_chunk::<WORD>() {
        // The last eight bytes of the line, less those that are stored already: that needs no call
        // of memcpy for a length that varies.
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
