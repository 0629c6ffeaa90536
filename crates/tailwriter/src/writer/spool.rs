//! Text in two runs of one allocation: writing laps over its own oldest lines.
//!
//! ```text
//!   0          new.len()      old.start        old.end     capacity
//!   [ newer ───► ][   free     ][ older ─────────── ][ waste ]
//! ```
//!
//! `newer` grows into the free space and, where there is none, over the oldest lines of `older`.
//! At the end of the allocation a lap ends: `newer` becomes `older`, and the line being written
//! moves to the front, so that no line is ever in two pieces (a "bip buffer", after Simon Cooke).
//! Nothing is known of a single line but its newline: counting newlines is far cheaper than noting
//! where each of them is, and the few that matter are found when somebody looks.

use std::mem;
use std::ops::Range;

use crate::limits::Limits;

/// How much more of the oldest text is given up than is needed now, so that it happens rarely.
const EVICT_AHEAD: usize = if cfg!(test) { 8 } else { 4 << 10 };
const MIN_CAPACITY: usize = if cfg!(test) { 16 } else { 4 << 10 };

pub(super) struct Spool {
    buf: Vec<u8>,
    /// `buf` never gets longer than this.
    max_capacity: usize,
    max_lines: usize,
    /// What is left of the lap before, whole lines with their newlines.
    older: Range<usize>,
    older_newlines: usize,
    /// The present lap is `..newer`; of its lines only the last may lack its newline.
    newer: usize,
    newer_newlines: usize,
    /// The length of the line being written.
    last_line: usize,
    /// How many lines are gone.
    overwritten: u64,
}

/// The text that is still within the bounds.
pub(super) struct Window<'a> {
    pub(super) older: &'a [u8],
    pub(super) newer: &'a [u8],
    pub(super) lines: usize,
}

impl Spool {
    /// For pieces of at most `piece` bytes, in which no line is longer than the limits say.
    pub(super) fn new(limits: &Limits, piece: usize) -> Spool {
        // However the laps fall, `max_bytes` of whole lines must be held: what is lost to them is a
        // piece that did not fit at the end of a lap, one that is being written over the oldest
        // text, what is given up ahead, and a line at either end.
        let slack = 2 * piece + EVICT_AHEAD + 2 * (limits.line_limit() + 1);
        Spool {
            buf: Vec::new(),
            max_capacity: limits.max_bytes.saturating_add(slack),
            max_lines: limits.max_lines,
            older: 0..0,
            older_newlines: 0,
            newer: 0,
            newer_newlines: 0,
            last_line: 0,
            overwritten: 0,
        }
    }

    /// Adds a piece of text, in which no line gets longer than the limit.
    #[inline]
    pub(super) fn append(&mut self, piece: &[u8]) {
        let end = self.newer + piece.len();
        let is_free = end <= self.older.start || self.older.is_empty();
        if end > self.buf.len() || !is_free {
            self.make_room(piece.len());
        }
        self.buf[self.newer..self.newer + piece.len()].copy_from_slice(piece);
        self.newer += piece.len();
        match memchr::memchr(b'\n', piece) {
            None => self.last_line += piece.len(),
            // A write is a whole line more often than not.
            Some(newline) if newline + 1 == piece.len() => {
                self.newer_newlines += 1;
                self.last_line = 0;
            }
            Some(first) => {
                let rest = &piece[first + 1..];
                self.newer_newlines += 1 + newlines(rest);
                let end = memchr::memrchr(b'\n', rest).map_or(0, |last| last + 1);
                self.last_line = rest.len() - end;
            }
        }
    }

    pub(super) fn last_line(&self) -> &[u8] {
        &self.buf[self.newer - self.last_line..self.newer]
    }

    pub(super) fn last_line_len(&self) -> usize {
        self.last_line
    }

    /// Keeps `..end` of the line being written and puts `mark` behind it.
    ///
    /// That must not make it longer than it was.
    pub(super) fn replace_end_of_last_line(&mut self, end: usize, mark: &[u8]) {
        debug_assert!(
            end + mark.len() <= self.last_line,
            "a mark would lengthen the line"
        );
        let start = self.newer - self.last_line;
        self.buf[start + end..start + end + mark.len()].copy_from_slice(mark);
        self.last_line = end + mark.len();
        self.newer = start + self.last_line;
    }

    pub(super) fn lines_finished(&self) -> u64 {
        self.overwritten + (self.older_newlines + self.newer_newlines) as u64
    }

    pub(super) fn lines_begun(&self) -> u64 {
        self.lines_finished() + u64::from(self.last_line > 0)
    }

    pub(super) fn clear(&mut self) {
        self.older = 0..0;
        self.older_newlines = 0;
        self.newer = 0;
        self.newer_newlines = 0;
        self.last_line = 0;
        self.overwritten = 0;
    }

    /// What is within `limits`, and no line before the line number `first_line`.
    pub(super) fn window(&self, limits: &Limits, first_line: u64) -> Window<'_> {
        let held = self.older_newlines + self.newer_newlines + usize::from(self.last_line > 0);
        let older = &self.buf[self.older.clone()];
        let newer = &self.buf[..self.newer];

        let aged = usize::try_from(first_line.saturating_sub(self.overwritten)).unwrap_or(held);
        let mut skipped = held.saturating_sub(limits.max_lines).max(aged.min(held));
        let mut start = if skipped <= self.older_newlines {
            after_newline(older, skipped)
        } else {
            older.len() + after_newline(newer, skipped - self.older_newlines)
        };

        // Where the last `max_bytes` begin, or the first line that begins behind that.
        let total = older.len() + newer.len();
        let earliest = total.saturating_sub(limits.max_bytes);
        if start < earliest {
            let first = next_line_start(older, newer, earliest);
            let split = older.len();
            skipped += newlines(&older[start.min(split)..first.min(split)])
                + newlines(&newer[start.max(split) - split..first.max(split) - split]);
            start = first;
        }

        let at = start.min(older.len());
        Window {
            older: &older[at..],
            newer: &newer[start - at..],
            lines: held - skipped,
        }
    }

    /// Makes `newer..newer + len` free to write to.
    fn make_room(&mut self, len: usize) {
        loop {
            let end = self.newer + len;
            if end <= self.buf.len() {
                if end <= self.older.start || self.older.is_empty() {
                    return;
                }
                let eviction = self.eviction(self.older.clone(), end);
                if !self.grow_rather_than_lose(eviction.newlines) {
                    self.overwritten += eviction.newlines as u64;
                    self.older_newlines -= eviction.newlines;
                    self.older.start = eviction.start;
                    return;
                }
            } else if self.last_line + len > self.buf.len() {
                self.grow();
            } else {
                // The lap ends here: what is left of the one before lies in this one's way.
                let line = self.newer - self.last_line..self.newer;
                let eviction = self.eviction(0..line.start, self.last_line + len);
                if !self.grow_rather_than_lose(self.older_newlines + eviction.newlines) {
                    self.overwritten += (self.older_newlines + eviction.newlines) as u64;
                    self.older = eviction.start..line.start;
                    self.older_newlines = self.newer_newlines - eviction.newlines;
                    self.newer_newlines = 0;
                    self.buf.copy_within(line, 0);
                    self.newer = self.last_line;
                    return;
                }
            }
        }
    }

    /// Where `run` begins, and how many lines it has lost, once everything before `end` is given up.
    fn eviction(&self, run: Range<usize>, end: usize) -> Eviction {
        if end <= run.start || run.is_empty() {
            return Eviction {
                start: run.start,
                newlines: 0,
            };
        }
        let end = (end + EVICT_AHEAD).min(run.end);
        // A line begins behind the newline at `end - 1` or the first one after that; the run ends
        // in a newline.
        let start =
            memchr::memchr(b'\n', &self.buf[end - 1..run.end]).map_or(run.end, |at| end + at);
        Eviction {
            start,
            newlines: newlines(&self.buf[run.start..start]),
        }
    }

    /// Grows if that is allowed and without the oldest `lines` there would be too few.
    fn grow_rather_than_lose(&mut self, lines: usize) -> bool {
        let left = self.older_newlines + self.newer_newlines - lines;
        let grows = left < self.max_lines && self.buf.len() < self.max_capacity;
        if grows {
            self.grow();
        }
        grows
    }

    fn grow(&mut self) {
        let capacity = (2 * self.buf.len())
            .max(MIN_CAPACITY)
            .min(self.max_capacity);
        let mut buf = Vec::with_capacity(capacity);
        buf.extend_from_slice(&self.buf[self.older.clone()]);
        buf.extend_from_slice(&self.buf[..self.newer]);
        self.newer = buf.len();
        buf.resize(capacity, 0);
        self.buf = buf;
        self.older = 0..0;
        self.newer_newlines += mem::take(&mut self.older_newlines);
    }
}

struct Eviction {
    start: usize,
    newlines: usize,
}

fn newlines(text: &[u8]) -> usize {
    memchr::memchr_iter(b'\n', text).count()
}

/// Where the text behind its first `count` newlines begins.
fn after_newline(text: &[u8], count: usize) -> usize {
    match count.checked_sub(1) {
        None => 0,
        Some(last) => memchr::memchr_iter(b'\n', text)
            .nth(last)
            .map_or(text.len(), |at| at + 1),
    }
}

/// The first place at or behind `at` where a line of the two runs begins.
fn next_line_start(older: &[u8], newer: &[u8], at: usize) -> usize {
    let total = older.len() + newer.len();
    if at == 0 {
        return 0;
    }
    if at <= older.len() {
        // The older run ends in a newline, so there is one.
        return memchr::memchr(b'\n', &older[at - 1..]).map_or(older.len(), |newline| at + newline);
    }
    let rest = &newer[at - older.len() - 1..];
    memchr::memchr(b'\n', rest).map_or(total, |newline| at + newline)
}
