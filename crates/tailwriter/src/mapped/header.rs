//! The first page of the file, which says what the rest is.
//!
//! Word by word, what is here is described in `format.md`.

use std::io;
use std::time::Duration;

use super::checked::Checked;
use super::sum::{Key, agree};
use crate::limits::{Limits, MAX_SHARED_LINE_BYTES};
use crate::shared::memory::Geometry;
use crate::shared::segment::{Format, WORD};

pub(crate) const HEADER_BYTES: usize = 4096;
pub(crate) const HEADER_WORDS: usize = HEADER_BYTES / WORD;
/// A file larger than this is neither made nor read: 1 GiB.
pub(crate) const MAX_FILE_BYTES: u64 = 1 << 30;

/// Tells the byte order, too: the other way round, it reads `gnirliat`.
const MAGIC: u64 = u64::from_le_bytes(*b"tailring");
const VERSION: u64 = 1;
const MAX_SEGMENTS: u64 = 1 << 16;
const NO_AGE: u64 = u64::MAX;

const CHECK: usize = 19;
/// Where the blocks that change lie: two slots each, each in a cache line of its own.
const ANCHORS: usize = 32;
const CLEARS: usize = 48;
const SLOT_WORDS: usize = 8;

/// What never changes in a file.
#[derive(Clone, Debug)]
pub(crate) struct Header {
    pub(crate) geometry: Geometry,
    pub(crate) pinned_segments: usize,
    pub(crate) limits: Limits,
    pub(crate) line_limit: usize,
    pub(crate) pinned_lines: usize,
    pub(crate) file_id: [u64; 2],
    /// Zero if it is not known.
    pub(crate) boot_id: [u64; 2],
    pub(crate) pid: u32,
    pub(crate) clock_kind: u64,
    pub(crate) start_nanos: u64,
    pub(crate) start_ticks: u64,
}

impl Header {
    pub(crate) fn key(&self) -> Key {
        Key::new(self.file_id)
    }

    pub(crate) fn file_bytes(&self) -> u64 {
        let segments = self.geometry.segments as u64 + self.pinned_segments as u64;
        let bytes = (self.geometry.segment_words as u64 * WORD as u64).saturating_mul(segments);
        bytes.saturating_add(HEADER_BYTES as u64)
    }

    pub(crate) fn encode(&self) -> [u64; HEADER_WORDS] {
        let age = self.limits.max_age.map_or(NO_AGE, |age| {
            u64::try_from(age.as_nanos()).unwrap_or(NO_AGE - 1)
        });
        let facts: [u64; CHECK] = [
            MAGIC,
            VERSION,
            self.geometry.segment_words as u64,
            self.geometry.segments as u64,
            self.pinned_segments as u64,
            self.limits.max_lines as u64,
            self.limits.max_bytes as u64,
            self.line_limit as u64,
            self.pinned_lines as u64,
            age,
            self.file_id[0],
            self.file_id[1],
            self.boot_id[0],
            self.boot_id[1],
            u64::from(self.pid),
            self.clock_kind,
            self.start_nanos,
            self.start_ticks,
            0,
        ];
        let mut words = [0; HEADER_WORDS];
        words[..CHECK].copy_from_slice(&facts);
        words[CHECK] = self.key().of_block(Place::HEADER.0, &facts);
        words
    }

    /// Reads a header and says what is wrong with it, if anything is.
    pub(crate) fn decode(words: &[u64; HEADER_WORDS]) -> io::Result<Header> {
        let &[magic, version, segment_words, segments, pinned_segments, ..] = words;
        if magic != MAGIC {
            return Err(invalid("it does not begin like the ring file of a tail"));
        }
        if version != VERSION {
            return Err(invalid(&format!(
                "its format has the version {version}; only {VERSION} is known"
            )));
        }
        let key = Key::new([words[10], words[11]]);
        if !agree(key.of_block(Place::HEADER.0, &words[..CHECK]), words[CHECK]) {
            return Err(invalid("its header is damaged"));
        }
        let least_words = (Checked::FIRST_LINE + Checked::LINE_HEADER) as u64;
        let is_sound = (least_words..1 << 23).contains(&segment_words)
            && (1..=MAX_SEGMENTS).contains(&segments)
            && pinned_segments <= MAX_SEGMENTS
            && words[7] <= MAX_SHARED_LINE_BYTES as u64;
        let size = |word: u64| usize::try_from(word).unwrap_or(usize::MAX);
        let header = Header {
            geometry: Geometry {
                segment_words: size(segment_words),
                segments: size(segments),
            },
            pinned_segments: size(pinned_segments),
            limits: Limits {
                max_lines: size(words[5]),
                max_bytes: size(words[6]),
                max_line_bytes: size(words[7]),
                max_age: (words[9] != NO_AGE).then(|| Duration::from_nanos(words[9])),
            },
            line_limit: size(words[7]),
            pinned_lines: size(words[8]),
            file_id: [words[10], words[11]],
            boot_id: [words[12], words[13]],
            pid: words[14] as u32,
            clock_kind: words[15],
            start_nanos: words[16],
            start_ticks: words[17],
        };
        if !is_sound || header.file_bytes() > MAX_FILE_BYTES {
            return Err(invalid("its header describes segments that cannot be"));
        }
        Ok(header)
    }
}

/// Whether `word`, the first of a file, is that of a header, read in the right byte order.
pub(crate) fn is_magic(word: u64) -> bool {
    word == MAGIC
}

pub(crate) fn invalid(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}

/// What a checksum is of, so that no block is ever taken for another. Those of segments have
/// numbers from 2³² on.
#[derive(Clone, Copy)]
struct Place(u64);

impl Place {
    // The keys of laps have the numbers of their segments; these lie between.
    const HEADER: Place = Place(1 << 24);
    const ANCHORS: Place = Place(1 << 25);
    const CLEARS: Place = Place(1 << 26);
}

/// Three numbers that change together: written to two slots in turn, so that one is always whole.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Block {
    /// Never falls from one block to the next, so the greater of two is the later one.
    pub(crate) tick: u64,
    pub(crate) more: [u64; 2],
}

/// The blocks of a kind.
#[derive(Clone, Copy)]
pub(crate) struct Blocks {
    start: usize,
    place: Place,
}

impl Blocks {
    /// When a tick was: nanoseconds since the start, and since the Unix epoch.
    pub(crate) const ANCHORS: Blocks = Blocks {
        start: ANCHORS,
        place: Place::ANCHORS,
    };
    /// Up to which tick all lines are forgotten, and how many are not counted; then zero.
    pub(crate) const CLEARS: Blocks = Blocks {
        start: CLEARS,
        place: Place::CLEARS,
    };

    /// Where the block number `count` of a file goes, and its words.
    pub(crate) fn encode(self, key: Key, count: u64, block: Block) -> (usize, [u64; 4]) {
        let slot = count & 1;
        let [a, b] = block.more;
        let check = key.of_block(self.place.0 + slot, &[block.tick, a, b]);
        let start = self.start + slot as usize * SLOT_WORDS;
        (start, [block.tick, a, b, check])
    }

    /// The later of the blocks in both slots, as far as they are whole.
    pub(crate) fn latest(self, words: &[u64; HEADER_WORDS], key: Key) -> Option<Block> {
        let blocks = [0, 1].map(|slot| {
            let start = self.start + slot as usize * SLOT_WORDS;
            let &[tick, a, b, check] = words.get(start..start + 4)? else {
                return None;
            };
            let block = Block { tick, more: [a, b] };
            let (_, whole) = self.encode(key, slot, block);
            agree(whole[3], check).then_some(block)
        });
        blocks.into_iter().flatten().max_by_key(|block| block.tick)
    }
}
