//! The table of segments that are sealed, free, or recycled.

use std::collections::VecDeque;
use std::mem;

#[derive(Default)]
pub(crate) struct SegmentTable {
    /// Full segments, the one whose last line is oldest in front.
    sealed: VecDeque<Sealed>,
    /// How many segments were handed out so far.
    made: u32,
    horizon: u64,
    lines_recycled: u64,
}

pub(crate) struct Sealed {
    pub(crate) index: u32,
    pub(crate) first_tick: u64,
    pub(crate) last_tick: u64,
    pub(crate) lines: u64,
    pub(crate) min_bytes: usize,
}

impl SegmentTable {
    pub(crate) fn seal(&mut self, sealed: Sealed) {
        // Nearly always the youngest; a thread that had been quiet seals an older one.
        let at = self
            .sealed
            .iter()
            .rposition(|other| other.last_tick < sealed.last_tick);
        self.sealed.insert(at.map_or(0, |at| at + 1), sealed);
    }

    /// The index of a segment to write to: the oldest, if its lines are past the bounds or there is
    /// no room for another, or else a new one.
    pub(crate) fn take(&mut self, min_lines: u64, min_bytes: usize, max_segments: u32) -> u32 {
        if (self.made >= max_segments || self.has_enough_without_oldest(min_lines, min_bytes))
            && let Some(index) = self.recycle_oldest()
        {
            return index;
        }
        self.made += 1;
        self.made - 1
    }

    /// The index of the oldest sealed segment, whose lines are evicted.
    pub(crate) fn recycle_oldest(&mut self) -> Option<u32> {
        let oldest = self.sealed.pop_front()?;
        self.raise_horizon(oldest.last_tick);
        self.lines_recycled += oldest.lines;
        Some(oldest.index)
    }

    /// Takes back the segment that [`take`](SegmentTable::take) returned, because it can't be used:
    /// there is no memory for another.
    pub(crate) fn untake(&mut self) {
        self.made = self.made.saturating_sub(1);
    }

    fn has_enough_without_oldest(&self, min_lines: u64, min_bytes: usize) -> bool {
        let Some(oldest) = self.sealed.front() else {
            return false;
        };
        let mut lines = 0;
        let mut bytes = 0;
        for other in &self.sealed {
            if other.first_tick > oldest.last_tick {
                lines += other.lines;
                bytes += other.min_bytes;
            }
        }
        lines >= min_lines || bytes >= min_bytes
    }

    pub(crate) fn sealed(&self) -> &VecDeque<Sealed> {
        &self.sealed
    }

    /// No line of this tick or an earlier one is to be shown.
    pub(crate) fn horizon(&self) -> u64 {
        self.horizon
    }

    pub(crate) fn raise_horizon(&mut self, tick: u64) {
        self.horizon = self.horizon.max(tick);
    }

    pub(crate) fn lines_recycled(&self) -> u64 {
        self.lines_recycled
    }

    /// Begins again with these sealed segments, after a thread disappeared in a fork while it
    /// changed the table.
    ///
    /// `made` is how many segments there are.
    pub(crate) fn rebuild(&mut self, sealed: Vec<Sealed>, made: u32) {
        // Its buffer may have been in the middle of a reallocation, so it is not dropped.
        mem::forget(mem::take(&mut self.sealed));
        self.made = made;
        for segment in sealed {
            self.seal(segment);
        }
    }
}
