//! The format of a mapped file: lines with checksums, and laps. A lap is the use of a segment from one
//! recycling to the next. Its block has the counts and the horizon of earlier lines.
//!
//! `format.md` describes them word by word.

use crate::sync::{AtomicU64, Ordering};

use super::sum::{Key, Sum, agree};
use crate::shared::memory::Lap;
use crate::shared::segment::{Format, Line, Text, WORD, partial_word, store_blocks};

/// The position of the lap's key, which only the writer uses.
const LAP_KEY: usize = 2;
/// The position of the two slots for blocks of laps. The lowest bit of the generation selects one.
const LAPS: usize = 8;
pub(crate) const LAP_WORDS: usize = 4;

/// The format of memory that outlives its process.
pub(crate) struct Checked;

impl Format for Checked {
    const FIRST_LINE: usize = LAPS + 2 * LAP_WORDS;
    const LINE_HEADER: usize = 3;

    #[inline]
    fn store(segment: &[AtomicU64], at: usize, record: &[AtomicU64], line: Line<impl Text>) {
        let [first, second, third, text @ ..] = record else {
            return;
        };
        let header = line.header();
        let mut sum = Sum::of_record(
            segment[LAP_KEY].load(Ordering::Relaxed),
            at,
            line.tick,
            header,
        );
        first.store(line.tick, Ordering::Relaxed);
        second.store(header, Ordering::Relaxed);
        #[cfg(test)]
        if crate::testing::commits_first() {
            crate::testing::delay();
        }
        match line.text.blocks() {
            Some(blocks) => store_blocks(text, blocks, |words| sum.add(words)),
            None => store_text(text, line.text.bytes(), |words| sum.add(words)),
        }
        third.store(sum.finish(), Ordering::Relaxed);
    }
}

/// Stores bytes to as many words as they need, and passes the words to `each`, four at a time. The last
/// four are padded with zeros.
#[inline]
fn store_text(places: &[AtomicU64], text: &[u8], mut each: impl FnMut([u64; 4])) {
    let (blocks, rest) = text.as_chunks::<{ 4 * WORD }>();
    let (fours, _) = places.as_chunks::<4>();
    for (four, block) in fours.iter().zip(blocks) {
        let (chunks, _) = block.as_chunks::<WORD>();
        let words = [0, 1, 2, 3].map(|at| u64::from_le_bytes(chunks[at]));
        for (place, word) in four.iter().zip(words) {
            place.store(word, Ordering::Relaxed);
        }
        each(words);
    }
    if !rest.is_empty() {
        let mut words = [0; 4];
        let (chunks, rest) = rest.as_chunks::<WORD>();
        for (word, chunk) in words.iter_mut().zip(chunks) {
            *word = u64::from_le_bytes(*chunk);
        }
        if !rest.is_empty() {
            words[chunks.len()] = partial_word(text, rest);
        }
        for (place, word) in places[4 * blocks.len()..].iter().zip(words) {
            place.store(word, Ordering::Relaxed);
        }
        each(words);
    }
}

/// Writes the block and the key of a new lap to a segment's words.
pub(super) fn begin_lap(words: &[AtomicU64], key: Key, generation: u64, lap: Lap) {
    let block = LapBlock {
        generation,
        shard: lap.shard,
        horizon: lap.horizon,
        lines_recycled: lap.lines_recycled,
    };
    let slot = LAPS + (generation & 1) as usize * LAP_WORDS;
    for (place, word) in words[slot..].iter().zip(block.encode(key, lap.index)) {
        place.store(word, Ordering::Relaxed);
    }
    words[LAP_KEY].store(key.of_lap(lap.index, generation), Ordering::Relaxed);
}

/// The facts about one lap of a segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct LapBlock {
    pub(crate) generation: u64,
    pub(crate) shard: u16,
    pub(crate) horizon: u64,
    pub(crate) lines_recycled: u64,
}

impl LapBlock {
    fn encode(self, key: Key, segment: u32) -> [u64; LAP_WORDS] {
        let facts = [
            self.generation << 16 | u64::from(self.shard),
            self.horizon,
            self.lines_recycled,
        ];
        let check = key.of_block(Self::place(segment), &facts);
        [facts[0], facts[1], facts[2], check]
    }

    /// The blocks in both slots of a segment's `words`; `None` for one that is damaged.
    pub(crate) fn both(words: &[u64], key: Key, segment: u32) -> [Option<LapBlock>; 2] {
        [0, 1].map(|slot| {
            let start = LAPS + slot * LAP_WORDS;
            let &[first, horizon, lines_recycled, check] = words.get(start..start + LAP_WORDS)?
            else {
                return None;
            };
            let block = LapBlock {
                generation: first >> 16,
                shard: first as u16,
                horizon,
                lines_recycled,
            };
            let is_whole = agree(block.encode(key, segment)[LAP_WORDS - 1], check)
                && block.generation & 1 == slot as u64;
            is_whole.then_some(block)
        })
    }

    /// The place for the checksum of a segment's blocks, which differs from the places of the header's
    /// blocks.
    fn place(segment: u32) -> u64 {
        1 << 32 | u64::from(segment)
    }
}

/// An undamaged record in a segment's words.
pub(crate) struct Record<'a> {
    pub(crate) tick: u64,
    pub(crate) header: u64,
    pub(crate) text: &'a [u64],
}

impl Record<'_> {
    pub(crate) fn len(&self) -> usize {
        self.header as u32 as usize
    }

    pub(crate) fn flags(&self) -> u64 {
        self.header & !0xFFFF_FFFF
    }

    pub(crate) fn words(&self) -> usize {
        Checked::LINE_HEADER + self.text.len()
    }
}

/// The record that begins at `at` in `lines`, the words after a segment's header; `None` if it is
/// damaged.
pub(crate) fn record(
    lines: &[u64],
    at: usize,
    lap_key: u64,
    line_limit: usize,
) -> Option<Record<'_>> {
    let &[tick, header, sum] = lines.get(at..at + Checked::LINE_HEADER)? else {
        return None;
    };
    let len = header as u32 as usize;
    if len > line_limit {
        return None;
    }
    let text = lines.get(at + Checked::LINE_HEADER..at + Checked::words_for(len))?;
    let found = Sum::of_record(lap_key, at, tick, header)
        .add_all(text)
        .finish();
    #[cfg(test)]
    let found = if crate::testing::IGNORE_CHECKSUMS.get() {
        sum
    } else {
        found
    };
    agree(found, sum).then_some(Record { tick, header, text })
}
