//! From what journals hold to a snapshot: which lines are within the bounds.

use super::journal::{Contents, Found};
use super::pending::Unfinished;
use super::segment::WORD;
use super::snapshot::{CUT, Meta, Snapshot, UNFINISHED, nanos};
use crate::clock::Timeline;
use crate::limits::{Limits, cut_point};

/// What a snapshot is made of.
pub(crate) struct Source<'a> {
    pub(crate) bounds: Bounds<'a>,
    pub(crate) contents: Contents,
    pub(crate) pinned: Option<Contents>,
    pub(crate) unfinished: Vec<Unfinished>,
    pub(crate) line_limit: usize,
    /// How many of the lines pushed are not to be counted.
    pub(crate) not_counted: u64,
    pub(crate) dropped: u64,
}

/// What says whether a line is still kept.
pub(crate) struct Bounds<'a> {
    pub(crate) limits: &'a Limits,
    pub(crate) pinned_lines: usize,
    pub(crate) timeline: Timeline,
}

pub(crate) fn assemble(source: Source<'_>) -> Snapshot {
    let Source {
        bounds, contents, ..
    } = &source;
    let pushed =
        contents.evicted + contents.lines.len() as u64 - source.not_counted.min(contents.evicted);
    let unfinished = source.unfinished.iter().map(|line| line.text.len());
    let first = bounds.first_kept(&contents.lines, unfinished.len(), unfinished.sum());
    let kept = &contents.lines[first..];
    let mut snapshot = Snapshot::default();
    if let Some(pinned) = &source.pinned {
        let older = bounds.older_pinned(&pinned.lines, kept.first());
        for line in older {
            snapshot.push_found(&pinned.words, line, &bounds.timeline);
        }
    }
    for line in kept {
        snapshot.push_found(&contents.words, line, &bounds.timeline);
    }
    snapshot.evicted = (pushed + source.dropped).saturating_sub(snapshot.entries.len() as u64);
    for line in &source.unfinished {
        snapshot.push_unfinished(line, source.line_limit, &bounds.timeline);
    }
    let most = bounds.limits.max_lines.saturating_add(bounds.pinned_lines);
    let surplus = snapshot.entries.len().saturating_sub(most);
    if surplus > 0 {
        snapshot.entries.drain(..surplus);
        snapshot.evicted += surplus as u64;
    }
    snapshot
}

impl Bounds<'_> {
    /// The index of the oldest line that is within the bounds, if so many unfinished lines of so
    /// many bytes follow.
    pub(crate) fn first_kept(&self, lines: &[Found], unfinished: usize, bytes: usize) -> usize {
        let mut first = lines
            .len()
            .saturating_sub(self.limits.max_lines.saturating_sub(unfinished));
        let mut bytes = bytes;
        for (at, line) in lines.iter().enumerate().skip(first).rev() {
            bytes = bytes.saturating_add(line.len as usize + 1);
            if bytes > self.limits.max_bytes {
                first = at + 1;
                break;
            }
        }
        first + self.too_old(&lines[first..])
    }

    /// How many of `lines` to skip because they are too old.
    fn too_old(&self, lines: &[Found]) -> usize {
        match self.limits.max_age {
            Some(age) => lines.partition_point(|line| self.timeline.age(line.tick) > age),
            None => 0,
        }
    }

    /// The last pinned lines, as far as they are older than `first`, the first line of all.
    pub(crate) fn older_pinned<'a>(
        &self,
        pinned: &'a [Found],
        first: Option<&Found>,
    ) -> &'a [Found] {
        let last = &pinned[pinned.len().saturating_sub(self.pinned_lines)..];
        let last = &last[self.too_old(last)..];
        let older = last.partition_point(|line| match first {
            Some(first) => line.order() < first.order(),
            None => true,
        });
        &last[..older]
    }
}

impl Found {
    /// As a line of a snapshot whose text begins at `start`.
    pub(crate) fn meta(&self, start: usize, timeline: &Timeline) -> Meta {
        Meta {
            start,
            nanos: nanos(timeline.time(self.tick)),
            len: self.len,
            flags: self.flags,
        }
    }
}

impl Snapshot {
    fn push_found(&mut self, words: &[u64], line: &Found, timeline: &Timeline) {
        let start = self.text.len();
        let len = line.len as usize;
        for word in &words[line.text..line.text + len.div_ceil(WORD)] {
            self.text.extend_from_slice(&word.to_le_bytes());
        }
        self.text.truncate(start + len);
        self.entries.push(line.meta(start, timeline));
    }

    fn push_unfinished(&mut self, line: &Unfinished, limit: usize, timeline: &Timeline) {
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
        self.entries.push(Meta {
            start,
            nanos: nanos(timeline.time(line.tick)),
            len: (self.text.len() - start) as u32,
            flags,
        });
    }
}
