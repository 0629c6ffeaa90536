//! The lines of all threads, in segments. The oldest segment is recycled.
//!
//! Each thread appends to a segment of its own: the active segment of its shard. It touches nothing that
//! another thread writes to. When the segment is full, once in hundreds of lines, the thread locks the
//! [`SegmentTable`], seals the segment and takes another, if possible one whose lines are all beyond the
//! bounds.
//!
//! Lines that are not newer than the newest line of a recycled segment (the horizon) are left out of a
//! snapshot. So the lines that are left are the last ones in the order of their ticks, without a gap.
//! There are enough of them, because a segment is recycled only if the segments that are entirely newer
//! hold all lines that the bounds require. Segments that are only partly newer do not count: at most one
//! sealed and one active segment of each shard.

use super::census::Census;
use super::memory::{Heap, Lap, Memory};
use super::segment::{self, Line, Segment, Text, Words};
use super::segment_table::{Sealed, SegmentTable, Taken};
use super::slot::SHARDS;
use crate::clock::Clock;
use crate::limits::Limits;
use crate::shares::{KnownKind, Shares};
use crate::sync::{AtomicU32, AtomicU64, ForkMutex, ForkMutexGuard, LockError, Ordering, Padded};

const NO_SEGMENT: u32 = u32::MAX;
/// A flag of a [`Found`] line: its segment is not sealed, so no census has counted the line.
pub(crate) const NOT_COUNTED: u16 = 1 << 14;

pub(crate) struct Journal<M> {
    memory: M,
    shards: Box<[Padded<Shard>; SHARDS]>,
    /// In cache lines of its own, apart from the data that every push reads, because a thread that has
    /// filled a segment writes to it.
    table: Padded<ForkMutex<SegmentTable>>,
    min_lines: u64,
    min_bytes: usize,
    shares: Option<Shares>,
    /// A copy of the table's value: all lines up to this tick are forgotten. Relaxed: it changes under
    /// the table's lock, and a census that is taken at the same time may count a forgotten line.
    cleared: AtomicU64,
}

struct Shard {
    /// Only the shard's owner changes it, and only while it holds the table's lock.
    active: AtomicU32,
    /// The tick of the shard's last line.
    last_tick: AtomicU64,
}

/// A line that was found in a journal. Its text is in the memory that was copied with it.
#[derive(Clone, Copy)]
pub(crate) struct Found {
    pub(crate) tick: u64,
    /// Where its text begins: in words, or in a snapshot in bytes.
    pub(crate) text: usize,
    pub(crate) len: u32,
    pub(crate) shard: u16,
    /// The high half of the line's flags.
    pub(crate) flags: u16,
}

impl Found {
    /// The sort key for the lines of all shards.
    pub(crate) fn order(&self) -> (u64, u16) {
        (self.tick, self.shard)
    }
}

/// The content of a journal at one moment: all lines up to a tick that are not evicted.
#[derive(Default)]
pub(crate) struct Contents {
    pub(crate) words: Vec<u64>,
    /// In the order of their ticks.
    pub(crate) lines: Vec<Found>,
    /// How many lines there are before them.
    pub(crate) evicted: u64,
    /// Older lines that a share may keep, in no particular order. Some occur twice.
    pub(crate) others: Vec<Found>,
    /// What is known of the groups of each kind.
    pub(crate) known: Vec<KnownKind>,
}

impl Contents {
    /// Subtracts lines that do not count as evicted.
    pub(crate) fn without(mut self, not_counted: u64) -> Contents {
        self.evicted = self.evicted.saturating_sub(not_counted);
        self
    }
}

impl<M: Memory> Journal<M> {
    pub(crate) fn new(limits: &Limits, memory: M) -> Journal<M> {
        Journal {
            memory,
            shards: Box::new(std::array::from_fn(|_| Padded(Shard::new()))),
            table: Padded(ForkMutex::new(SegmentTable::new(limits.shares.as_ref()))),
            min_lines: limits.max_lines as u64,
            min_bytes: limits.max_bytes,
            shares: limits.shares.clone(),
            cleared: AtomicU64::new(0),
        }
    }

    pub(crate) fn memory(&self) -> &M {
        &self.memory
    }

    /// Appends a line to the shard of `slot` and returns its tick, which is read from the clock.
    ///
    /// The caller must own the slot or, if the slot is shared, hold its lock. Returns `None` if the line
    /// could not be kept.
    #[inline(always)]
    pub(crate) fn append(
        &self,
        slot: usize,
        flags: u64,
        text: impl Text,
        clock: &Clock,
    ) -> Option<u64> {
        let shard = self.shards.get(slot)?;
        let tick = match clock.tick(shard.0.last_tick.load(Ordering::Relaxed)) {
            Some(tick) => tick,
            None => self.late_tick(clock),
        };
        let line = Line { tick, flags, text };
        if let Some(segment) = self.active(shard)
            && segment.append(line)
        {
            shard.0.last_tick.store(line.tick, Ordering::Relaxed);
            return Some(line.tick);
        }
        // The parts of the line are passed, and not the line itself, which would have to be stored in
        // memory.
        self.append_to_next(slot, 0, flags, text, Some(clock))
    }

    /// Appends a line whose tick is known, and is greater than that of the shard's last line.
    #[inline]
    pub(crate) fn append_at(&self, slot: usize, line: Line<impl Text>) -> bool {
        let Some(shard) = self.shards.get(slot) else {
            return false;
        };
        if self
            .active(shard)
            .is_some_and(|segment| segment.append(line))
        {
            shard.0.last_tick.store(line.tick, Ordering::Relaxed);
            return true;
        }
        self.append_to_next(slot, line.tick, line.flags, line.text, None)
            .is_some()
    }

    #[inline]
    fn active(&self, shard: &Padded<Shard>) -> Option<Segment<'_, M::Format>> {
        self.memory.segment(shard.0.active.load(Ordering::Relaxed))
    }

    /// Seals the shard's segment, and appends the line to another one. With a clock, the line gets a new
    /// tick.
    #[cold]
    #[inline(never)]
    fn append_to_next(
        &self,
        slot: usize,
        tick: u64,
        flags: u64,
        text: impl Text,
        clock: Option<&Clock>,
    ) -> Option<u64> {
        let mut line = Line { tick, flags, text };
        let shard = &self.shards.get(slot)?.0;
        let full = shard.active.load(Ordering::Relaxed);
        let census = self.census(full);
        let mut table = self.lock_table()?;
        let last_tick = shard.last_tick.load(Ordering::Relaxed);
        if let Some(clock) = clock {
            // The lines that are recycled below are not newer than `seen`, and this line is newer, so the
            // horizon does not hide it. From now on no thread gets a tick up to `seen`.
            let seen = self.last_tick_of_shards().max(table.horizon());
            line.tick = clock.tick_after(seen);
            clock.raise_floor(seen);
        }
        if let Some(segment) = self.memory.segment(full) {
            table
                .archive
                .count(&census, slot as u16, segment.first_tick());
            table.seal(Sealed {
                index: full,
                shard: slot as u16,
                first_tick: segment.first_tick(),
                last_tick,
                lines: segment.lines(),
                min_bytes: segment.min_bytes(),
                census,
            });
        }
        let max_segments = self.memory.segments();
        let taken = match table.take(slot as u16, self.min_lines, self.min_bytes, max_segments) {
            Taken::New(index) if self.memory.make(index).is_none() => {
                // There is no memory for another segment, so an existing one is recycled.
                table.untake();
                table.recycle_oldest().map(Taken::Recycled)
            }
            taken => Some(taken),
        };
        let next = match &taken {
            Some(Taken::New(index)) => *index,
            Some(Taken::Recycled(old)) => old.index,
            None => NO_SEGMENT,
        };
        let Some(segment) = self.memory.segment(next) else {
            shard.active.store(NO_SEGMENT, Ordering::Relaxed);
            return None;
        };
        if let Some(Taken::Recycled(old)) = taken {
            let cleared = table.cleared();
            table.archive.keep(&old.census, &segment, cleared);
            if self.shares.is_some() {
                table.spare.push(old.census);
            }
        }
        let lap = Lap {
            index: next,
            shard: slot as u16,
            horizon: table.horizon(),
            lines_recycled: table.lines_recycled(),
        };
        segment.recycle(lap.shard, |words, generation| {
            self.memory.begin_lap(words, generation, lap);
        });
        let fits = segment.append(line);
        shard.active.store(next, Ordering::Relaxed);
        shard.last_tick.store(line.tick, Ordering::Relaxed);
        fits.then_some(line.tick)
    }

    /// Counts the lines of the segment `full` by their groups. This thread writes to that segment.
    fn census(&self, full: u32) -> Census {
        let (Some(shares), Some(segment)) = (&self.shares, self.memory.segment(full)) else {
            return Census::default();
        };
        let spare = self.lock_table().and_then(|mut table| table.spare.pop());
        let cleared = self.cleared.load(Ordering::Relaxed);
        Census::of(&segment, shares, cleared, spare.unwrap_or_default())
    }

    fn lock_table(&self) -> Option<ForkMutexGuard<'_, SegmentTable>> {
        match self.table.0.lock() {
            Ok(table) => Some(table),
            Err(LockError::Orphaned(mut table)) => {
                self.rebuild(&mut table);
                Some(table)
            }
            // Only a signal handler that interrupts this thread here gets this error, and `slot::enter`
            // does not let it in.
            Err(_) => None,
        }
    }

    /// Rebuilds the table from the segments, in a forked child, if a thread of the parent was changing
    /// the table.
    #[cold]
    fn rebuild(&self, table: &mut SegmentTable) {
        let is_active = |index: u32| {
            self.shards
                .iter()
                .any(|shard| shard.0.active.load(Ordering::Relaxed) == index)
        };
        let mut sealed = Vec::new();
        let mut made = 0;
        for index in 0..self.memory.segments() {
            let Some(segment) = self.memory.segment(index) else {
                continue;
            };
            if segment.generation() == 0 {
                continue;
            }
            made = index + 1;
            if is_active(index) {
                continue;
            }
            let mut words = Vec::new();
            segment.copy_to(&mut words, segment.generation());
            let ticks = segment::lines::<M::Format>(&words).map(|line| line.tick);
            sealed.push(Sealed {
                index,
                shard: segment.shard(),
                first_tick: ticks.clone().next().unwrap_or(0),
                last_tick: ticks.last().unwrap_or(0),
                lines: segment.lines(),
                min_bytes: segment.min_bytes(),
                // Empty, so shares keep none of these lines: the memory of another thread can't be
                // searched here.
                census: Census::default(),
            });
        }
        // One more, because the next segment may be half made. It is never used.
        table.rebuild(sealed, made + 1, self.shares.as_ref());
    }

    /// Returns a tick if the clock seems to have jumped back.
    #[cold]
    #[inline(never)]
    fn late_tick(&self, clock: &Clock) -> u64 {
        clock.tick_after(self.last_tick_of_shards())
    }

    /// The greatest tick of all lines so far.
    fn last_tick_of_shards(&self) -> u64 {
        let shards = self.shards.iter();
        let ticks = shards.map(|shard| shard.0.last_tick.load(Ordering::Relaxed));
        ticks.max().unwrap_or(0)
    }

    /// Copies the lines that are kept at this moment. `now` returns the tick of the moment: it gets the
    /// greatest tick that was seen, and must return one that is not smaller.
    ///
    /// Writers continue meanwhile. Returns `None` if a writer has recycled a segment before it was
    /// copied. With `hold`, this can't happen, because writers whose segment is full must wait.
    pub(crate) fn try_contents(
        &self,
        now: impl FnOnce(u64) -> u64,
        hold: bool,
    ) -> Option<Contents> {
        let Some(table) = self.lock_table() else {
            return Some(Contents::default());
        };
        // The clock is read while the lock is held. So every sealed line, and every line that was pushed
        // before a sealed one, has a smaller tick.
        let now = now(self.last_tick_of_shards().max(table.horizon()));
        let horizon = table.horizon();
        let mut evicted = table.lines_recycled();
        let mut sources: Vec<(u32, u64, u16)> = Vec::with_capacity(table.sealed().len() + SHARDS);
        let mut add = |index: u32, flags: u16| {
            let generation = self.memory.segment(index)?.generation();
            sources.push((index, generation, flags));
            Some(())
        };
        for sealed in table.free().iter().chain(table.sealed()) {
            add(sealed.index, 0);
        }
        for shard in self.shards.iter() {
            add(shard.0.active.load(Ordering::Relaxed), NOT_COUNTED);
        }
        let mut contents = Contents::default();
        let cleared = table.cleared();
        table.archive.copy_to(&mut contents);
        let held = hold.then_some(table);

        for (index, generation, flags) in sources {
            let from = contents.words.len();
            let segment = self.memory.segment(index)?;
            let shard = segment.shard();
            if !segment.copy_to(&mut contents.words, generation) {
                return None;
            }
            for line in segment::lines::<M::Format>(&contents.words[from..]) {
                if line.tick > now {
                    break;
                }
                let found = Found {
                    tick: line.tick,
                    text: from + line.text,
                    len: line.len as u32,
                    shard,
                    flags: (line.flags >> 32) as u16 | flags,
                };
                if line.tick > horizon {
                    contents.lines.push(found);
                    continue;
                }
                evicted += 1;
                if self.shares.is_some() && line.tick > cleared {
                    contents.others.push(found);
                }
            }
        }
        drop(held);
        contents.lines.sort_unstable_by_key(Found::order);
        contents.evicted = evicted;
        Some(contents)
    }

    /// Forgets every line up to the tick that `now` returns for this moment.
    pub(crate) fn clear(&self, now: impl FnOnce(u64) -> u64) {
        if let Some(mut table) = self.lock_table() {
            let now = now(self.last_tick_of_shards().max(table.horizon()));
            table.clear(now);
            self.cleared.store(now, Ordering::Relaxed);
        }
    }
}

impl Journal<Heap> {
    /// Appends the line that is the first `len` bytes of `words` to the shard of `slot`, which the caller
    /// must own. Returns false if the segment has no room, or if the clock is not the processor's counter
    /// or seems to have jumped back.
    #[inline(always)]
    pub(crate) fn append_words<const N: usize>(
        &self,
        slot: usize,
        clock: &Clock,
        len: usize,
        words: impl Words<N>,
    ) -> bool {
        let Some(Padded(shard)) = self.shards.get(slot) else {
            return false;
        };
        let Some(tick) = clock.counted_tick(shard.last_tick.load(Ordering::Relaxed)) else {
            return false;
        };
        let Some(segment) = self.memory.segment(shard.active.load(Ordering::Relaxed)) else {
            return false;
        };
        if !segment.append_words(tick, len, words) {
            return false;
        }
        shard.last_tick.store(tick, Ordering::Relaxed);
        true
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
