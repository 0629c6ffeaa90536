//! Finds the complete lines in the words of one segment.

use super::checked::{Checked, LapBlock, record};
use super::sum::Key;
use crate::shared::journal::Found;
use crate::shared::segment::{FLAGS, Format, STATE, State};

/// How many times each word is read on average, at most, however damaged a segment is.
const MAX_READS: usize = 16;

/// A segment and its decoded header.
pub(crate) struct Scan<'a> {
    words: &'a [u64],
    state: State,
    blocks: [Option<LapBlock>; 2],
    /// The block of the generation that published the lines, and the key of its records.
    published: Option<(LapBlock, u64)>,
}

impl<'a> Scan<'a> {
    /// `words` are the words of the segment that has the number `segment`.
    pub(crate) fn new(words: &'a [u64], key: Key, segment: u32) -> Scan<'a> {
        let state = State(words.get(STATE).copied().unwrap_or(0));
        let blocks = LapBlock::both(words, key, segment);
        let mut whole = blocks.into_iter().flatten();
        let published = whole.find(|block| state.is_of(block.generation));
        Scan {
            words,
            state,
            blocks,
            published: published.map(|block| (block, key.of_lap(segment, block.generation))),
        }
    }

    /// How many lines it claims to hold.
    pub(crate) fn lines_claimed(&self) -> u64 {
        self.state.lines()
    }

    /// No line of any segment up to this tick may be shown.
    pub(crate) fn horizon(&self) -> u64 {
        let horizons = self.blocks.iter().flatten().map(|block| block.horizon);
        horizons.max().unwrap_or(0)
    }

    /// How many lines recycled segments had held when this segment's lap began.
    pub(crate) fn lines_recycled(&self) -> u64 {
        self.published.map_or(0, |(block, _)| block.lines_recycled)
    }

    /// Calls `act` with each undamaged line and its text. The place of the text in the line is not set
    /// yet.
    pub(crate) fn each_line(&self, line_limit: usize, mut act: impl FnMut(Found, &[u64])) {
        let (Some((block, key)), Some(lines)) =
            (self.published, self.words.get(Checked::FIRST_LINE..))
        else {
            return;
        };
        let lines = &lines[..self.state.words().min(lines.len())];
        let mut reads_left = MAX_READS * lines.len();
        let mut at = 0;
        let mut last_tick = 0;
        while at < lines.len() {
            match record(lines, at, key, line_limit) {
                Some(record) if record.tick > last_tick && record.flags() & !FLAGS == 0 => {
                    let line = Found {
                        tick: record.tick,
                        text: 0,
                        len: record.len() as u32,
                        shard: block.shard,
                        flags: (record.flags() >> 32) as u16,
                    };
                    act(line, record.text);
                    last_tick = record.tick;
                    at += record.words();
                }
                // Undamaged lines may follow, but it is not known where they begin.
                _ => {
                    let header = lines.get(at + 1).copied().unwrap_or(0);
                    let len = (header as u32 as usize).min(line_limit);
                    match reads_left.checked_sub(Checked::words_for(len)) {
                        Some(left) => reads_left = left,
                        None => break,
                    }
                    at += 1;
                }
            }
        }
    }
}
