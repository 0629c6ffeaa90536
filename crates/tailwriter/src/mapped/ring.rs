//! A mapped file as the memory of two journals: that of all lines and that of the pinned ones.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use super::checked::{self, Checked};
use super::header::{Block, Blocks, HEADER_WORDS, Header};
use super::map::Map;
use super::sum::Key;
use crate::clock::{Anchor, Clock};
use crate::shared::memory::{Lap, Memory};
use crate::shared::segment::Segment;
use crate::shared::snapshot::nanos;

/// The mapped file.
pub(crate) struct Ring {
    map: Map,
    key: Key,
    start: Anchor,
    /// From this tick on, what ticks mean is written down once more. Relaxed: whoever finds it too
    /// early asks `busy`, and writes a block that is right all the same.
    next_anchor: AtomicU64,
    anchors: AtomicU64,
    clears: AtomicU64,
    /// Somebody writes a block to the header: a lock, taken by a swap that acquires and opened by a
    /// store that releases, which is all that orders the words of a block and the two counts. No
    /// thread of this process reads the blocks.
    busy: AtomicBool,
}

impl Ring {
    pub(crate) fn new(map: Map, header: &Header, clock: &Clock) -> Ring {
        let ring = Ring {
            map,
            key: header.key(),
            start: clock.start(),
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

    /// Writes down what time it is now, and when to do so again.
    ///
    /// That is when as much time has passed as before, and once a second at least: so a line's time
    /// is found between two moments that are known, or soon after the later one.
    #[cold]
    fn write_anchor(&self, clock: &Clock) {
        if self.busy.swap(true, Ordering::Acquire) {
            return;
        }
        let now = clock.anchor();
        let elapsed = now.instant.duration_since(self.start.instant);
        let ticks = now.ticks.saturating_sub(self.start.ticks);
        let elapsed_nanos = u64::try_from(elapsed.as_nanos()).unwrap_or(u64::MAX);
        let block = Block {
            tick: now.ticks,
            more: [elapsed_nanos, nanos(now.system)],
        };
        self.write(Blocks::ANCHORS, &self.anchors, block);
        let wait = (ticks as f64 / elapsed.as_secs_f64().max(1.0)) as u64;
        self.next_anchor
            .store(now.ticks.saturating_add(wait.max(1)), Ordering::Relaxed);
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

/// The segments of one journal.
pub(crate) struct Part {
    ring: Arc<Ring>,
    segment_words: usize,
    /// The number of the first of its segments in the file.
    first: u32,
    segments: u32,
}

impl Part {
    /// The part of all lines and that of the pinned ones.
    pub(crate) fn both(ring: &Arc<Ring>, header: &Header) -> (Part, Option<Part>) {
        let part = |first: usize, segments: usize| Part {
            ring: Arc::clone(ring),
            segment_words: header.geometry.segment_words,
            first: first as u32,
            segments: segments as u32,
        };
        let all = part(0, header.geometry.segments);
        let pinned = part(header.geometry.segments, header.pinned_segments);
        (all, (header.pinned_segments > 0).then_some(pinned))
    }
}

impl Memory for Part {
    type Format = Checked;

    fn segments(&self) -> u32 {
        self.segments
    }

    #[inline]
    fn segment(&self, index: u32) -> Option<Segment<'_, Checked>> {
        if index >= self.segments {
            return None;
        }
        let start = HEADER_WORDS + (self.first + index) as usize * self.segment_words;
        let words = self
            .ring
            .map
            .words()
            .get(start..start + self.segment_words)?;
        Some(Segment::new(words))
    }

    fn make(&self, index: u32) -> Option<Segment<'_, Checked>> {
        self.segment(index)
    }

    fn begin_lap(&self, words: &[AtomicU64], generation: u64, lap: Lap) {
        let lap = Lap {
            index: self.first + lap.index,
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
