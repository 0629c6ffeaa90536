//! From the bytes of a file to the lines that are whole in it.
//!
//! The file is read twice, a segment at a time: to count, and then to copy into memory of just that
//! size. So a file takes no more memory than twice its length, whatever it holds. Both times matter
//! where its owner lives and goes on: what is shown is what was there when the second one began.

use std::fs::File;
use std::io::{self, ErrorKind, Read, Seek, SeekFrom};
use std::ops::Range;

use super::header::{Block, Blocks, HEADER_BYTES, HEADER_WORDS, Header, invalid, is_magic};
use super::scan::Scan;
use crate::shared::assemble::Bounds;
use crate::shared::journal::Found;
use crate::shared::segment::{GENERATION, WORD};
use crate::shared::snapshot::{Meta, Snapshot};

/// How often a segment is read that is recycled meanwhile.
const TRIES: usize = 4;

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
    /// Those of the segment that was read last.
    words: Vec<u64>,
}

/// What is known of the lines of a part without looking at their text.
#[derive(Clone, Copy, Debug, Default)]
struct Census {
    lines: usize,
    bytes: usize,
    last_tick: u64,
    /// Published, but not whole.
    damaged: u64,
}

/// What was copied of a part.
#[derive(Default)]
struct Part {
    lines: Vec<Found>,
    /// How many lines there were before them.
    evicted: u64,
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
        let clear = Blocks::CLEARS.latest(&words, header.key());
        Ok(Reader {
            file,
            order,
            anchor: Blocks::ANCHORS.latest(&words, header.key()),
            clear: clear.unwrap_or_default(),
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
        mut self,
        bounds: impl FnOnce(&Header, u64) -> Bounds<'_>,
    ) -> io::Result<Lines> {
        let [all, pinned] = self.parts()?;
        let census = self.census(all.clone())?;
        let pinned_census = self.census(pinned.clone())?;
        let mut text = Vec::with_capacity(census.bytes + pinned_census.bytes);
        let quota = self.header.pinned_lines.min(pinned_census.lines);
        let all = self.copy(all, census, quota, &mut text)?;
        let pinned = self.copy(pinned, pinned_census, 0, &mut text)?;
        // The memory of a segment is free for what follows.
        self.words = Vec::new();

        let mut lines = all.lines;
        let pushed = all.evicted.saturating_add(lines.len() as u64);
        let pushed = pushed.saturating_sub(self.clear.more[0].min(all.evicted));
        let ticks = lines.iter().chain(&pinned.lines).map(|line| line.tick);
        let bounds = bounds(&self.header, ticks.max().unwrap_or(0));
        let first = bounds.first_kept(&lines, 0, 0);
        lines.drain(..first);
        let older = bounds.older_pinned(&pinned.lines, lines.first());
        lines.splice(0..0, older.iter().copied());
        drop(pinned);
        let timeline = bounds.timeline;
        let meta = |line: Found| line.meta(line.text, &timeline);
        // In place: one is as large as the other.
        let entries: Vec<_> = lines.into_iter().map(meta).collect();
        Ok(Lines {
            snapshot: Snapshot {
                evicted: pushed.saturating_sub(entries.len() as u64),
                entries,
                text,
            },
            damaged: census.damaged.saturating_add(pinned_census.damaged),
        })
    }

    /// The segments of all lines and of the pinned ones, as far as the file goes.
    fn parts(&mut self) -> io::Result<[Range<usize>; 2]> {
        let length = (self.file.metadata()?.len() as usize / WORD).saturating_sub(HEADER_WORDS);
        let segment_words = self.header.geometry.segment_words;
        self.words = vec![0; segment_words.min(length)];
        let there = length.div_ceil(segment_words.max(1));
        let first_pinned = self.header.geometry.segments.min(there);
        let end = self.header.geometry.segments + self.header.pinned_segments;
        Ok([
            0..first_pinned,
            first_pinned..end.min(there).max(first_pinned),
        ])
    }

    fn census(&mut self, segments: Range<usize>) -> io::Result<Census> {
        let line_limit = self.header.line_limit;
        let mut census = Census::default();
        for segment in segments {
            let scan = self.read(segment)?;
            let mut lines = 0;
            scan.each_line(line_limit, |line, _| {
                lines += 1;
                census.bytes += line.len as usize;
                census.last_tick = census.last_tick.max(line.tick);
            });
            census.lines += lines;
            census.damaged += scan.lines_claimed().saturating_sub(lines as u64);
        }
        Ok(census)
    }

    /// Copies the lines above the horizon in the order of their ticks, and counts the others.
    fn copy(
        &mut self,
        segments: Range<usize>,
        census: Census,
        more: usize,
        text: &mut Vec<u8>,
    ) -> io::Result<Part> {
        let line_limit = self.header.line_limit;
        let mut horizon = self.clear.tick;
        let mut recycled = 0;
        let mut lines = Vec::with_capacity(census.lines + more);
        for segment in segments {
            let scan = self.read(segment)?;
            horizon = horizon.max(scan.horizon());
            recycled = recycled.max(scan.lines_recycled());
            scan.each_line(line_limit, |line, words| {
                // A younger line may have been pushed after others that were not seen any more.
                if line.tick > census.last_tick {
                    return;
                }
                let start = text.len();
                let end = start + line.len as usize;
                for bytes in words.iter().map(|word| word.to_le_bytes()) {
                    let rest = (end - text.len()).min(WORD);
                    text.extend_from_slice(&bytes[..rest]);
                }
                lines.push(Found {
                    text: start,
                    ..line
                });
            });
        }
        lines.sort_unstable_by_key(Found::order);
        // A header that was made up may count the segments of pinned lines among the others.
        lines.dedup_by_key(|line| line.order());
        let old = lines.partition_point(|line| line.tick <= horizon);
        lines.drain(..old);
        Ok(Part {
            lines,
            evicted: (old as u64).saturating_add(recycled),
        })
    }

    /// Reads a segment, whole even if it is being recycled; what the file lacks of it is zero.
    fn read(&mut self, segment: usize) -> io::Result<Scan<'_>> {
        let start = HEADER_BYTES + segment * self.header.geometry.segment_words * WORD;
        for _ in 0..TRIES {
            self.read_words(start as u64)?;
            let mut again = [0; WORD];
            let place = (start + GENERATION * WORD) as u64;
            fill(self.file, place, &mut again)?;
            if self.words.get(GENERATION) == Some(&(self.order)(again)) {
                break;
            }
        }
        Ok(Scan::new(&self.words, self.header.key(), segment as u32))
    }

    fn read_words(&mut self, mut start: u64) -> io::Result<()> {
        let mut buffer = [0; 4096];
        for words in self.words.chunks_mut(buffer.len() / WORD) {
            let bytes = &mut buffer[..words.len() * WORD];
            fill(self.file, start, bytes)?;
            start += bytes.len() as u64;
            let (chunks, _) = bytes.as_chunks::<WORD>();
            for (word, chunk) in words.iter_mut().zip(chunks) {
                *word = (self.order)(*chunk);
            }
        }
        Ok(())
    }
}

/// Fills `bytes` from the place `start` of a file, with zeros where that has ended.
fn fill(mut file: &File, start: u64, bytes: &mut [u8]) -> io::Result<()> {
    file.seek(SeekFrom::Start(start))?;
    let mut filled = 0;
    while filled < bytes.len() {
        match file.read(&mut bytes[filled..]) {
            Ok(0) => break,
            Ok(read) => filled += read,
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    bytes[filled..].fill(0);
    Ok(())
}

// What `Reader::lines` counts on.
const _: () =
    assert!(size_of::<Meta>() == size_of::<Found>() && align_of::<Meta>() == align_of::<Found>());
