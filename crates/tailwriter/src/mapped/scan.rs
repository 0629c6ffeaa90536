//! Finds the complete lines in the words of one segment.

use super::checked::{Checked, LapBlock, record};
use super::sum::Key;
use crate::shared::journal::Found;
use crate::shared::segment::{FLAGS, Format, STATE, State};

/// How many times a word is looked at, at most, however damaged a segment is.
const PATIENCE: usize = 16;

/// A segment, and what its header says.
pub(crate) struct Scan<'a> {
    words: &'a [u64],
    state: State,
    blocks: [Option<LapBlock>; 2],
    /// That of the generation that published what is there, and the key of its records.
    published: Option<(LapBlock, u64)>,
}

impl<'a> Scan<'a> {
    /// `words` are those of the segment that has the number `segment`.
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

    /// No line of this tick or an earlier one is to be shown, of whatever segment.
    pub(crate) fn horizon(&self) -> u64 {
        let horizons = self.blocks.iter().flatten().map(|block| block.horizon);
        horizons.max().unwrap_or(0)
    }

    /// How many lines had been in recycled segments when this one's lap began.
    pub(crate) fn lines_recycled(&self) -> u64 {
        self.published.map_or(0, |(block, _)| block.lines_recycled)
    }

    /// Calls `act` for each whole line and its text, which is not yet placed.
    pub(crate) fn each_line(&self, line_limit: usize, mut act: impl FnMut(Found, &[u64])) {
        let (Some((block, key)), Some(lines)) =
            (self.published, self.words.get(Checked::FIRST_LINE..))
        else {
            return;
        };
        let lines = &lines[..self.state.words().min(lines.len())];
        let mut patience = PATIENCE * lines.len();
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
                // Whole lines may follow the damage, but where they begin is not known.
                _ => {
                    let header = lines.get(at + 1).copied().unwrap_or(0);
                    let len = (header as u32 as usize).min(line_limit);
                    match patience.checked_sub(Checked::words_for(len)) {
                        Some(left) => patience = left,
                        None => break,
                    }
                    at += 1;
                }
            }
        }
    }
}
