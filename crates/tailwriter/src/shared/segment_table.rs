//! The table of segments: those that are sealed, and those whose lines are evicted.

use std::collections::VecDeque;
use std::mem;

use super::archive::Archive;
use super::census::Census;
use crate::shares::Shares;

/// How many segments wait for the thread that filled them, although their lines are evicted.
const MAX_FREE: usize = 4;

#[derive(Default)]
pub(crate) struct SegmentTable {
    /// Full segments, the one whose last line is oldest in front.
    sealed: VecDeque<Sealed>,
    /// Segments whose lines are evicted, to be recycled; the one that was evicted first in front. A
    /// thread takes those that it filled itself: their memory is in its processor's cache, and
    /// fetching it from another's takes longer than writing a line.
    free: VecDeque<Sealed>,
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
    /// The shard that it belonged to.
    pub(crate) shard: u16,
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

    /// A segment for a shard to write to: one whose lines are past the bounds, or a new one if there
    /// is room.
    pub(crate) fn take(
        &mut self,
        shard: u16,
        min_lines: u64,
        min_bytes: usize,
        max_segments: u32,
    ) -> Taken {
        while self.has_enough_without_oldest(min_lines, min_bytes) {
            self.evict_oldest();
        }
        if let Some(own) = self.free.iter().position(|free| free.shard == shard)
            && let Some(own) = self.recycle(own)
        {
            return Taken::Recycled(own);
        }
        if (self.free.len() > MAX_FREE || self.made >= max_segments)
            && let Some(oldest) = self.recycle_oldest()
        {
            return Taken::Recycled(oldest);
        }
        self.made += 1;
        Taken::New(self.made - 1)
    }

    /// The oldest segment, whose lines are evicted.
    pub(crate) fn recycle_oldest(&mut self) -> Option<Sealed> {
        if self.free.is_empty() {
            self.evict_oldest();
        }
        self.recycle(0)
    }

    fn recycle(&mut self, free: usize) -> Option<Sealed> {
        let segment = self.free.remove(free)?;
        self.lines_recycled += segment.lines;
        Some(segment)
    }

    fn evict_oldest(&mut self) {
        if let Some(oldest) = self.sealed.pop_front() {
            self.raise_horizon(oldest.last_tick);
            self.free.push_back(oldest);
        }
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

    /// Segments that are to be recycled. The horizon hides their lines.
    pub(crate) fn free(&self) -> &VecDeque<Sealed> {
        &self.free
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

    /// How many lines were in segments that have been recycled.
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
        mem::forget(mem::take(&mut self.free));
        mem::forget(mem::take(&mut self.archive));
        mem::forget(mem::take(&mut self.spare));
        self.archive = shares.map(Archive::new).unwrap_or_default();
        self.made = made;
        for segment in sealed {
            self.seal(segment);
        }
    }
}

#[cfg(test)]
#[cfg(not(loom))]
mod tests {
    use super::*;

    /// Two shards that fill segments in turn, each of one line, where `min_lines` are kept: the shards
    /// that the segments they get had belonged to before.
    fn earlier_owners(turns: u64, min_lines: u64) -> Vec<(u16, Option<u16>)> {
        let mut table = SegmentTable::default();
        let mut owners: Vec<Option<u16>> = Vec::new();
        let mut got = Vec::new();
        for tick in 1..=turns {
            let shard = (tick % 2) as u16;
            let index = match table.take(shard, min_lines, usize::MAX, u32::MAX) {
                Taken::New(index) => index,
                Taken::Recycled(earlier) => earlier.index,
            };
            owners.resize(owners.len().max(index as usize + 1), None);
            got.push((shard, owners[index as usize].replace(shard)));
            table.seal(Sealed {
                index,
                shard,
                first_tick: tick,
                last_tick: tick,
                lines: 1,
                min_bytes: 1,
                census: Census::default(),
            });
            let kept: u64 = table.sealed.iter().map(|sealed| sealed.lines).sum();
            assert_eq!(
                kept + table.free.len() as u64 + table.lines_recycled(),
                tick
            );
            assert!(kept >= tick.min(min_lines));
            assert!(table.free.len() <= MAX_FREE);
        }
        got
    }

    #[test]
    fn a_shard_gets_segments_back_that_it_filled_itself() {
        // An even and an odd number: without any care, each shard gets its own segments by one of them,
        // and those of the other shard by the other.
        for min_lines in [3, 4] {
            let got = earlier_owners(100, min_lines);
            let is_foreign =
                |(shard, earlier): &&(u16, Option<u16>)| earlier.is_some_and(|it| it != *shard);
            assert_eq!(got.iter().filter(is_foreign).count(), 0, "{min_lines}");
            let made = got.iter().filter(|(_, earlier)| earlier.is_none());
            assert!(made.count() <= min_lines as usize + 1 + MAX_FREE);
        }
    }
}
