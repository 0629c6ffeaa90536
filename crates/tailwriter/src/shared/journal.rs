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

use crossbeam_utils::CachePadded;

use super::book::{Book, Lock, Sealed};
use super::memory::{Lap, Memory};
use super::segment::{self, Line, Segment};
use super::slot::SHARDS;
use crate::limits::Limits;
use crate::sync::{AtomicU32, AtomicU64, Ordering};

const NO_SEGMENT: u32 = u32::MAX;

pub(crate) struct Journal<M> {
    memory: M,
    shards: Box<[CachePadded<Shard>]>,
    /// Apart from what every push reads: whoever fills a segment writes to it.
    book: CachePadded<Lock<Book>>,
    min_lines: u64,
    min_bytes: usize,
}

struct Shard {
    /// Only the shard's owner changes it, and only with the book in hand.
    active: AtomicU32,
    /// The tick of the shard's last line.
    last_tick: AtomicU64,
}

/// A line found in a journal; its text lies in memory that was copied along with it.
#[derive(Clone, Copy)]
pub(crate) struct Found {
    pub(crate) tick: u64,
    /// Where its text begins, in words, or in bytes where that is said.
    pub(crate) text: usize,
    pub(crate) len: u32,
    pub(crate) shard: u16,
    /// The high half of the line's flags.
    pub(crate) flags: u16,
}

impl Found {
    /// What puts the lines of all shards in order.
    pub(crate) fn order(&self) -> (u64, u16) {
        (self.tick, self.shard)
    }
}

/// All that a journal holds at one moment: every line up to a tick that is not evicted.
#[derive(Default)]
pub(crate) struct Contents {
    pub(crate) words: Vec<u64>,
    /// In the order of their ticks.
    pub(crate) lines: Vec<Found>,
    /// How many lines there are before them.
    pub(crate) evicted: u64,
}

impl<M: Memory> Journal<M> {
    pub(crate) fn new(limits: &Limits, memory: M) -> Journal<M> {
        Journal {
            memory,
            shards: (0..SHARDS)
                .map(|_| CachePadded::new(Shard::new()))
                .collect(),
            book: CachePadded::new(Lock::new(Book::default())),
            min_lines: limits.max_lines as u64,
            min_bytes: limits.max_bytes,
        }
    }

    pub(crate) fn memory(&self) -> &M {
        &self.memory
    }

    /// Appends a line to the shard of `slot`, and says whether it could.
    ///
    /// The caller has that slot or, where the slot is shared, its lock. It can not where a forked
    /// child inherited the book's lock in a locked state.
    #[inline]
    pub(crate) fn append(&self, slot: usize, mut line: Line<'_>) -> bool {
        let Some(shard) = self.shards.get(slot) else {
            return false;
        };
        // Strictly rising within a shard, should the clock not be.
        let last_tick = shard.last_tick.load(Ordering::Relaxed);
        line.tick = line.tick.max(last_tick.saturating_add(1));
        let active = self.segment(shard.active.load(Ordering::Relaxed));
        let done = active.is_some_and(|segment| segment.append(line))
            || self.append_to_next(slot, last_tick, line);
        shard.last_tick.store(line.tick, Ordering::Relaxed);
        done
    }

    #[inline]
    fn segment(&self, index: u32) -> Option<Segment<'_, M::Format>> {
        self.memory.segment(index)
    }

    /// Seals the shard's segment and appends to another.
    #[cold]
    #[inline(never)]
    fn append_to_next(&self, slot: usize, last_tick: u64, line: Line<'_>) -> bool {
        let (Some(shard), Some(mut book)) = (self.shards.get(slot), self.book.lock()) else {
            return false;
        };
        let full = shard.active.load(Ordering::Relaxed);
        if let Some(segment) = self.segment(full) {
            book.seal(Sealed {
                index: full,
                shard: slot as u16,
                first_tick: segment.first_tick(),
                last_tick,
                lines: segment.lines(),
                min_bytes: segment.min_bytes(),
            });
        }
        let next = book.take(self.min_lines, self.min_bytes, self.memory.segments());
        let Some(segment) = self.memory.make(next) else {
            return false;
        };
        let lap = Lap {
            index: next,
            shard: slot as u16,
            horizon: book.horizon(),
            lines_recycled: book.lines_recycled(),
        };
        segment.recycle(|words, generation| self.memory.begin_lap(words, generation, lap));
        let fits = segment.append(line);
        shard.active.store(next, Ordering::Relaxed);
        fits
    }

    /// Copies what is kept at this moment, of which `now` tells the tick.
    ///
    /// Writers go on meanwhile. Should they recycle a segment before it is copied, the copy begins
    /// again; after three such tries it holds the book, and a writer waits whose segment is full.
    pub(crate) fn contents(&self, now: impl Fn() -> u64) -> Contents {
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
        let mut sources: Vec<(u16, u32, u64)> = Vec::with_capacity(book.sealed().len() + SHARDS);
        let generation = |index| {
            self.segment(index)
                .map_or(0, |segment| segment.generation())
        };
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
            for line in segment::lines::<M::Format>(&contents.words[from..]) {
                if line.tick > now {
                    break;
                }
                if line.tick <= horizon {
                    evicted += 1;
                    continue;
                }
                contents.lines.push(Found {
                    tick: line.tick,
                    text: from + line.text,
                    len: line.len as u32,
                    shard,
                    flags: (line.flags >> 32) as u16,
                });
            }
        }
        drop(held);
        contents.lines.sort_unstable_by_key(Found::order);
        contents.evicted = evicted;
        Some(contents)
    }

    /// Forgets every line up to the tick `now`.
    pub(crate) fn clear(&self, now: u64) {
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
