//! Shares: each group of lines keeps its last lines, however many lines other groups push.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};
use std::ops::Range;

/// How many kinds of groups there can be.
pub const MAX_KINDS: usize = 4;

/// The groups of a line, one of each kind; 0 for none.
pub type Groups = [u64; MAX_KINDS];

/// How many words at the beginning of a line [`Shares::same_head`] compares.
pub(crate) const HEAD_WORDS: usize = 3;

/// The sort key of lines: the tick and the shard.
pub(crate) type Order = (u64, u16);

/// Shares of groups of lines in a tail; see [`Builder::shares`](crate::Builder::shares).
///
/// A function returns the groups of a line, one for each of up to [`MAX_KINDS`] kinds: for instance its
/// thread and its source. This is the rule for each kind:
///
/// A line is kept if it is among the last `lines` lines of its group. It is forgotten once lines of
/// `max_groups` other groups came after it. The lines of a group take at most `max_bytes` bytes, as
/// [`max_bytes`](crate::Builder::max_bytes) counts them; its last line is kept even if it is longer.
///
/// So only the sequence of lines decides which ones are kept. A push does the same work as without
/// shares. The function is called for each line when a thread has filled its memory and when a snapshot
/// is made, while no lock is held. It must always return the same groups for the same line. Lines that it
/// pushes to the same tail are dropped. If it panics, the lines that were being counted have no groups.
///
/// ```
/// use tailwriter::{MAX_KINDS, Shares, TailWriter};
///
/// /// The first byte is the source of a line.
/// fn groups(line: &[u8]) -> [u64; MAX_KINDS] {
///     [line.first().map_or(0, |source| u64::from(*source)), 0, 0, 0]
/// }
///
/// let tail = TailWriter::builder()
///     .max_lines(2)
///     .shares(Shares::new(groups).kind(1, 100, 4096))
///     .build_shared();
/// tail.push(b"a: one");
/// tail.push(b"a: two");
/// for _ in 0..1_000 {
///     tail.push(b"b: chatter");
/// }
/// let snapshot = tail.snapshot();
/// assert_eq!(snapshot.to_string(), "a: two\nb: chatter\nb: chatter\n");
/// assert_eq!(snapshot.evicted_of_group(0, u64::from(b'a')), Some(1));
/// ```
#[derive(Clone, Debug)]
#[must_use = "shares are of use in a builder only"]
pub struct Shares {
    groups_of: fn(&[u8]) -> Groups,
    kinds: Vec<Kind>,
    mask: [u64; HEAD_WORDS],
    decides: Option<Decides>,
}

/// See [`Shares::same_head`].
type Decides = fn(&[u8; 24]) -> Option<Range<usize>>;

/// The bounds of a kind of groups.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Kind {
    pub(crate) lines: usize,
    pub(crate) max_groups: usize,
    /// For the lines of one group.
    pub(crate) max_bytes: usize,
}

impl Shares {
    /// Creates shares with a function that returns the groups of a line, and without kinds of groups.
    pub fn new(groups_of: fn(&[u8]) -> Groups) -> Shares {
        Shares {
            groups_of,
            kinds: Vec::new(),
            mask: [0; HEAD_WORDS],
            decides: None,
        }
    }

    /// Keeps the last `lines` lines of each group of the next kind, up to `max_bytes` bytes of them, for
    /// the last `max_groups` groups. Less than one line or group counts as one.
    ///
    /// # Panics
    ///
    /// If there are [`MAX_KINDS`] already.
    #[track_caller]
    pub fn kind(mut self, lines: usize, max_groups: usize, max_bytes: usize) -> Shares {
        assert!(
            self.kinds.len() < MAX_KINDS,
            "there are {MAX_KINDS} kinds of groups already"
        );
        self.kinds.push(Kind {
            lines: lines.max(1),
            max_groups: max_groups.max(1),
            max_bytes,
        });
        self
    }

    /// Promises that lines are in the same groups if they have the same first 24 bytes, masked with
    /// `mask`, and the same bytes in the range that `decides` returns. The function that returns the
    /// groups is then called for only one of them.
    ///
    /// `decides` is called with the first 24 bytes of a line, masked with `mask`. It returns `None` for
    /// lines without such a promise.
    pub fn same_head(
        mut self,
        mask: [u8; 24],
        decides: fn(&[u8; 24]) -> Option<Range<usize>>,
    ) -> Shares {
        let (chunks, _) = mask.as_chunks::<8>();
        self.mask = [0, 1, 2].map(|at| u64::from_le_bytes(chunks[at]));
        self.decides = Some(decides);
        self
    }

    pub(crate) fn kinds(&self) -> &[Kind] {
        &self.kinds
    }

    /// Calls the function of the user.
    pub(crate) fn groups_of(&self, line: &[u8]) -> Groups {
        let mut groups = (self.groups_of)(line);
        groups[self.kinds.len()..].fill(0);
        groups
    }

    #[inline]
    pub(crate) fn mask(&self) -> [u64; HEAD_WORDS] {
        self.mask
    }

    pub(crate) fn masked(&self, head: [u64; HEAD_WORDS]) -> [u64; HEAD_WORDS] {
        [0, 1, 2].map(|at| head[at] & self.mask[at])
    }

    /// The range of further bytes that decide the groups of a line with this masked head.
    pub(crate) fn decides(&self, masked: [u64; HEAD_WORDS]) -> Option<Range<usize>> {
        let mut head = [0; 24];
        let (chunks, _) = head.as_chunks_mut::<8>();
        for (chunk, word) in chunks.iter_mut().zip(masked) {
            *chunk = word.to_le_bytes();
        }
        self.decides?(&head)
    }
}

/// A map by group. The numbers of groups are hashes, or small.
pub(crate) type ByGroup<V> = HashMap<u64, V, BuildHasherDefault<GroupHasher>>;

#[derive(Clone, Copy, Default)]
pub(crate) struct GroupHasher(u64);

impl Hasher for GroupHasher {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.write_u64(u64::from(*byte));
        }
    }

    fn write_u64(&mut self, number: u64) {
        // Multiplies by an odd constant without a pattern (2⁶⁴ divided by the golden ratio), and mixes
        // the high bits of the product into the low ones: the table uses both.
        let mixed = (self.0 ^ number).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        self.0 = mixed ^ mixed >> 32;
    }
}

/// What is known about the groups of a kind in addition to the lines.
#[derive(Clone, Debug, Default)]
pub(crate) struct KnownKind {
    /// No line before this is kept: groups with later lines were already forgotten.
    pub(crate) forgotten: Order,
    pub(crate) groups: ByGroup<KnownGroup>,
}

#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct KnownGroup {
    /// How many lines were pushed, without those in segments that have no census yet.
    pub(crate) pushed: u64,
    /// No line before this is kept: the group has, or had, enough later lines.
    pub(crate) floor: Order,
}

/// Applies the rule to lines, the newest first.
pub(crate) struct Selection<'a> {
    shares: &'a Shares,
    known: &'a [KnownKind],
    seen: Vec<ByGroup<Seen>>,
}

#[derive(Default)]
struct Seen {
    lines: usize,
    bytes: usize,
}

impl<'a> Selection<'a> {
    pub(crate) fn new(shares: &'a Shares, known: &'a [KnownKind]) -> Selection<'a> {
        Selection {
            shares,
            known,
            seen: shares.kinds.iter().map(|_| ByGroup::default()).collect(),
        }
    }

    /// Whether the next older line is kept.
    pub(crate) fn keeps(&mut self, groups: &Groups, order: Order, len: usize) -> bool {
        let mut is_kept = false;
        let kinds = self.shares.kinds.iter().zip(&mut self.seen).zip(groups);
        for (at, ((kind, seen), group)) in kinds.enumerate().filter(|(_, (_, group))| **group != 0)
        {
            let others = seen.len() - usize::from(seen.contains_key(group));
            let known = self.known.get(at);
            let floor = known.map_or((0, 0), |known| {
                let group = known.groups.get(group);
                known
                    .forgotten
                    .max(group.map_or((0, 0), |group| group.floor))
            });
            let of_group = seen.entry(*group).or_default();
            of_group.bytes = of_group.bytes.saturating_add(len + 1);
            let fits = of_group.lines == 0
                || of_group.lines < kind.lines && of_group.bytes <= kind.max_bytes;
            of_group.lines += 1;
            is_kept |= fits && others < kind.max_groups && order >= floor;
        }
        is_kept
    }
}
