//! The table of segments that are sealed, free, or recycled.

use std::collections::VecDeque;
use std::mem;

use super::archive::Archive;
use super::census::Census;
use crate::shares::Shares;

#[derive(Default)]
pub(crate) struct SegmentTable {
    /// Full segments, the one whose last line is oldest in front.
    sealed: VecDeque<Sealed>,
    /// How many segments were handed out so far.
    made: u32,
    horizon: u64,
    lines_recycled: u64,
    /// Every line up to this tick is forgotten, also if a share keeps it.
    cleared: u64,
    /// What shares keep of the segments that were recycled.
    pub(crate) archive: Archive,
    /// The memory of censuses of segments that were recycled, for the next ones.
    pub(crate) spare: Vec<Census>,
}

/// A segment to write to.
pub(crate) enum Taken {
    New(u32),
    /// Its lines are evicted, except for those that go to the archive.
    Recycled(Sealed),
}

pub(crate) struct Sealed {
    pub(crate) index: u32,
    pub(crate) first_tick: u64,
    pub(crate) last_tick: u64,
    pub(crate) lines: u64,
    pub(crate) min_bytes: usize,
    pub(crate) census: Census,
}

impl SegmentTable {
    pub(crate) fn new(shares: Option<&Shares>) -> SegmentTable {
        SegmentTable {
            archive: shares.map(Archive::new).unwrap_or_default(),
            ..SegmentTable::default()
        }
    }

    pub(crate) fn seal(&mut self, sealed: Sealed) {
        // Nearly always the youngest; a thread that had been quiet seals an older one.
        let at = self
            .sealed
            .iter()
            .rposition(|other| other.last_tick < sealed.last_tick);
        self.sealed.insert(at.map_or(0, |at| at + 1), sealed);
    }

    /// A segment to write to: the oldest, if its lines are past the bounds or there is
    /// no room for another, or else a new one.
    pub(crate) fn take(&mut self, min_lines: u64, min_bytes: usize, max_segments: u32) -> Taken {
        if (self.made >= max_segments || self.has_enough_without_oldest(min_lines, min_bytes))
            && let Some(oldest) = self.recycle_oldest()
        {
            return Taken::Recycled(oldest);
        }
        self.made += 1;
        Taken::New(self.made - 1)
    }

    /// The oldest sealed segment, whose lines are evicted.
    pub(crate) fn recycle_oldest(&mut self) -> Option<Sealed> {
        let oldest = self.sealed.pop_front()?;
        self.raise_horizon(oldest.last_tick);
        self.lines_recycled += oldest.lines;
        Some(oldest)
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

    pub(crate) fn cleared(&self) -> u64 {
        self.cleared
    }

    /// Forgets every line up to `tick`.
    pub(crate) fn clear(&mut self, tick: u64) {
        self.raise_horizon(tick);
        self.cleared = self.cleared.max(tick);
        self.archive.clear();
    }

    pub(crate) fn lines_recycled(&self) -> u64 {
        self.lines_recycled
    }

    /// Begins again with these sealed segments, after a thread disappeared in a fork while it
    /// changed the table.
    ///
    /// `made` is how many segments there are.
    pub(crate) fn rebuild(&mut self, sealed: Vec<Sealed>, made: u32, shares: Option<&Shares>) {
        // Their memory may have been in the middle of a reallocation, so they are not dropped.
        mem::forget(mem::take(&mut self.sealed));
        mem::forget(mem::take(&mut self.archive));
        mem::forget(mem::take(&mut self.spare));
        self.archive = shares.map(Archive::new).unwrap_or_default();
        self.made = made;
        for segment in sealed {
            self.seal(segment);
        }
    }
}
