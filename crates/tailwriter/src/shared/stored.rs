//! Reads lines in a segment without copying them, for a census.

use std::marker::PhantomData;

use super::segment::{Format, Segment, WORD};
use crate::shares::HEAD_WORDS;
use crate::sync::{AtomicU64, Ordering};

/// The parts of a line that decide its groups: its first words, masked, and a part of its text.
#[derive(Clone, Copy)]
pub(crate) struct Head {
    pub(crate) words: [u64; HEAD_WORDS],
    pub(crate) text: Option<TextPart>,
}

/// A part of a line's text, in words. Masks select the bytes of the first and the last word.
#[derive(Clone, Copy)]
pub(crate) struct TextPart {
    first: usize,
    last: usize,
    mask_of_first: u64,
    mask_of_last: u64,
    /// A line that has the part is at least this long, in bytes.
    end: usize,
}

impl TextPart {
    /// Returns `None` if `bytes` is empty.
    pub(crate) fn new(bytes: std::ops::Range<usize>) -> Option<TextPart> {
        let last = bytes.end.checked_sub(1).filter(|_| !bytes.is_empty())?;
        let bits = |bytes: usize| 8 * bytes as u32;
        Some(TextPart {
            first: bytes.start / WORD,
            last: last / WORD,
            mask_of_first: u64::MAX << bits(bytes.start % WORD),
            mask_of_last: u64::MAX >> bits(WORD - 1 - last % WORD),
            end: bytes.end,
        })
    }

    /// The words of this part, in the words of a line. `None` if the line is shorter.
    #[inline]
    fn of<'a, F: Format>(&self, line: &'a [AtomicU64]) -> Option<&'a [AtomicU64]> {
        let len = line.get(1)?.load(Ordering::Relaxed) as u32 as usize;
        if len < self.end {
            return None;
        }
        line.get(F::LINE_HEADER + self.first..F::LINE_HEADER + self.last + 1)
    }

    /// Whether a line has the same part as another line, whose part is `part`.
    #[inline]
    fn agrees<F: Format>(&self, part: &[AtomicU64], line: &[AtomicU64]) -> bool {
        let differ = |one: &AtomicU64, other: &AtomicU64, mask: u64| {
            (one.load(Ordering::Relaxed) ^ other.load(Ordering::Relaxed)) & mask != 0
        };
        match (part, self.of::<F>(line)) {
            ([first, part @ .., last], Some([other_first, other @ .., other_last])) => {
                !differ(first, other_first, self.mask_of_first)
                    && !differ(last, other_last, self.mask_of_last)
                    && !part
                        .iter()
                        .zip(other)
                        .any(|(one, other)| differ(one, other, u64::MAX))
            }
            ([one], Some([other])) => !differ(one, other, self.mask_of_first & self.mask_of_last),
            _ => false,
        }
    }
}

/// Consecutive lines.
pub(crate) struct LineRun {
    pub(crate) lines: u32,
    pub(crate) last_tick: u64,
    /// The place after the last line.
    pub(crate) end: u32,
}

impl<'a, F: Format> Segment<'a, F> {
    /// The line that begins at `place`, in words from the first line on. `None` if no line is published
    /// there.
    #[inline]
    pub(crate) fn line_at(&self, place: u32) -> Option<Stored<'a, F>> {
        if place as usize >= self.state().words() {
            return None;
        }
        Stored::new(self.words.get(F::FIRST_LINE + place as usize..)?)
    }

    /// The line `first` at `place`, and the lines that follow it directly and have the same `head`.
    pub(crate) fn run_from(
        &self,
        place: u32,
        first: &Stored<'a, F>,
        head: &Head,
        mask: [u64; HEAD_WORDS],
    ) -> LineRun {
        match head.text {
            Some(text) => {
                let part = text.of::<F>(first.words).unwrap_or_default();
                self.run(place, first, head.words, mask, |line| {
                    text.agrees::<F>(part, line)
                })
            }
            None => self.run(place, first, head.words, mask, |_| true),
        }
    }

    // A function of its own, so that all values of the loop are in registers.
    #[inline(never)]
    fn run(
        &self,
        place: u32,
        first: &Stored<'a, F>,
        head: [u64; HEAD_WORDS],
        mask: [u64; HEAD_WORDS],
        agrees: impl Fn(&'a [AtomicU64]) -> bool,
    ) -> LineRun {
        let lines = self.words.get(F::FIRST_LINE..).unwrap_or_default();
        let lines = &lines[..self.state().words().min(lines.len())];
        // Places have 32 bits, so the end of a line can't overflow.
        let (mut last, mut next) = (place, first.end(place));
        let (mut header, mut step) = (first.header(), next - place);
        let mut count = 1;
        loop {
            let at = next as usize;
            let Some(line) = lines.get(at..at + F::LINE_HEADER + HEAD_WORDS) else {
                break;
            };
            let this = line[1].load(Ordering::Relaxed);
            if this != header {
                let len = this as u32 as usize;
                if len < HEAD_WORDS * WORD {
                    break;
                }
                (header, step) = (this, F::words_for(len) as u32);
            }
            let differs = |word: usize| {
                (line[F::LINE_HEADER + word].load(Ordering::Relaxed) ^ head[word]) & mask[word]
            };
            if differs(0) | differs(1) | differs(2) != 0 || !lines.get(at..).is_none_or(&agrees) {
                break;
            }
            last = next;
            count += 1;
            next += step;
        }
        let last = lines.get(last as usize);
        LineRun {
            lines: count,
            last_tick: last.map_or(0, |tick| tick.load(Ordering::Relaxed)),
            end: next,
        }
    }
}

/// The words of a segment from the beginning of a line on.
pub(crate) struct Stored<'a, F> {
    words: &'a [AtomicU64],
    format: PhantomData<F>,
}

impl<'a, F: Format> Stored<'a, F> {
    #[inline]
    fn new(words: &'a [AtomicU64]) -> Option<Stored<'a, F>> {
        (words.len() >= F::LINE_HEADER).then_some(Stored {
            words,
            format: PhantomData,
        })
    }

    /// Whether this line and `other`, which have equal first words, also agree in the rest of `head`.
    pub(crate) fn agrees(&self, other: &Stored<'_, F>, head: &Head) -> bool {
        head.text.is_none_or(|text| {
            let part = text.of::<F>(other.words);
            part.is_some_and(|part| text.agrees::<F>(part, self.words))
        })
    }

    /// A run of only this line, which is at `place`.
    pub(crate) fn alone(&self, place: u32) -> LineRun {
        LineRun {
            lines: 1,
            last_tick: self.tick(),
            end: self.end(place),
        }
    }

    /// The place after this line, which is at `place`.
    pub(crate) fn end(&self, place: u32) -> u32 {
        place + F::words_for(self.len()) as u32
    }

    #[inline]
    pub(crate) fn tick(&self) -> u64 {
        self.words[0].load(Ordering::Relaxed)
    }

    #[inline]
    fn header(&self) -> u64 {
        self.words[1].load(Ordering::Relaxed)
    }

    pub(crate) fn flags(&self) -> u64 {
        self.header() & !0xFFFF_FFFF
    }

    #[inline]
    pub(crate) fn len(&self) -> usize {
        self.header() as u32 as usize
    }

    /// The first words of its text; `None` if the text is shorter.
    #[inline]
    pub(crate) fn head(&self) -> Option<[u64; HEAD_WORDS]> {
        let head = self
            .words
            .get(F::LINE_HEADER..)?
            .first_chunk::<HEAD_WORDS>()?;
        let is_long = self.len() >= HEAD_WORDS * WORD;
        is_long.then(|| [0, 1, 2].map(|at: usize| head[at].load(Ordering::Relaxed)))
    }

    /// The words of its text.
    pub(crate) fn words(&self) -> impl Iterator<Item = u64> {
        let text = self.words.iter().skip(F::LINE_HEADER);
        let words = text.map(|word| word.load(Ordering::Relaxed));
        words.take(self.len().div_ceil(WORD))
    }

    pub(crate) fn copy_to(&self, text: &mut Vec<u8>) {
        let start = text.len();
        text.reserve(self.len() + WORD);
        for word in self.words() {
            text.extend_from_slice(&word.to_le_bytes());
        }
        text.truncate(start + self.len());
    }
}
