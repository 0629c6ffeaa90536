//! What was in a shared tail at one moment.

use std::fmt;
use std::io::{self, Write};
use std::iter::FusedIterator;
use std::ops::Range;
use std::slice;
use std::time::SystemTime;

use super::journal::{Contents, Found, Journal};
use super::pending::Unfinished;
use super::segment::{CUT, PINNED};
use crate::clock::{Anchor, Clock};
use crate::limits::{Limits, cut_point};

/// The lines that a [`SharedTail`](crate::SharedTail) held at one moment, oldest first.
///
/// It is a copy, and does not change.
#[derive(Clone, Default)]
pub struct Snapshot {
    text: Vec<u8>,
    entries: Vec<Meta>,
    evicted: u64,
}

#[derive(Clone)]
struct Meta {
    text: Range<usize>,
    time: SystemTime,
    flags: u64,
}

const UNFINISHED: u64 = 1 << 63;

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

    /// The lines with what is known of each, oldest first.
    pub fn entries(&self) -> Entries<'_> {
        Entries {
            snapshot: self,
            range: 0..self.entries.len(),
        }
    }

    /// How many lines there are.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there is no line.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// How many lines had been pushed before, since the tail was made or cleared, and are not here.
    pub fn evicted(&self) -> u64 {
        self.evicted
    }

    /// The lines joined by newlines; it ends in one only if the last line was finished.
    pub fn to_vec(&self) -> Vec<u8> {
        let mut text = Vec::with_capacity(self.text.len() + self.entries.len());
        // Writing to a vector does not fail.
        let _ = self.write_to(&mut text);
        text
    }

    /// Writes what [`to_vec`](Snapshot::to_vec) returns, and returns its length.
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

/// What [`Snapshot::to_vec`] returns, with `U+FFFD` for what is not UTF-8.
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
    fn meta(&self) -> &'a Meta {
        &self.snapshot.entries[self.at]
    }

    /// The line, without its newline.
    pub fn line(&self) -> &'a [u8] {
        &self.snapshot.text[self.meta().text.clone()]
    }

    /// The line's place in the order of all lines, counted from zero.
    ///
    /// Evicted lines are counted as if they had all come before the first that is left, so it does
    /// not tell a line from another across snapshots.
    pub fn seq(&self) -> u64 {
        self.snapshot.evicted + self.at as u64
    }

    /// When the line was pushed, by the wall clock as it was at the time of the snapshot.
    pub fn time(&self) -> SystemTime {
        self.meta().time
    }

    /// Whether it was pushed with [`push_pinned`](crate::SharedTail::push_pinned).
    pub fn is_pinned(&self) -> bool {
        self.meta().flags & PINNED != 0
    }

    /// Whether the line was too long and lost its end.
    pub fn is_cut(&self) -> bool {
        self.meta().flags & CUT != 0
    }

    /// Whether the line was finished; one that `io::Write` has begun and not ended is not.
    pub fn is_finished(&self) -> bool {
        self.meta().flags & UNFINISHED == 0
    }
}

/// The lines of a [`Snapshot`]; made by [`Snapshot::lines`].
#[derive(Clone)]
pub struct SnapshotLines<'a> {
    text: &'a [u8],
    entries: slice::Iter<'a, Meta>,
}

impl<'a> Iterator for SnapshotLines<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        self.entries
            .next()
            .map(|meta| &self.text[meta.text.clone()])
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.entries.size_hint()
    }
}

impl DoubleEndedIterator for SnapshotLines<'_> {
    fn next_back(&mut self) -> Option<Self::Item> {
        self.entries
            .next_back()
            .map(|meta| &self.text[meta.text.clone()])
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

/// The entries of a [`Snapshot`]; made by [`Snapshot::entries`].
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

/// The parts of a tail that a snapshot is made of.
pub(super) struct Source<'a> {
    pub(super) clock: &'a Clock,
    pub(super) limits: &'a Limits,
    pub(super) journal: &'a Journal,
    pub(super) pinned: Option<&'a Journal>,
    pub(super) pinned_lines: usize,
    pub(super) unfinished: Vec<Unfinished>,
    pub(super) line_limit: usize,
    /// How many of the lines pushed are not to be counted.
    pub(super) not_counted: u64,
    pub(super) dropped: u64,
}

pub(super) fn take(source: Source<'_>) -> Snapshot {
    let contents = source.journal.contents(|| source.clock.now());
    // The pinned lines after that: one that is pushed meanwhile is no older than what is there now,
    // and can only be missed for the sake of newer ones.
    let pinned = source
        .pinned
        .map(|journal| journal.contents(|| source.clock.now()));
    let now = source.clock.anchor();
    let pushed =
        contents.evicted + contents.lines.len() as u64 - source.not_counted.min(contents.evicted);

    let first = first_kept(&source, &contents, &now);
    let kept = &contents.lines[first..];
    let mut snapshot = Snapshot::default();
    if let Some(pinned) = &pinned {
        let older = older_pinned(&source, pinned, kept.first(), &now);
        for line in older {
            snapshot.push_found(&pinned.words, line, source.clock, &now);
        }
    }
    for line in kept {
        snapshot.push_found(&contents.words, line, source.clock, &now);
    }
    snapshot.evicted = (pushed + source.dropped).saturating_sub(snapshot.entries.len() as u64);
    for line in &source.unfinished {
        snapshot.push_unfinished(line, source.line_limit, source.clock, &now);
    }
    let surplus = snapshot
        .entries
        .len()
        .saturating_sub(source.limits.max_lines.saturating_add(source.pinned_lines));
    if surplus > 0 {
        snapshot.entries.drain(..surplus);
        snapshot.evicted += surplus as u64;
    }
    snapshot
}

/// The index of the oldest line that is within the bounds.
fn first_kept(source: &Source<'_>, contents: &Contents, now: &Anchor) -> usize {
    let lines = &contents.lines;
    let unfinished = source.unfinished.len();
    let mut first = lines
        .len()
        .saturating_sub(source.limits.max_lines.saturating_sub(unfinished));
    let mut bytes: usize = source.unfinished.iter().map(|line| line.text.len()).sum();
    for (at, line) in lines.iter().enumerate().skip(first).rev() {
        bytes = bytes.saturating_add(line.len as usize + 1);
        if bytes > source.limits.max_bytes {
            first = at + 1;
            break;
        }
    }
    first + young(source, &lines[first..], now)
}

/// How many of `lines` to skip because they are too old.
fn young(source: &Source<'_>, lines: &[Found], now: &Anchor) -> usize {
    match source.limits.max_age {
        Some(age) => lines.partition_point(|line| source.clock.age(line.tick, now) > age),
        None => 0,
    }
}

/// The last pinned lines, as far as they are older than `first`, the first line of all.
fn older_pinned<'a>(
    source: &Source<'_>,
    pinned: &'a Contents,
    first: Option<&Found>,
    now: &Anchor,
) -> &'a [Found] {
    let last = &pinned.lines[pinned.lines.len().saturating_sub(source.pinned_lines)..];
    let last = &last[young(source, last, now)..];
    let older = last.partition_point(|line| match first {
        Some(first) => (line.tick, line.shard) < (first.tick, first.shard),
        None => true,
    });
    &last[..older]
}

impl Snapshot {
    fn push_found(&mut self, words: &[u64], line: &Found, clock: &Clock, now: &Anchor) {
        let start = self.text.len();
        let end = start + line.len as usize;
        for word in &words[line.text..] {
            if self.text.len() >= end {
                break;
            }
            self.text.extend_from_slice(&word.to_le_bytes());
        }
        self.text.truncate(end);
        let time = clock.time(line.tick, now);
        self.entries.push(Meta {
            text: start..end,
            time,
            flags: line.flags,
        });
    }

    fn push_unfinished(&mut self, line: &Unfinished, limit: usize, clock: &Clock, now: &Anchor) {
        let start = self.text.len();
        let mut flags = UNFINISHED;
        if line.text.len() > limit {
            let (end, mark) = cut_point(&line.text[..limit], limit);
            self.text.extend_from_slice(&line.text[..end]);
            self.text.extend_from_slice(mark);
            flags |= CUT;
        } else {
            self.text.extend_from_slice(&line.text);
        }
        let time = clock.time(line.tick, now);
        self.entries.push(Meta {
            text: start..self.text.len(),
            time,
            flags,
        });
    }
}
