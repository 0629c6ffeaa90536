//! The memory that the segments of a journal are in.

use std::sync::OnceLock;

use super::segment::{Format, Plain, Segment, WORD};
use super::slot;
use crate::clock::Clock;
use crate::limits::Limits;
use crate::sync::AtomicU64;

/// A segment has a 32nd of the bytes to keep, within these limits. Larger segments take more memory for
/// each thread. Smaller ones cost time, because taking the next segment costs as much as pushing about a
/// dozen lines, and more while another thread does the same.
const MIN_SEGMENT: usize = 8 << 10;
const USUAL_SEGMENT: usize = 32 << 10;
const MAX_SEGMENT_BY_BYTES: usize = 1 << 20;
const MAX_SEGMENTS: usize = 1 << 16;

/// Memory that is divided into segments, and is told what a journal does with them.
pub(crate) trait Memory {
    type Format: Format;

    /// How many segments there can be.
    fn segments(&self) -> u32;

    /// A segment that was made before.
    fn segment(&self, index: u32) -> Option<Segment<'_, Self::Format>>;

    /// A segment, made now if it was not before. None if there is no memory for it.
    fn make(&self, index: u32) -> Option<Segment<'_, Self::Format>>;

    /// A segment, which consists of `words`, begins a new lap.
    fn begin_lap(&self, words: &[AtomicU64], generation: u64, lap: Lap);

    /// A line of this tick was pushed.
    fn pushed(&self, tick: u64, clock: &Clock);

    /// Every line up to this tick is forgotten. There were `lines`, which are no longer counted.
    fn cleared(&self, tick: u64, lines: u64);
}

/// The data with which a new lap of a segment begins.
#[derive(Clone, Copy)]
#[cfg_attr(not(feature = "mmap"), allow(dead_code))]
pub(crate) struct Lap {
    /// The number of the segment.
    pub(crate) index: u32,
    pub(crate) shard: u16,
    /// No line up to this tick may be shown.
    pub(crate) horizon: u64,
    /// How many lines were in segments that have been recycled, this one included.
    pub(crate) lines_recycled: u64,
}

/// How memory is divided.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Geometry {
    /// The number of words of a segment, with its header; a multiple of eight, so that each segment
    /// begins at a cache line.
    pub(crate) segment_words: usize,
    pub(crate) segments: usize,
}

impl Geometry {
    #[cfg(feature = "mmap")]
    pub(crate) fn words(&self) -> usize {
        self.segment_words * self.segments
    }

    /// The geometry for lines within these limits.
    pub(crate) fn of<F: Format>(limits: &Limits) -> Geometry {
        let longest = F::words_for(limits.shared_line_limit());
        // A segment has room for two of the longest lines, and for more if there would otherwise be
        // thousands of segments.
        let min = (limits.max_bytes / 32).clamp(MIN_SEGMENT, USUAL_SEGMENT);
        let page = (limits.max_bytes / 1024).clamp(min, MAX_SEGMENT_BY_BYTES);
        let line_words = (2 * longest).max(page / WORD);
        // Twice the bytes to keep, because a segment may be only half full when it is sealed, and headers
        // take a part of its words. In addition, each shard has an active segment and one that is only
        // partly new enough, and two more segments can be recycled.
        let bytes = limits.max_bytes.saturating_mul(2);
        let segments = (bytes / (line_words * WORD)).saturating_add(2 * slot::SHARDS + 2);
        Geometry {
            segment_words: (F::FIRST_LINE + line_words).next_multiple_of(8),
            segments: segments.min(MAX_SEGMENTS),
        }
    }
}

/// Memory of the process: segments are made when they are first needed, then kept.
pub(crate) struct Heap {
    segment_words: usize,
    segments: Box<[OnceLock<Box<[AtomicU64]>>]>,
}

impl Heap {
    pub(crate) fn new(limits: &Limits) -> Heap {
        let geometry = Geometry::of::<Plain>(limits);
        Heap {
            segment_words: geometry.segment_words,
            segments: (0..geometry.segments).map(|_| OnceLock::new()).collect(),
        }
    }
}

impl Memory for Heap {
    type Format = Plain;

    fn segments(&self) -> u32 {
        self.segments.len() as u32
    }

    #[inline]
    fn segment(&self, index: u32) -> Option<Segment<'_, Plain>> {
        let words = self.segments.get(index as usize)?.get()?;
        Some(Segment::new(words))
    }

    fn make(&self, index: u32) -> Option<Segment<'_, Plain>> {
        let cell = self.segments.get(index as usize)?;
        if cell.get().is_none() {
            // The caller holds the table's lock, so nothing else sets it.
            let _ = cell.set(zeros(self.segment_words)?);
        }
        self.segment(index)
    }

    fn begin_lap(&self, _: &[AtomicU64], _: u64, _: Lap) {}

    #[inline]
    fn pushed(&self, _: u64, _: &Clock) {}

    fn cleared(&self, _: u64, _: u64) {}
}

/// Returns zeros; None if there is no memory for them.
fn zeros(words: usize) -> Option<Box<[AtomicU64]>> {
    let mut zeros = Vec::new();
    zeros.try_reserve_exact(words).ok()?;
    zeros.extend((0..words).map(|_| AtomicU64::new(0)));
    Some(zeros.into_boxed_slice())
}
