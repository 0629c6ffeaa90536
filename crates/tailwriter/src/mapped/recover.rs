//! From the bytes of a file to the lines that are whole in it.
//!
//! The file is read twice, a segment at a time: to count, and then to copy into memory of just that
//! size. So a file takes no more memory than twice its length, whatever it holds.

use std::fs::File;
use std::io::{self, ErrorKind, Read, Seek, SeekFrom};

use super::checked::{Checked, LapBlock, record};
use super::header::{Block, Blocks, HEADER_BYTES, HEADER_WORDS, Header, invalid, is_magic};
use crate::shared::assemble::Bounds;
use crate::shared::journal::Found;
use crate::shared::segment::{CUT, Format, PINNED, STATE, State, WORD};
use crate::shared::snapshot::{Meta, Snapshot};

/// Words are looked at so many times at most, however damaged a segment is.
const PATIENCE: usize = 16;

/// How the words of a file are made of bytes.
type Order = fn([u8; WORD]) -> u64;

/// A file whose header is whole.
pub(crate) struct Reader<'f> {
    file: &'f File,
    order: Order,
    header: Header,
    /// The last tick whose time is known.
    anchor: Option<Block>,
    clear: Block,
    words: Vec<u64>,
}

/// What is known of the lines of a part without looking at their text.
#[derive(Clone, Copy, Debug, Default)]
struct Census {
    lines: usize,
    bytes: usize,
    /// Published, but not whole.
    damaged: u64,
    horizon: u64,
    lines_recycled: u64,
}

/// The lines of a file.
pub(crate) struct Lines {
    pub(crate) snapshot: Snapshot,
    pub(crate) damaged: u64,
}

impl<'f> Reader<'f> {
    pub(crate) fn new(mut file: &'f File) -> io::Result<Reader<'f>> {
        let mut bytes = [0; HEADER_BYTES];
        file.rewind()?;
        file.read_exact(&mut bytes)
            .map_err(|error| match error.kind() {
                ErrorKind::UnexpectedEof => invalid("it is too short for the ring file of a tail"),
                _ => error,
            })?;
        let (chunks, _) = bytes.as_chunks::<WORD>();
        let orders: [Order; 2] = [u64::from_le_bytes, u64::from_be_bytes];
        let order = orders
            .into_iter()
            .find(|order| is_magic(order(chunks[0])))
            .unwrap_or(u64::from_ne_bytes);
        let mut words = [0; HEADER_WORDS];
        for (word, chunk) in words.iter_mut().zip(chunks) {
            *word = order(*chunk);
        }
        let header = Header::decode(&words)?;
        if file.metadata()?.len() > header.file_bytes() {
            return Err(invalid("it is longer than its header says"));
        }
        Ok(Reader {
            file,
            order,
            anchor: Blocks::ANCHORS.latest(&words, header.key()),
            clear: Blocks::CLEARS
                .latest(&words, header.key())
                .unwrap_or_default(),
            header,
            words: Vec::new(),
        })
    }

    pub(crate) fn header(&self) -> &Header {
        &self.header
    }

    pub(crate) fn anchor(&self) -> Option<Block> {
        self.anchor
    }

    /// Copies the lines that are within the bounds, which `bounds` tells from the last tick.
    pub(crate) fn lines(
        &mut self,
        bounds: impl FnOnce(&Header, u64) -> Bounds<'_>,
    ) -> io::Result<Lines> {
        // As long as the file is: the header may speak of segments that were never there.
        let length = (self.file.metadata()?.len() as usize / WORD).saturating_sub(HEADER_WORDS);
        let segment_words = self.header.geometry.segment_words;
        self.words = vec![0; segment_words.min(length)];
        let there = length.div_ceil(segment_words.max(1));
        let all = 0..self.header.geometry.segments.min(there);
        let end = self.header.geometry.segments + self.header.pinned_segments;
        let pinned = all.end..end.min(there).max(all.end);

        let census = self.census(all.clone())?;
        let pinned_census = self.census(pinned.clone())?;
        let mut snapshot = Snapshot {
            text: Vec::with_capacity(census.bytes + pinned_census.bytes),
            ..Snapshot::default()
        };
        let quota = self.header.pinned_lines.min(pinned_census.lines);
        let mut found = Vec::with_capacity(census.lines + quota);
        let mut old = self.copy(all, census, &mut found, &mut snapshot.text)?;
        let mut found_pinned = Vec::with_capacity(pinned_census.lines);
        self.copy(pinned, pinned_census, &mut found_pinned, &mut snapshot.text)?;
        self.words = Vec::new();

        old = old.saturating_add(census.lines_recycled);
        let pushed = old.saturating_add(found.len() as u64);
        let pushed = pushed.saturating_sub(self.clear.more[0].min(old));
        let last = found.iter().chain(&found_pinned).map(|line| line.tick);
        let bounds = bounds(&self.header, last.max().unwrap_or(0));
        let first = bounds.first_kept(&found, 0, 0);
        found.drain(..first);
        let older = bounds.older_pinned(&found_pinned, found.first());
        found.splice(0..0, older.iter().copied());
        drop(found_pinned);
        let timeline = bounds.timeline;
        let meta = |line: Found| line.meta(line.text, &timeline);
        // In place: one is as large as the other.
        snapshot.entries = found.into_iter().map(meta).collect();
        snapshot.evicted = pushed.saturating_sub(snapshot.entries.len() as u64);
        Ok(Lines {
            snapshot,
            damaged: census.damaged.saturating_add(pinned_census.damaged),
        })
    }

    fn census(&mut self, segments: std::ops::Range<usize>) -> io::Result<Census> {
        let mut census = Census::default();
        for segment in segments {
            self.read(segment)?;
            let lap = self.lap(segment as u32);
            for block in lap.blocks.iter().flatten() {
                census.horizon = census.horizon.max(block.horizon);
            }
            if let Some(block) = lap.published {
                census.lines_recycled = census.lines_recycled.max(block.lines_recycled);
            }
            let mut lines = 0;
            self.each_line(&lap, |line, _| {
                lines += 1;
                census.bytes += line.len as usize;
            });
            census.lines += lines;
            census.damaged += lap.state.lines().saturating_sub(lines as u64);
        }
        census.horizon = census.horizon.max(self.clear.tick);
        Ok(census)
    }

    /// Copies the lines above the horizon in the order of their ticks, and counts the others.
    fn copy(
        &mut self,
        segments: std::ops::Range<usize>,
        census: Census,
        found: &mut Vec<Found>,
        text: &mut Vec<u8>,
    ) -> io::Result<u64> {
        let mut old = 0;
        for segment in segments {
            self.read(segment)?;
            let lap = self.lap(segment as u32);
            self.each_line(&lap, |line, words| {
                let start = text.len();
                let end = start + line.len as usize;
                // A file that is written to meanwhile may have more lines than were counted.
                let has_room = found.len() < census.lines && end <= text.capacity();
                if line.tick <= census.horizon {
                    old += 1;
                } else if has_room {
                    for bytes in words.iter().map(|word| word.to_le_bytes()) {
                        let rest = (end - text.len()).min(WORD);
                        text.extend_from_slice(&bytes[..rest]);
                    }
                    found.push(Found {
                        text: start,
                        ..line
                    });
                }
            });
        }
        found.sort_unstable_by_key(Found::order);
        // A header that was made up may count the segments of pinned lines among the others.
        found.dedup_by_key(|line| line.order());
        Ok(old)
    }

    /// Reads a segment's words; what the file lacks of them is zero.
    fn read(&mut self, segment: usize) -> io::Result<()> {
        let start = HEADER_BYTES + segment * self.header.geometry.segment_words * WORD;
        self.file.seek(SeekFrom::Start(start as u64))?;
        let mut buffer = [0; 4096];
        let mut words = self.words.as_mut_slice();
        while !words.is_empty() {
            let (now, later) = words.split_at_mut(words.len().min(buffer.len() / WORD));
            let bytes = &mut buffer[..now.len() * WORD];
            let filled = fill(self.file, bytes)?;
            bytes[filled..].fill(0);
            let (chunks, _) = bytes.as_chunks::<WORD>();
            for (word, chunk) in now.iter_mut().zip(chunks) {
                *word = (self.order)(*chunk);
            }
            words = later;
        }
        Ok(())
    }

    fn lap(&self, segment: u32) -> LapState {
        let state = State(self.words.get(STATE).copied().unwrap_or(0));
        let blocks = LapBlock::both(&self.words, self.header.key(), segment);
        let published = blocks
            .into_iter()
            .flatten()
            .find(|block| state.is_of(block.generation));
        LapState {
            key: published.map_or(0, |block| {
                self.header.key().of_lap(segment, block.generation)
            }),
            state,
            blocks,
            published,
        }
    }

    /// Calls `act` for each whole line of the segment that was read; its text is not yet placed.
    fn each_line(&self, lap: &LapState, mut act: impl FnMut(Found, &[u64])) {
        let (Some(block), Some(lines)) = (lap.published, self.words.get(Checked::FIRST_LINE..))
        else {
            return;
        };
        let lines = &lines[..lap.state.words().min(lines.len())];
        let limit = self.header.line_limit;
        let mut patience = PATIENCE * lines.len();
        let mut at = 0;
        let mut last_tick = 0;
        while at < lines.len() {
            match record(lines, at, lap.key, limit) {
                Some(record) if record.tick > last_tick && record.header >> 34 == 0 => {
                    let line = Found {
                        tick: record.tick,
                        text: 0,
                        len: record.len() as u32,
                        shard: block.shard,
                        flags: ((record.header & (CUT | PINNED)) >> 32) as u16,
                    };
                    act(line, record.text);
                    last_tick = record.tick;
                    at += record.words();
                }
                // Whole lines may follow the damage, but where they begin is not known.
                _ => {
                    let len = lines
                        .get(at + 1)
                        .map_or(0, |header| *header as u32 as usize);
                    let cost = if len <= limit {
                        Checked::words_for(len)
                    } else {
                        1
                    };
                    at += 1;
                    match patience.checked_sub(cost) {
                        Some(left) => patience = left,
                        None => break,
                    }
                }
            }
        }
    }
}

/// What a segment says of itself.
struct LapState {
    state: State,
    blocks: [Option<LapBlock>; 2],
    /// That of the generation that published what is there.
    published: Option<LapBlock>,
    key: u64,
}

/// Reads until `bytes` are full or the file ends.
fn fill(mut file: &File, bytes: &mut [u8]) -> io::Result<usize> {
    let mut filled = 0;
    while filled < bytes.len() {
        match file.read(&mut bytes[filled..]) {
            Ok(0) => break,
            Ok(read) => filled += read,
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}

// What `Lines` counts on.
const _: () =
    assert!(size_of::<Meta>() == size_of::<Found>() && align_of::<Meta>() == align_of::<Found>());
