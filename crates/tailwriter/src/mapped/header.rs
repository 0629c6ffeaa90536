//! The first page of the file, which describes the rest.
//!
//! `format.md` describes it word by word.

use std::error::Error;
use std::time::{Duration, SystemTime};
use std::{fmt, io};

use super::checked::Checked;
use super::sum::{Key, agree};
use crate::limits::{CLASSES, Limits, MAX_SHARED_LINE_BYTES};
use crate::shared::memory::Geometry;
use crate::shared::segment::{Format, WORD};

pub(crate) const HEADER_BYTES: usize = 4096;
pub(crate) const HEADER_WORDS: usize = HEADER_BYTES / WORD;
/// The longest file that is created or read: 1 GiB.
pub(crate) const MAX_FILE_BYTES: u64 = 1 << 30;

/// Also shows the byte order: read in the wrong order, it is `gnirliat`.
const MAGIC: u64 = u64::from_le_bytes(*b"tailring");
pub(crate) const VERSION: u64 = 3;
/// Has no separate classes, and is the same otherwise.
const PREVIOUS_VERSION: u64 = 2;
const MAX_SEGMENTS: u64 = 1 << 16;
const NO_AGE: u64 = u64::MAX;

const ID: usize = 7;
/// Three words for each class: its limit in lines, the words per segment, and the number of segments.
const PARTS: usize = 16;
const PART_WORDS: usize = 3;
const CHECK: usize = PARTS + CLASSES * PART_WORDS;
/// The places of the blocks that change: two slots each, in a cache line of their own.
const ANCHORS: usize = 48;
const CLEARS: usize = 64;
const SLOT_WORDS: usize = 8;
/// See [`no_space_mark`].
const NO_SPACE: usize = 80;

/// Nanoseconds since the Unix epoch, which fit until the year 2554.
pub(crate) fn nanos(time: SystemTime) -> u64 {
    let since = time.duration_since(SystemTime::UNIX_EPOCH);
    u64::try_from(since.unwrap_or_default().as_nanos()).unwrap_or(u64::MAX)
}

/// The facts that never change in a file.
#[derive(Clone, Debug)]
pub(crate) struct Header {
    /// The size in bytes of the owner's area, which follows the header.
    pub(crate) reserved: usize,
    /// The segments of all lines, and then those of the lines of each class.
    pub(crate) parts: [Geometry; CLASSES],
    pub(crate) limits: Limits,
    pub(crate) line_limit: usize,
    pub(crate) file_id: [u64; 2],
    /// Zero if not known.
    pub(crate) boot_id: [u64; 2],
    pub(crate) pid: u32,
    pub(crate) clock_kind: u64,
    pub(crate) start_nanos: u64,
    pub(crate) start_ticks: u64,
}

/// The place of the segments of one class.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Part {
    /// The word of the file at which the first segment begins.
    pub(crate) start: usize,
    /// The number of the first segment, counted through the file.
    pub(crate) first: u32,
    pub(crate) geometry: Geometry,
}

impl Part {
    /// The word at which the segment `index` begins.
    pub(crate) fn start_of(&self, index: usize) -> usize {
        self.start + index * self.geometry.segment_words
    }
}

impl Header {
    pub(crate) fn key(&self) -> Key {
        Key::new(self.file_id)
    }

    /// The part of a class; that of all lines for class 0.
    pub(crate) fn part(&self, class: usize) -> Part {
        let before = &self.parts[..class];
        let words: usize = before.iter().map(Geometry::words).sum();
        Part {
            start: HEADER_WORDS + self.area_bytes() / WORD + words,
            first: before.iter().map(|part| part.segments as u32).sum(),
            geometry: self.parts[class],
        }
    }

    /// The length of the owner's area, rounded up to whole pages.
    pub(crate) fn area_bytes(&self) -> usize {
        self.reserved.next_multiple_of(HEADER_BYTES)
    }

    pub(crate) fn file_bytes(&self) -> u64 {
        let words = |part: &Geometry| part.segment_words as u64 * part.segments as u64;
        let words: u64 = self.parts.iter().map(words).sum();
        HEADER_BYTES as u64 + self.area_bytes() as u64 + words * WORD as u64
    }

    /// Bit c tells whether class c is separate.
    fn separate_bits(&self) -> u64 {
        let classes = self.limits.separate.iter().enumerate();
        classes.fold(0, |bits, (class, is_separate)| {
            bits | u64::from(*is_separate) << class
        })
    }

    pub(crate) fn encode(&self) -> [u64; HEADER_WORDS] {
        let age = self.limits.max_age.map_or(NO_AGE, |age| {
            u64::try_from(age.as_nanos()).unwrap_or(NO_AGE - 1)
        });
        let facts: [u64; PARTS] = [
            MAGIC,
            VERSION,
            self.reserved as u64,
            self.limits.max_lines as u64,
            self.limits.max_bytes as u64,
            self.line_limit as u64,
            age,
            self.file_id[0],
            self.file_id[1],
            self.boot_id[0],
            self.boot_id[1],
            u64::from(self.pid),
            self.clock_kind,
            self.start_nanos,
            self.start_ticks,
            self.separate_bits(),
        ];
        let mut words = [0; HEADER_WORDS];
        words[..PARTS].copy_from_slice(&facts);
        let parts = words[PARTS..CHECK].chunks_exact_mut(PART_WORDS);
        for ((part, quota), words) in self.parts.iter().zip(self.limits.quotas).zip(parts) {
            let facts = [quota, part.segment_words, part.segments];
            words.copy_from_slice(&facts.map(|fact| fact as u64));
        }
        words[CHECK] = self.key().of_block(Place::HEADER.0, &words[..CHECK]);
        words
    }

    pub(crate) fn decode(words: &[u64; HEADER_WORDS]) -> io::Result<Header> {
        let &[magic, version, reserved, ..] = words;
        if magic != MAGIC {
            return Err(
                Unreadable::NotARing.because("it does not begin like the ring file of a tail")
            );
        }
        if version != VERSION && version != PREVIOUS_VERSION {
            return Err(Unreadable::OtherVersion { version }.because(&format!(
                "its format is version {version}; this program reads version {VERSION}"
            )));
        }
        let damaged = |what| Err(Unreadable::Damaged.because(what));
        let key = Key::new([words[ID], words[ID + 1]]);
        if !agree(key.of_block(Place::HEADER.0, &words[..CHECK]), words[CHECK]) {
            return damaged("its header is damaged");
        }
        let size = |word: u64| usize::try_from(word).unwrap_or(usize::MAX);
        let least_words = (Checked::FIRST_LINE + Checked::LINE_HEADER) as u64;
        let mut is_sound = words[5] <= MAX_SHARED_LINE_BYTES as u64 && reserved <= MAX_FILE_BYTES;
        let mut quotas = [0; CLASSES];
        let mut parts = [Geometry::default(); CLASSES];
        for (class, part) in words[PARTS..CHECK].chunks_exact(PART_WORDS).enumerate() {
            let &[quota, segment_words, segments] = part else {
                continue;
            };
            let is_there = segments > 0 || class == 0;
            is_sound &= segments <= MAX_SEGMENTS && (class > 0 || segments > 0);
            is_sound &= !is_there || (least_words..1 << 23).contains(&segment_words);
            if is_there && is_sound {
                quotas[class] = size(quota);
                parts[class] = Geometry {
                    segment_words: size(segment_words),
                    segments: size(segments),
                };
            }
        }
        if !is_sound {
            return damaged("its header describes impossible segments");
        }
        let header = Header {
            reserved: size(reserved),
            parts,
            limits: Limits {
                max_lines: size(words[3]),
                max_bytes: size(words[4]),
                max_line_bytes: size(words[5]),
                max_age: (words[6] != NO_AGE).then(|| Duration::from_nanos(words[6])),
                quotas,
                separate: std::array::from_fn(|class| class > 0 && words[15] >> class & 1 == 1),
                shares: None,
            },
            line_limit: size(words[5]),
            file_id: [words[ID], words[ID + 1]],
            boot_id: [words[9], words[10]],
            pid: words[11] as u32,
            clock_kind: words[12],
            start_nanos: words[13],
            start_ticks: words[14],
        };
        if header.file_bytes() > MAX_FILE_BYTES {
            return damaged("its header describes a file that is too long");
        }
        Ok(header)
    }
}

/// The word that says that the disk had no space for a part of the file, and its place.
pub(crate) fn no_space_mark(key: Key) -> (usize, u64) {
    (NO_SPACE, key.of_block(Place::NO_SPACE.0, &[]))
}

/// Whether `word`, the first of a file, is the magic number in the right byte order.
pub(crate) fn is_magic(word: u64) -> bool {
    word == MAGIC
}

/// Why a file can't be recovered.
///
/// [`MappedTail::recover`](crate::MappedTail::recover), [`Recovered::read`](crate::Recovered::read)
/// and [`Recovered::claim`](crate::Recovered::claim) return it inside an
/// [`io::Error`] of kind [`InvalidData`](io::ErrorKind::InvalidData).
///
/// ```
/// use tailwriter::{Recovered, Unreadable};
///
/// # let path = std::env::temp_dir().join(format!("doc-unreadable-{}", std::process::id()));
/// # std::fs::write(&path, "no ring at all").unwrap();
/// let error = Recovered::claim(&path).unwrap_err();
/// match Unreadable::of(&error) {
///     Some(Unreadable::OtherVersion { version }) => println!("keep it for version {version}"),
///     Some(_) => println!("of no use: {error}"),
///     None => println!("try again later: {error}"),
/// }
/// # assert_eq!(Unreadable::of(&error), Some(Unreadable::NotARing));
/// # std::fs::remove_file(&path).unwrap();
/// ```
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unreadable {
    /// It is not the file of a tail.
    NotARing,
    /// It is the file of a tail, in a format that another version of this crate writes.
    OtherVersion {
        /// The version of the format.
        version: u64,
    },
    /// It is the file of a tail, but its header is damaged.
    Damaged,
}

impl Unreadable {
    /// Gets the reason from the error of one of these functions; `None` if the file could not be opened
    /// or read.
    pub fn of(error: &io::Error) -> Option<Unreadable> {
        let reason = error.get_ref()?.downcast_ref::<Reason>()?;
        Some(reason.kind)
    }

    pub(crate) fn because(self, text: &str) -> io::Error {
        let text = text.to_owned();
        io::Error::new(io::ErrorKind::InvalidData, Reason { kind: self, text })
    }
}

/// An [`Unreadable`] with its message.
#[derive(Debug)]
struct Reason {
    kind: Unreadable,
    text: String,
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl Error for Reason {}

/// The kind of block that a checksum is for, so that no block is ever taken for another. The blocks of
/// segments have numbers from 2³² on.
#[derive(Clone, Copy)]
struct Place(u64);

impl Place {
    // Greater than all numbers of segments, which the keys of laps use, and less than 2³².
    const HEADER: Place = Place(1 << 24);
    const ANCHORS: Place = Place(1 << 25);
    const CLEARS: Place = Place(1 << 26);
    const NO_SPACE: Place = Place(1 << 27);
}

/// Three numbers that change together. Blocks are written to two slots in turn, so that one is always
/// complete.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Block {
    /// Never less than in the block before, so the block with the greater tick is the later one.
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
    /// The time of a tick, in nanoseconds since the start and since the Unix epoch.
    pub(crate) const ANCHORS: Blocks = Blocks {
        start: ANCHORS,
        place: Place::ANCHORS,
    };
    /// The tick up to which all lines are forgotten, how many of them are not counted, and zero.
    pub(crate) const CLEARS: Blocks = Blocks {
        start: CLEARS,
        place: Place::CLEARS,
    };

    /// The place of the block number `count` of a file, and its words.
    pub(crate) fn encode(self, key: Key, count: u64, block: Block) -> (usize, [u64; 4]) {
        let slot = count & 1;
        let [a, b] = block.more;
        let check = key.of_block(self.place.0 + slot, &[block.tick, a, b]);
        let start = self.start + slot as usize * SLOT_WORDS;
        (start, [block.tick, a, b, check])
    }

    /// The later of the undamaged blocks in the two slots.
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
