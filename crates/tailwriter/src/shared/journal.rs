//! The lines of all threads: a log in segments, of which the oldest is recycled.
//!
//! Every thread appends to a segment of its own, its shard's active one, and touches nothing that
//! another thread writes to. Only when that is full does it take the lock of the [`Book`], once in
//! hundreds of lines: it seals the segment and takes another, by preference one whose lines are
//! all past the bounds.
//!
//! What is left after that is a suffix of everything in the order of the ticks, because lines that
//! are no younger than the youngest of a recycled segment (the horizon) are left out, too. The
//! suffix is long enough because a segment is recycled only while the segments wholly younger than
//! it hold all that the bounds ask for; those that are not (at most one sealed and one active a
//! shard) do not count.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use crossbeam_utils::CachePadded;

use super::book::{Book, Lock, Sealed};
use super::segment::{Segment, words_for};
use super::slot;
use crate::limits::Limits;

const NO_SEGMENT: u32 = u32::MAX;
const WORD: usize = size_of::<u64>();
const MIN_SEGMENT: usize = 8 << 10;
const MAX_SEGMENT_BY_BYTES: usize = 1 << 20;
const MAX_SEGMENTS: usize = 1 << 16;
/// A shard for each private slot and the one that all others share.
const SHARDS: usize = slot::PRIVATE + 1;

pub(super) struct Journal {
    segment_words: usize,
    /// Made when they are first needed, then kept.
    segments: Box<[OnceLock<Segment>]>,
    shards: Box<[CachePadded<Shard>]>,
    book: Lock<Book>,
    min_lines: u64,
    min_bytes: usize,
}

struct Shard {
    /// Only the shard's owner changes it, and only with the book in hand.
    active: AtomicU32,
    /// The tick of the shard's last line.
    last_tick: AtomicU64,
}

/// A line found in the journal; its text lies in the words copied along with it.
#[derive(Clone, Copy)]
pub(super) struct Found {
    pub(super) tick: u64,
    pub(super) shard: u32,
    pub(super) flags: u64,
    pub(super) len: u32,
    /// In words.
    pub(super) text: usize,
}

/// All that a journal holds at one moment: every line up to a tick that is not evicted.
#[derive(Default)]
pub(super) struct Contents {
    pub(super) words: Vec<u64>,
    /// In the order of their ticks.
    pub(super) lines: Vec<Found>,
    /// How many lines there are before them.
    pub(super) evicted: u64,
}

impl Journal {
    pub(super) fn new(limits: &Limits) -> Journal {
        let longest = words_for(limits.shared_line_limit());
        // Two of the longest lines; more if there would be thousands of segments otherwise.
        let page = (limits.max_bytes / 1024).clamp(MIN_SEGMENT, MAX_SEGMENT_BY_BYTES);
        let segment_words = (2 * longest).max(page / WORD);
        // Twice the bytes to be kept: a segment is at least half full when it is sealed, and of
        // its words the headers take a share. On top of that come, for every shard, an active
        // segment and one that is only partly young enough, and two to turn over.
        let bytes = limits.max_bytes.saturating_mul(2);
        let segments = (bytes / (segment_words * WORD)).saturating_add(2 * SHARDS + 2);
        Journal {
            segment_words,
            segments: (0..segments.min(MAX_SEGMENTS))
                .map(|_| OnceLock::new())
                .collect(),
            shards: (0..SHARDS)
                .map(|_| CachePadded::new(Shard::new()))
                .collect(),
            book: Lock::new(Book::default()),
            min_lines: limits.max_lines as u64,
            min_bytes: limits.max_bytes,
        }
    }

    /// Appends a line to the shard of `slot`, and says whether it could.
    ///
    /// The caller has that slot or, where the slot is shared, its lock. It can not where a forked
    /// child inherited the book's lock in a locked state.
    #[inline]
    pub(super) fn append(&self, slot: usize, tick: u64, flags: u64, line: &[u8]) -> bool {
        let Some(shard) = self.shards.get(slot) else {
            return false;
        };
        // Strictly rising within a shard, should the clock not be.
        let last_tick = shard.last_tick.load(Ordering::Relaxed);
        let tick = tick.max(last_tick + 1);
        let active = self.segment(shard.active.load(Ordering::Relaxed));
        let done = active.is_some_and(|segment| segment.append(tick, flags, line))
            || self.append_to_next(slot, last_tick, tick, flags, line);
        shard.last_tick.store(tick, Ordering::Relaxed);
        done
    }

    #[inline]
    fn segment(&self, index: u32) -> Option<&Segment> {
        self.segments.get(index as usize)?.get()
    }

    /// Seals the shard's segment and appends to another.
    #[cold]
    #[inline(never)]
    fn append_to_next(
        &self,
        slot: usize,
        last_tick: u64,
        tick: u64,
        flags: u64,
        line: &[u8],
    ) -> bool {
        let (Some(shard), Some(mut book)) = (self.shards.get(slot), self.book.lock()) else {
            return false;
        };
        let full = shard.active.load(Ordering::Relaxed);
        if let Some(segment) = self.segment(full) {
            let state = segment.state();
            book.seal(Sealed {
                index: full,
                shard: slot as u32,
                first_tick: segment.first_tick(),
                last_tick,
                lines: state.lines,
                min_bytes: state.min_bytes(),
            });
        }
        let next = book.take(self.min_lines, self.min_bytes, self.segments.len() as u32);
        let Some(cell) = self.segments.get(next as usize) else {
            return false;
        };
        let segment = cell.get_or_init(|| Segment::new(self.segment_words));
        segment.recycle();
        let fits = segment.append(tick, flags, line);
        shard.active.store(next, Ordering::Relaxed);
        fits
    }

    /// Copies what is kept at this moment, of which `now` tells the tick.
    ///
    /// Writers go on meanwhile. Should they recycle a segment before it is copied, the copy begins
    /// again; after three such tries it holds the book, and a writer waits whose segment is full.
    pub(super) fn contents(&self, now: impl Fn() -> u64) -> Contents {
        for _ in 0..3 {
            match self.try_contents(&now, false) {
                Some(contents) => return contents,
                None => continue,
            }
        }
        self.try_contents(&now, true).unwrap_or_default()
    }

    fn try_contents(&self, now: &impl Fn() -> u64, hold: bool) -> Option<Contents> {
        // No book: a forked child that inherited its lock; nothing can be told.
        let Some(book) = self.book.lock() else {
            return Some(Contents::default());
        };
        // Read with the book in hand: what is sealed is older, and what any thread pushed before
        // it pushed something that is older is older, too.
        let now = now();
        let horizon = book.horizon();
        let mut evicted = book.lines_recycled();
        let mut sources: Vec<(u32, u32, u64)> = Vec::with_capacity(book.sealed().len() + SHARDS);
        let generation = |index| self.segment(index).map_or(0, Segment::generation);
        for sealed in book.sealed() {
            sources.push((sealed.shard, sealed.index, generation(sealed.index)));
        }
        for (shard, at) in self.shards.iter().zip(0..) {
            let active = shard.active.load(Ordering::Relaxed);
            if active != NO_SEGMENT {
                sources.push((at, active, generation(active)));
            }
        }
        let held = hold.then_some(book);

        let mut contents = Contents::default();
        for (shard, index, generation) in sources {
            let from = contents.words.len();
            if !self
                .segment(index)?
                .copy_to(&mut contents.words, generation)
            {
                return None;
            }
            for line in super::segment::lines(&contents.words[from..]) {
                if line.tick > now {
                    break;
                }
                if line.tick <= horizon {
                    evicted += 1;
                    continue;
                }
                contents.lines.push(Found {
                    tick: line.tick,
                    shard,
                    flags: line.flags,
                    len: line.len as u32,
                    text: from + line.text,
                });
            }
        }
        drop(held);
        contents
            .lines
            .sort_unstable_by_key(|line| (line.tick, line.shard));
        contents.evicted = evicted;
        Some(contents)
    }

    /// Forgets every line up to the tick `now`.
    pub(super) fn clear(&self, now: u64) {
        if let Some(mut book) = self.book.lock() {
            book.raise_horizon(now);
        }
    }
}

impl Shard {
    fn new() -> Shard {
        Shard {
            active: AtomicU32::new(NO_SEGMENT),
            last_tick: AtomicU64::new(0),
        }
    }
}
