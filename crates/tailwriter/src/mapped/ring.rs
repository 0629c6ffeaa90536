//! A mapped file that is the memory of several journals: one for all lines, and one for each class.

use std::fs::File;
use std::io;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU32, Ordering};

use super::checked::{self, Checked};
use super::file;
use super::header::{self, Block, Blocks, HEADER_BYTES, Header, nanos, no_space_mark};
use super::map::Map;
use super::sum::Key;
use crate::clock::{Anchor, Clock};
use crate::limits::CLASSES;
use crate::shared::memory::{Lap, Memory};
use crate::shared::segment::{Segment, WORD};
use crate::sync::{AtomicU64, ForkMutex, LockError};

/// The space of the file is reserved in pieces of this many bytes, or of one segment if that is longer.
const GROWTH: usize = 256 << 10;

/// The mapped file.
pub(crate) struct Ring {
    map: Map,
    key: Key,
    start: Anchor,
    reserved: usize,
    /// Its lock is held as long as it is open. A forked child closes its copy.
    file: ForkMutex<Option<File>>,
    /// The tick from which on the next anchor is due. Relaxed: a thread that reads an old value checks
    /// `busy` next, and an anchor that it writes too early is still correct.
    next_anchor: AtomicU64,
    anchors: AtomicU64,
    clears: AtomicU64,
    /// A spin lock for writing a block to the header. It is locked by a swap (acquire) and unlocked by a
    /// store (release), which order the words of the blocks and the two counts. No thread of this
    /// process reads the blocks.
    busy: AtomicBool,
}

impl Ring {
    pub(crate) fn new(map: Map, file: File, header: &Header, clock: &Clock) -> Ring {
        let ring = Ring {
            map,
            key: header.key(),
            start: clock.start(),
            reserved: header.reserved,
            file: ForkMutex::new(Some(file)),
            next_anchor: AtomicU64::new(0),
            anchors: AtomicU64::new(0),
            clears: AtomicU64::new(0),
            busy: AtomicBool::new(false),
        };
        ring.write_anchor(clock);
        ring
    }

    pub(crate) fn map(&self) -> &Map {
        &self.map
    }

    /// The area of the owner.
    pub(crate) fn reserved(&self) -> &[AtomicU8] {
        self.map.bytes(HEADER_BYTES, self.reserved)
    }

    /// Notes in the file that the disk had no space for a part of it.
    fn note_no_space(&self) {
        let (place, mark) = no_space_mark(self.key);
        if let Some(word) = self.map.words().get(place) {
            word.store(mark, Ordering::Relaxed);
        }
    }

    /// Whether the disk had no space for a part of the file.
    pub(crate) fn lacks_space(&self) -> bool {
        let (place, mark) = no_space_mark(self.key);
        let word = self.map.words().get(place);
        word.is_some_and(|word| word.load(Ordering::Relaxed) == mark)
    }

    /// Calls `act` with the file, unless this is a forked child that has closed it.
    pub(crate) fn with_file(&self, act: impl FnOnce(&File) -> io::Result<()>) -> io::Result<()> {
        match self.file.lock() {
            Ok(file) | Err(LockError::Orphaned(file)) => file.as_ref().map_or(Ok(()), act),
            // This is a signal handler that has interrupted this thread here.
            Err(_) => Err(io::ErrorKind::WouldBlock.into()),
        }
    }

    /// Closes the file. Called in a forked child.
    pub(crate) fn close(&self) {
        if let Ok(mut file) | Err(LockError::Orphaned(mut file)) = self.file.lock() {
            *file = None;
        }
    }

    /// Writes an anchor with the current time, and sets when the next one is due.
    ///
    /// The next one is due when the age of the tail has doubled, and after one second at the latest. So
    /// the time of every line is between two known times, or soon after the later one.
    #[cold]
    fn write_anchor(&self, clock: &Clock) {
        if self.busy.swap(true, Ordering::Acquire) {
            return;
        }
        let now = clock.timeline();
        let ticks = now.now.saturating_sub(self.start.ticks);
        let elapsed = now.duration(ticks);
        let block = Block {
            tick: now.now,
            more: [
                u64::try_from(elapsed.as_nanos()).unwrap_or(u64::MAX),
                nanos(now.system),
            ],
        };
        self.write(Blocks::ANCHORS, &self.anchors, block);
        let wait = (ticks as f64 / elapsed.as_secs_f64().max(1.0)) as u64;
        self.next_anchor
            .store(now.now.saturating_add(wait.max(1)), Ordering::Relaxed);
        self.busy.store(false, Ordering::Release);
    }

    fn write_clear(&self, tick: u64, lines: u64) {
        while self.busy.swap(true, Ordering::Acquire) {
            std::hint::spin_loop();
        }
        let block = Block {
            tick,
            more: [lines, 0],
        };
        self.write(Blocks::CLEARS, &self.clears, block);
        self.busy.store(false, Ordering::Release);
    }

    fn write(&self, blocks: Blocks, count: &AtomicU64, block: Block) {
        let number = count.fetch_add(1, Ordering::Relaxed);
        let (start, words) = blocks.encode(self.key, number, block);
        if let Some(places) = self.map.words().get(start..start + words.len()) {
            for (place, word) in places.iter().zip(words) {
                place.store(word, Ordering::Relaxed);
            }
        }
    }
}

/// The bytes of a new file that are reserved: the header, the area of the owner, the first piece of the
/// part of all lines, and that of each separate class.
pub(crate) fn first_reserved(header: &Header) -> Vec<Range<u64>> {
    let first = |class: usize| {
        let part = header.part(class);
        let end = part.start_of(piece(&part, 0));
        (part.start * WORD) as u64..(end * WORD) as u64
    };
    let separate = (1..CLASSES).filter(|class| header.limits.separate[*class]);
    let separate = separate.map(first).filter(|range| !range.is_empty());
    std::iter::once(0..first(0).end).chain(separate).collect()
}

/// The end of the piece that begins with the segment `index`.
fn piece(part: &header::Part, index: usize) -> usize {
    let segments = GROWTH / (part.geometry.segment_words * WORD).max(1);
    (index + segments.max(1)).min(part.geometry.segments)
}

/// The segments of one journal.
pub(crate) struct Part {
    ring: Arc<Ring>,
    layout: header::Part,
    /// The number of segments that have space on the disk. Relaxed: it is read and changed under the
    /// lock of the journal's segment table.
    reserved: AtomicU32,
}

impl Part {
    /// The part of a class. Class 0 is the part of all lines. The pieces of [`first_reserved`] are already
    /// reserved.
    pub(crate) fn new(ring: &Arc<Ring>, header: &Header, class: usize) -> Part {
        let layout = header.part(class);
        let is_reserved = class == 0 || header.limits.separate[class];
        let reserved = if is_reserved { piece(&layout, 0) } else { 0 };
        Part {
            ring: Arc::clone(ring),
            layout,
            reserved: AtomicU32::new(reserved as u32),
        }
    }

    /// Reserves space for the segment `index`, and for the next ones that fit into the same piece.
    fn grow(&self, index: u32) -> io::Result<()> {
        let end = piece(&self.layout, index as usize);
        let range = self.layout.start_of(index as usize)..self.layout.start_of(end);
        let bytes = (range.start * WORD) as u64..(range.end * WORD) as u64;
        self.ring
            .with_file(|file| file::reserve(file, bytes))
            .inspect_err(|error| {
                use io::ErrorKind::{QuotaExceeded, StorageFull};
                if matches!(error.kind(), StorageFull | QuotaExceeded) {
                    self.ring.note_no_space();
                }
            })?;
        self.reserved.store(end as u32, Ordering::Relaxed);
        Ok(())
    }
}

impl Memory for Part {
    type Format = Checked;

    fn segments(&self) -> u32 {
        self.layout.geometry.segments as u32
    }

    #[inline]
    fn segment(&self, index: u32) -> Option<Segment<'_, Checked>> {
        if index >= self.segments() {
            return None;
        }
        let start = self.layout.start_of(index as usize);
        let end = start + self.layout.geometry.segment_words;
        Some(Segment::new(self.ring.map.words().get(start..end)?))
    }

    fn make(&self, index: u32) -> Option<Segment<'_, Checked>> {
        if index >= self.reserved.load(Ordering::Relaxed) {
            self.grow(index).ok()?;
        }
        self.segment(index)
    }

    fn begin_lap(&self, words: &[AtomicU64], generation: u64, lap: Lap) {
        let lap = Lap {
            index: self.layout.first + lap.index,
            ..lap
        };
        checked::begin_lap(words, self.ring.key, generation, lap);
    }

    #[inline]
    fn pushed(&self, tick: u64, clock: &Clock) {
        if tick >= self.ring.next_anchor.load(Ordering::Relaxed) {
            self.ring.write_anchor(clock);
        }
    }

    fn cleared(&self, tick: u64, lines: u64) {
        self.ring.write_clear(tick, lines);
    }
}
