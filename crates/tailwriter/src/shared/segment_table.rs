//! The table of segments: the sealed ones, and those whose lines are evicted.

use std::collections::VecDeque;
use std::mem;

use super::archive::Archive;
use super::census::Census;
use crate::shares::Shares;

/// How many evicted segments are kept free for the thread that filled them.
const MAX_FREE: usize = 4;

#[derive(Default)]
pub(crate) struct SegmentTable {
    /// Full segments, sorted by their last line, the oldest first.
    sealed: VecDeque<Sealed>,
    /// Segments to recycle, because their lines are evicted; the one evicted first is at the front. A
    /// thread prefers those that it filled itself: their memory is in its processor's cache, and
    /// fetching it from another cache takes longer than writing a line.
    free: VecDeque<Sealed>,
    /// How many segments were created so far.
    made: u32,
    horizon: u64,
    lines_recycled: u64,
    /// Every line up to this tick is forgotten, even if a share keeps it.
    cleared: u64,
    /// The lines of recycled segments that shares keep.
    pub(crate) archive: Archive,
    /// The censuses of recycled segments, whose memory is reused.
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
    /// The shard that filled it.
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
        // Nearly always the newest; only a thread that was quiet seals an older one.
        let at = self
            .sealed
            .iter()
            .rposition(|other| other.last_tick < sealed.last_tick);
        self.sealed.insert(at.map_or(0, |at| at + 1), sealed);
    }

    /// Returns a segment for a shard to write to: one whose lines are evicted, or a new one.
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

    /// Evicts and returns the oldest segment.
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

    /// Takes back the new segment that [`take`](SegmentTable::take) returned, because there is no
    /// memory for it.
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

    /// The segments to recycle. The horizon hides their lines.
    pub(crate) fn free(&self) -> &VecDeque<Sealed> {
        &self.free
    }

    /// No line up to this tick may be shown.
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

    /// Rebuilds the table from these sealed segments, after a fork has ended a thread while it changed
    /// the table.
    ///
    /// `made` is the number of segments that exist.
    pub(crate) fn rebuild(&mut self, sealed: Vec<Sealed>, made: u32, shares: Option<&Shares>) {
        // A reallocation may have been interrupted, so the old lists must not be dropped.
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

    /// Two shards fill segments of one line in turn, and `min_lines` lines are kept. Returns each shard,
    /// and the shard that had filled the segment it got.
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
        // Without the preference, each shard would get its own segments with one of these numbers, and
        // those of the other shard with the other number.
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
