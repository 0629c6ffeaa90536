//! Assembles a snapshot from those lines of the journals that are within the limits.

use super::groups;
use super::journal::{Contents, Found};
use super::segment::WORD;
use super::segment::class_of;
use super::snapshot::{CUT, HAS_SHARE, Snapshot, UNFINISHED};
use super::unfinished::Unfinished;
use crate::clock::Timeline;
use crate::limits::{CLASSES, Limits, cut_point};

/// The parts of which a snapshot is made.
pub(crate) struct Source<'a> {
    pub(crate) bounds: Bounds<'a>,
    pub(crate) contents: Contents,
    /// The lines of each class that has a quota.
    pub(crate) quotas: Vec<(usize, Contents)>,
    pub(crate) unfinished: Vec<Unfinished>,
    pub(crate) line_limit: usize,
    pub(crate) dropped: u64,
}

/// The limits that decide whether a line is kept.
pub(crate) struct Bounds<'a> {
    pub(crate) limits: &'a Limits,
    pub(crate) timeline: Timeline,
}

/// The shard of unfinished lines: they come last among lines of the same tick.
const NO_SHARD: u16 = u16::MAX;

pub(crate) fn assemble(source: Source<'_>) -> Snapshot {
    let Source {
        bounds,
        mut contents,
        quotas,
        ..
    } = source;
    let pushed = contents.evicted + contents.lines.len() as u64;
    for line in &source.unfinished {
        contents.insert_unfinished(line, source.line_limit);
    }
    let groups = groups::apply(&bounds, &mut contents);
    let first = bounds.first_kept(&contents.lines);
    let kept = &contents.lines[first..];
    let mut older: Vec<(&Contents, &Found)> = Vec::new();
    let shared = contents.others.iter().chain(&contents.lines[..first]);
    let shared = &shared
        .copied()
        .filter(|line| line.flags & HAS_SHARE != 0)
        .collect::<Vec<_>>();
    let shared = &shared[bounds.too_old(shared)..];
    older.extend(shared.iter().map(|line| (&contents, line)));
    for (class, contents) in &quotas {
        let lines = bounds.older_of_class(*class, &contents.lines, kept.first());
        older.extend(lines.iter().map(|line| (contents, line)));
    }
    // If both a share and a quota keep a line, the share's copy stays, because the sort is stable.
    older.sort_by_key(|(_, line)| line.order());
    older.dedup_by_key(|(_, line)| line.order());

    let mut snapshot = Snapshot {
        apart: older.len(),
        ..Snapshot::default()
    };
    for (contents, line) in older {
        snapshot.push_found(&contents.words, line);
    }
    for line in kept {
        snapshot.push_found(&contents.words, line);
    }
    let finished = snapshot
        .entries
        .iter()
        .filter(|entry| entry.flags & UNFINISHED == 0);
    let finished = finished.count() as u64;
    snapshot.classes = evicted_of_classes(&quotas, &snapshot);
    snapshot.groups = groups.evicted(&snapshot);
    snapshot.timeline = bounds.timeline;
    snapshot.evicted = (pushed + source.dropped).saturating_sub(finished);
    snapshot
}

/// How many lines of each class with a quota are missing in the snapshot.
fn evicted_of_classes(quotas: &[(usize, Contents)], snapshot: &Snapshot) -> [u64; CLASSES] {
    let mut evicted = [0; CLASSES];
    for (class, contents) in quotas {
        let pushed = contents.evicted + contents.lines.len() as u64;
        let shown = snapshot.entries.iter();
        let shown = shown.filter(|entry| class_of(u64::from(entry.flags) << 32) == *class);
        evicted[*class] = pushed.saturating_sub(shown.count() as u64);
    }
    evicted
}

impl Bounds<'_> {
    /// The index of the oldest line that is within the bounds of all lines.
    pub(crate) fn first_kept(&self, lines: &[Found]) -> usize {
        let mut first = lines.len().saturating_sub(self.limits.max_lines);
        let limit = self.limits.max_bytes;
        first += over_bytes(&lines[first..], limit);
        first + self.too_old(&lines[first..])
    }

    /// How many of `lines` to skip because they are too old.
    fn too_old(&self, lines: &[Found]) -> usize {
        match self.limits.max_age {
            Some(age) => lines.partition_point(|line| self.timeline.age(line.tick) > age),
            None => 0,
        }
    }

    /// The lines that only the quota of their class keeps: those older than `first`, the first line
    /// that the other limits keep.
    pub(crate) fn older_of_class<'a>(
        &self,
        class: usize,
        lines: &'a [Found],
        first: Option<&Found>,
    ) -> &'a [Found] {
        let Some(limits) = self.limits.of_class(class) else {
            return &[];
        };
        let last = &lines[lines.len().saturating_sub(limits.max_lines)..];
        let last = &last[over_bytes(last, limits.max_bytes)..];
        let last = &last[self.too_old(last)..];
        let older = last.partition_point(|line| match first {
            Some(first) => line.order() < first.order(),
            None => true,
        });
        &last[..older]
    }
}

/// How many of `lines` to skip so that the others have at most `limit` bytes.
fn over_bytes(lines: &[Found], limit: usize) -> usize {
    let mut bytes = 0_usize;
    let last_over = lines.iter().rposition(|line| {
        bytes = bytes.saturating_add(line.len as usize + 1);
        bytes > limit
    });
    last_over.map_or(0, |at| at + 1)
}

impl Contents {
    /// Inserts an unfinished line at the time of its last piece.
    fn insert_unfinished(&mut self, line: &Unfinished, limit: usize) {
        let mut flags = UNFINISHED;
        let mut text = line.text.clone();
        if text.len() > limit {
            let (end, mark) = cut_point(&text[..limit], limit);
            text.truncate(end);
            text.extend_from_slice(mark);
            flags |= CUT;
        }
        let found = Found {
            tick: line.tick,
            text: self.words.len(),
            len: text.len() as u32,
            shard: NO_SHARD,
            flags,
        };
        for chunk in text.chunks(WORD) {
            let mut bytes = [0; WORD];
            bytes[..chunk.len()].copy_from_slice(chunk);
            self.words.push(u64::from_le_bytes(bytes));
        }
        let at = self
            .lines
            .partition_point(|other| other.order() < found.order());
        self.lines.insert(at, found);
    }
}

impl Snapshot {
    fn push_found(&mut self, words: &[u64], line: &Found) {
        let start = self.text.len();
        let len = line.len as usize;
        for word in &words[line.text..line.text + len.div_ceil(WORD)] {
            self.text.extend_from_slice(&word.to_le_bytes());
        }
        self.text.truncate(start + len);
        self.entries.push(Found {
            text: start,
            ..*line
        });
    }
}
