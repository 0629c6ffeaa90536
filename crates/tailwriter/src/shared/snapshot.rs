//! The content of a shared tail at one moment.

use std::borrow::Cow;
use std::fmt;
use std::io::{self, Write};
use std::iter::FusedIterator;
use std::ops::Range;
use std::slice;
use std::time::SystemTime;

use super::journal::Found;
use super::segment;
use crate::clock::Timeline;
use crate::limits::CLASSES;
use crate::shares::ByGroup;

/// The lines that a [`SharedTail`](crate::SharedTail) held at one moment, oldest first.
///
/// It is a copy, and does not change.
#[derive(Clone, Default)]
pub struct Snapshot {
    pub(crate) text: Vec<u8>,
    /// Sorted by tick. `Found::text` is an offset into `text`.
    pub(crate) entries: Vec<Found>,
    pub(crate) timeline: Timeline,
    pub(crate) evicted: u64,
    /// How many of the lines come before the unbroken run of the last lines.
    pub(crate) apart: usize,
    /// How many lines of each class with a quota are missing.
    pub(crate) classes: [u64; CLASSES],
    /// How many lines of each group are missing; one map for each kind.
    pub(crate) groups: Vec<ByGroup<u64>>,
}

pub(crate) const CUT: u16 = (segment::CUT >> 32) as u16;
pub(crate) const UNFINISHED: u16 = 1 << 15;
/// A share keeps the line. Bit 14 is used while a snapshot is assembled.
pub(crate) const HAS_SHARE: u16 = 1 << 13;

fn range(entry: &Found) -> Range<usize> {
    entry.text..entry.text + entry.len as usize
}

/// One line of a [`Snapshot`].
#[derive(Clone, Copy, Debug)]
pub struct Entry<'a> {
    snapshot: &'a Snapshot,
    at: usize,
}

impl Snapshot {
    /// The lines, oldest first, each without its newline.
    pub fn lines(&self) -> SnapshotLines<'_> {
        SnapshotLines {
            text: &self.text,
            entries: self.entries.iter(),
        }
    }

    /// The lines with their metadata, oldest first.
    pub fn entries(&self) -> Entries<'_> {
        Entries {
            snapshot: self,
            range: 0..self.entries.len(),
        }
    }

    /// The finished lines that `earlier`, a snapshot of the same tail, does not have.
    ///
    /// They may include lines that were being pushed while `earlier` was made, so the first of them may
    /// be older than the last line of `earlier`.
    pub fn entries_since<'a>(&'a self, earlier: &'a Snapshot) -> impl Iterator<Item = Entry<'a>> {
        let is_new = |entry: &Entry<'_>| {
            let order = entry.found().order();
            let found = earlier.entries.binary_search_by_key(&order, Found::order);
            entry.is_finished() && found.is_err()
        };
        self.entries().filter(is_new)
    }

    /// The number of lines.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there are no lines.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// How many lines that were pushed since the tail was created or cleared are not in the snapshot.
    pub fn evicted(&self) -> u64 {
        self.evicted
    }

    /// How many of the lines are kept only because of a [quota](crate::Builder::quota) or a
    /// [share](crate::Shares). These are the first lines. Lines may be missing before and between them,
    /// but not after them.
    pub fn kept_apart(&self) -> usize {
        self.apart
    }

    /// How many lines of a class that has a [quota](crate::Builder::quota) are not in the snapshot. Zero
    /// for other classes, and in a snapshot that was recovered from a file.
    pub fn evicted_of_class(&self, class: u8) -> u64 {
        self.classes.get(usize::from(class)).copied().unwrap_or(0)
    }

    /// How many lines of a group are not in the snapshot. `None` if the group is unknown or forgotten.
    /// Kinds are numbered from 0, in the order in which they were added to [`Shares`](crate::Shares).
    pub fn evicted_of_group(&self, kind: usize, group: u64) -> Option<u64> {
        self.groups.get(kind)?.get(&group).copied()
    }

    /// Replaces each line by the result of `map`. Everything else stays as it is.
    ///
    /// ```
    /// let tail = tailwriter::SharedTail::new(10);
    /// tail.push(b"one");
    /// tail.push(b"two");
    /// let shouted = tail.snapshot().map_lines(|line| line.to_ascii_uppercase().into());
    /// assert_eq!(shouted.to_string(), "ONE\nTWO\n");
    /// ```
    #[must_use = "returns a changed copy"]
    pub fn map_lines(&self, mut map: impl FnMut(&[u8]) -> Cow<'_, [u8]>) -> Snapshot {
        let mut text = Vec::with_capacity(self.text.len());
        let mut entries = self.entries.clone();
        for (entry, line) in entries.iter_mut().zip(self.lines()) {
            let line = map(line);
            entry.text = text.len();
            entry.len = line.len() as u32;
            text.extend_from_slice(&line);
        }
        Snapshot {
            text,
            entries,
            timeline: self.timeline,
            evicted: self.evicted,
            apart: self.apart,
            classes: self.classes,
            groups: self.groups.clone(),
        }
    }

    /// The lines joined by newlines. There is a newline at the end only if the last line is finished.
    pub fn to_vec(&self) -> Vec<u8> {
        let mut text = Vec::with_capacity(self.text.len() + self.entries.len());
        // Writing to a vector does not fail.
        let _ = self.write_to(&mut text);
        text
    }

    /// Writes the same bytes as [`to_vec`](Snapshot::to_vec), and returns their number.
    ///
    /// # Errors
    ///
    /// The errors of `writer`.
    pub fn write_to(&self, mut writer: impl Write) -> io::Result<u64> {
        let mut written = 0;
        for entry in self.entries() {
            writer.write_all(entry.line())?;
            written += entry.line().len() as u64;
            if entry.is_finished() || entry.at + 1 < self.entries.len() {
                writer.write_all(b"\n")?;
                written += 1;
            }
        }
        Ok(written)
    }
}

/// The same text as [`Snapshot::to_vec`], with `U+FFFD` in place of invalid UTF-8.
impl fmt::Display for Snapshot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&String::from_utf8_lossy(&self.to_vec()))
    }
}

impl fmt::Debug for Snapshot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Snapshot")
            .field("lines", &self.len())
            .field("evicted", &self.evicted)
            .finish_non_exhaustive()
    }
}

impl<'a> Entry<'a> {
    fn found(&self) -> &'a Found {
        &self.snapshot.entries[self.at]
    }

    /// The line, without its newline.
    pub fn line(&self) -> &'a [u8] {
        &self.snapshot.text[range(self.found())]
    }

    /// The position of the line in the order of all lines, counted from zero.
    ///
    /// Evicted lines are counted as if they had all come before the first line that is kept, so the
    /// number of a line may differ from one snapshot to the next.
    pub fn seq(&self) -> u64 {
        self.snapshot.evicted.saturating_add(self.at as u64)
    }

    /// When the line was pushed, according to the wall clock at the time of the snapshot.
    pub fn time(&self) -> SystemTime {
        let time = self.snapshot.timeline.time(self.found().tick);
        time.max(SystemTime::UNIX_EPOCH)
    }

    /// The class that the line was pushed with; 0 if none was given. See
    /// [`push_class`](crate::SharedTail::push_class).
    pub fn class(&self) -> u8 {
        segment::class_of(u64::from(self.found().flags) << 32) as u8
    }

    /// Whether a [share](crate::Shares) keeps the line, even if it is also among the last lines of all.
    pub fn has_share(&self) -> bool {
        self.found().flags & HAS_SHARE != 0
    }

    /// Whether the line was too long and lost its end.
    pub fn is_cut(&self) -> bool {
        self.found().flags & CUT != 0
    }

    /// Whether the line was finished. A line written with `io::Write` may be unfinished.
    pub fn is_finished(&self) -> bool {
        self.found().flags & UNFINISHED == 0
    }
}

/// An iterator over the lines of a [`Snapshot`]. Returned by [`Snapshot::lines`].
#[derive(Clone)]
pub struct SnapshotLines<'a> {
    text: &'a [u8],
    entries: slice::Iter<'a, Found>,
}

impl<'a> Iterator for SnapshotLines<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        self.entries.next().map(|entry| &self.text[range(entry)])
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.entries.size_hint()
    }
}

impl DoubleEndedIterator for SnapshotLines<'_> {
    fn next_back(&mut self) -> Option<Self::Item> {
        let entry = self.entries.next_back();
        entry.map(|entry| &self.text[range(entry)])
    }
}

impl ExactSizeIterator for SnapshotLines<'_> {}
impl FusedIterator for SnapshotLines<'_> {}

impl fmt::Debug for SnapshotLines<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SnapshotLines")
            .field("left", &self.len())
            .finish_non_exhaustive()
    }
}

/// An iterator over the entries of a [`Snapshot`]. Returned by [`Snapshot::entries`].
#[derive(Clone, Debug)]
pub struct Entries<'a> {
    snapshot: &'a Snapshot,
    range: Range<usize>,
}

impl<'a> Iterator for Entries<'a> {
    type Item = Entry<'a>;

    fn next(&mut self) -> Option<Entry<'a>> {
        self.range.next().map(|at| Entry {
            snapshot: self.snapshot,
            at,
        })
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.range.size_hint()
    }
}

impl DoubleEndedIterator for Entries<'_> {
    fn next_back(&mut self) -> Option<Self::Item> {
        self.range.next_back().map(|at| Entry {
            snapshot: self.snapshot,
            at,
        })
    }
}

impl ExactSizeIterator for Entries<'_> {}
impl FusedIterator for Entries<'_> {}
