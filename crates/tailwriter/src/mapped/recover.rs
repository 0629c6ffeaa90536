//! Reads the complete lines in the bytes of a file.
//!
//! The file is read twice, a segment at a time: first to count, and then to copy the lines into memory
//! of exactly that size. So recovering takes at most twice the length of the file in memory. If
//! its owner is alive and writes, the lines are those written before the second pass.

use std::fs::File;
use std::io::{self, ErrorKind, Read, Seek, SeekFrom};

use super::header::{
    Block, Blocks, HEADER_BYTES, HEADER_WORDS, Header, Part, Unreadable, is_magic, no_space_mark,
};
use super::scan::Scan;
use crate::limits::CLASSES;
use crate::shared::assemble::Bounds;
use crate::shared::journal::Found;
use crate::shared::segment::{GENERATION, WORD};
use crate::shared::snapshot::Snapshot;

/// How often a segment is read again if it is recycled meanwhile.
const TRIES: usize = 4;

/// Decodes a word in the byte order of the file.
type Order = fn([u8; WORD]) -> u64;

/// A file with a valid header.
pub(crate) struct Reader<'f> {
    file: &'f File,
    order: Order,
    header: Header,
    /// The last tick whose time is known.
    anchor: Option<Block>,
    clear: Block,
    lacks_space: bool,
    /// The length of the file in bytes.
    length: u64,
    /// The words of the segment that was read last.
    words: Vec<u64>,
}

/// The counts of the lines of a part.
#[derive(Clone, Copy, Debug, Default)]
struct Census {
    lines: usize,
    bytes: usize,
    last_tick: u64,
    /// Published, but damaged.
    damaged: u64,
}

/// The copied lines of a part.
#[derive(Default)]
struct Copied {
    lines: Vec<Found>,
    /// How many lines came before them.
    evicted: u64,
}

/// The lines of a file.
pub(crate) struct Lines {
    pub(crate) snapshot: Snapshot,
    /// The lines of each separate class.
    pub(crate) classes: Vec<(u8, Snapshot)>,
    pub(crate) damaged: u64,
}

impl<'f> Reader<'f> {
    pub(crate) fn new(mut file: &'f File) -> io::Result<Reader<'f>> {
        let mut bytes = [0; HEADER_BYTES];
        file.rewind()?;
        file.read_exact(&mut bytes)
            .map_err(|error| match error.kind() {
                ErrorKind::UnexpectedEof => {
                    Unreadable::NotARing.because("it is too short for the ring file of a tail")
                }
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
        let length = file.metadata()?.len();
        if length > header.file_bytes() {
            return Err(Unreadable::Damaged.because("it is longer than its header says"));
        }
        let clear = Blocks::CLEARS.latest(&words, header.key());
        let (place, mark) = no_space_mark(header.key());
        let lacks_space = words[place] == mark;
        Ok(Reader {
            file,
            order,
            anchor: Blocks::ANCHORS.latest(&words, header.key()),
            clear: clear.unwrap_or_default(),
            lacks_space,
            header,
            length,
            words: Vec::new(),
        })
    }

    /// The area of the owner.
    pub(crate) fn reserved(&self) -> io::Result<Vec<u8>> {
        let there = self.length.saturating_sub(HEADER_BYTES as u64);
        let mut bytes = vec![0; self.header.reserved.min(there as usize)];
        fill(self.file, HEADER_BYTES as u64, &mut bytes)?;
        Ok(bytes)
    }

    pub(crate) fn header(&self) -> &Header {
        &self.header
    }

    pub(crate) fn lacks_space(&self) -> bool {
        self.lacks_space
    }

    pub(crate) fn anchor(&self) -> Option<Block> {
        self.anchor
    }

    /// Copies the lines that are within the bounds, which `bounds` computes from the last tick.
    pub(crate) fn lines(
        mut self,
        bounds: impl FnOnce(&Header, u64) -> Bounds<'_>,
    ) -> io::Result<Lines> {
        let parts: [Part; CLASSES] = std::array::from_fn(|class| self.header.part(class));
        let mut counts = [Census::default(); CLASSES];
        for (part, census) in parts.iter().zip(&mut counts) {
            *census = self.census(part)?;
        }
        let limits = self.header.limits.clone();
        let (separate, quotas): (Vec<usize>, Vec<usize>) = (1..CLASSES)
            .filter(|class| counts[*class].lines > 0)
            .partition(|class| limits.separate[*class]);
        let bytes = quotas.iter().map(|class| counts[*class].bytes);
        let mut text = Vec::with_capacity(counts[0].bytes + bytes.sum::<usize>());
        let most_older = quotas
            .iter()
            .map(|class| counts[*class].lines.min(limits.quotas[*class]));
        let all = self.copy(&parts[0], &counts[0], most_older.sum(), &mut text)?;
        let mut of_classes = Vec::with_capacity(quotas.len());
        for class in quotas {
            let copied = self.copy(&parts[class], &counts[class], 0, &mut text)?;
            of_classes.push((class, copied.lines));
        }
        let mut of_separate = Vec::with_capacity(separate.len());
        for class in separate {
            let mut text = Vec::with_capacity(counts[class].bytes);
            let copied = self.copy(&parts[class], &counts[class], 0, &mut text)?;
            of_separate.push((class, copied, text));
        }
        // Frees the memory of the segment before the lines are assembled.
        self.words = Vec::new();

        let mut lines = all.lines;
        let pushed = all.evicted.saturating_add(lines.len() as u64);
        let pushed = pushed.saturating_sub(self.clear.more[0].min(all.evicted));
        let others = of_classes.iter().flat_map(|(_, lines)| lines);
        let others = others.chain(of_separate.iter().flat_map(|(_, copied, _)| &copied.lines));
        let last_tick = lines.iter().chain(others).map(|line| line.tick).max();
        let bounds = bounds(&self.header, last_tick.unwrap_or(0));
        let first = bounds.first_kept(&lines);
        lines.drain(..first);
        let first = lines.first().copied();
        let of_all = lines.len();
        for (class, of_class) in of_classes {
            let older = bounds.older_of_class(class, &of_class, first.as_ref());
            lines.splice(0..0, older.iter().copied());
        }
        let apart = lines.len() - of_all;
        lines.sort_unstable_by_key(Found::order);
        let classes = of_separate
            .into_iter()
            .filter_map(|(class, mut copied, text)| {
                let bounds = Bounds {
                    limits: &limits.of_class(class)?,
                    timeline: bounds.timeline,
                };
                let first = bounds.first_kept(&copied.lines);
                copied.lines.drain(..first);
                let snapshot = Snapshot {
                    evicted: copied.evicted.saturating_add(first as u64),
                    entries: copied.lines,
                    timeline: bounds.timeline,
                    text,
                    ..Snapshot::default()
                };
                Some((class as u8, snapshot))
            });
        Ok(Lines {
            classes: classes.collect(),
            snapshot: Snapshot {
                evicted: pushed.saturating_sub(lines.len() as u64),
                entries: lines,
                timeline: bounds.timeline,
                text,
                apart,
                ..Snapshot::default()
            },
            damaged: counts.iter().map(|census| census.damaged).sum(),
        })
    }

    /// How many segments of a part are in the file. The last one may be incomplete.
    fn segments(&self, part: &Part) -> usize {
        let words = (self.length as usize / WORD).saturating_sub(part.start);
        let there = words.div_ceil(part.geometry.segment_words.max(1));
        part.geometry.segments.min(there)
    }

    fn census(&mut self, part: &Part) -> io::Result<Census> {
        let line_limit = self.header.line_limit;
        let mut census = Census::default();
        for segment in 0..self.segments(part) {
            let scan = self.read(part, segment)?;
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

    /// Copies the lines after the horizon in the order of their ticks, and counts the others.
    fn copy(
        &mut self,
        part: &Part,
        census: &Census,
        more: usize,
        text: &mut Vec<u8>,
    ) -> io::Result<Copied> {
        let line_limit = self.header.line_limit;
        let mut horizon = self.clear.tick;
        let mut recycled = 0;
        let mut lines = Vec::with_capacity(census.lines + more);
        for segment in 0..self.segments(part) {
            let scan = self.read(part, segment)?;
            horizon = horizon.max(scan.horizon());
            recycled = recycled.max(scan.lines_recycled());
            scan.each_line(line_limit, |line, words| {
                // A line newer than the count may come after others that this pass has missed.
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
        // In a forged header, the segments of classes may overlap.
        lines.dedup_by_key(|line| line.order());
        let old = lines.partition_point(|line| line.tick <= horizon);
        lines.drain(..old);
        Ok(Copied {
            lines,
            evicted: (old as u64).saturating_add(recycled),
        })
    }

    /// Reads a segment consistently, even if it is being recycled. Words beyond the end of the file
    /// are zero.
    fn read(&mut self, part: &Part, segment: usize) -> io::Result<Scan<'_>> {
        let start = part.start_of(segment) * WORD;
        let words = part.geometry.segment_words;
        self.words.resize(words.min(self.length as usize / WORD), 0);
        for _ in 0..TRIES {
            self.read_words(start as u64)?;
            let mut again = [0; WORD];
            let place = (start + GENERATION * WORD) as u64;
            fill(self.file, place, &mut again)?;
            if self.words.get(GENERATION) == Some(&(self.order)(again)) {
                break;
            }
        }
        let number = part.first + segment as u32;
        Ok(Scan::new(&self.words, self.header.key(), number))
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

/// Fills `bytes` from the offset `start` of a file, and with zeros beyond its end.
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
