//! Text in two runs of one allocation. New text overwrites the oldest lines.
//!
//! ```text
//!   0          new.len()      old.start        old.end     capacity
//!   [ newer ───► ][   free     ][ older ─────────── ][ waste ]
//! ```
//!
//! `newer` grows into the free space and, if there is none, over the oldest lines of `older`. At the end
//! of the allocation a lap ends: `newer` becomes `older`, and the line being written moves to the front,
//! so that no line is ever in two pieces (a "bip buffer", after Simon Cooke). The positions of lines are
//! not stored. Counting newlines, thousands of bytes at a time, is far cheaper, and the few positions
//! that matter are searched for when lines are read.

use std::collections::VecDeque;
use std::ops::Range;

use crate::limits::Limits;

/// A block is closed when it has this many bytes.
const BLOCK: usize = if cfg!(test) { 8 } else { 4 << 10 };
const MIN_CAPACITY: usize = if cfg!(test) { 16 } else { 4 << 10 };

pub(super) struct Spool {
    buf: Vec<u8>,
    /// `buf` never gets longer than this.
    max_capacity: usize,
    max_lines: usize,
    older: Run,
    newer: Run,
    /// The length of the line being written, the last of `newer`.
    last_line: usize,
    /// The newlines of `newer` are counted up to here. All newlines of `older` are counted.
    counted: usize,
    /// How many lines were overwritten.
    overwritten: u64,
}

/// A run of lines, in blocks that each begin with a line. The blocks hold the number of lines that are
/// lost when the oldest text is overwritten, so the text need not be searched again.
#[derive(Default)]
struct Run {
    /// The place of the run in the allocation.
    range: Range<usize>,
    newlines: usize,
    /// The closed blocks, oldest first.
    blocks: VecDeque<Block>,
    /// The number of newlines after the closed blocks.
    open_newlines: usize,
    open_start: usize,
}

struct Block {
    end: usize,
    newlines: usize,
}

/// The text that is still within the bounds.
pub(super) struct Window<'a> {
    pub(super) older: &'a [u8],
    pub(super) newer: &'a [u8],
    pub(super) lines: usize,
}

impl Spool {
    /// Creates a spool for pieces of at most `piece` bytes, without lines longer than the limit.
    pub(super) fn new(limits: &Limits, piece: usize) -> Spool {
        // `max_bytes` of whole lines must always fit. In the worst case this space is lost: a piece that
        // did not fit at the end of a lap, a piece that is being written over the oldest text, the rest
        // of a block (which may end with a piece), and a line at either end.
        let line = limits.line_limit() + 1;
        let slack = 2 * piece + (BLOCK + piece + line) + 2 * line;
        Spool {
            buf: Vec::new(),
            max_capacity: limits.max_bytes.saturating_add(slack),
            max_lines: limits.max_lines,
            older: Run::default(),
            newer: Run::default(),
            last_line: 0,
            counted: 0,
            overwritten: 0,
        }
    }

    /// Adds a piece of text, in which no line gets longer than the limit.
    #[inline]
    pub(super) fn append(&mut self, piece: &[u8]) {
        let end = self.newer.range.end + piece.len();
        let is_free = end <= self.older.range.start || self.older.range.is_empty();
        if end > self.buf.len() || !is_free {
            self.make_room(piece.len());
        }
        let at = self.newer.range.end;
        let end = at + piece.len();
        self.buf[at..end].copy_from_slice(piece);
        self.newer.range.end = end;
        // Most writes are whole lines.
        self.last_line = if piece.ends_with(b"\n") {
            0
        } else {
            match memchr::memrchr(b'\n', piece) {
                Some(newline) => piece.len() - (newline + 1),
                None => self.last_line + piece.len(),
            }
        };
        let line = self.newer.range.end - self.last_line;
        if line >= self.newer.open_start + BLOCK {
            self.close_block(line);
        }
    }

    pub(super) fn last_line(&self) -> &[u8] {
        &self.buf[self.newer.range.end - self.last_line..self.newer.range.end]
    }

    pub(super) fn last_line_len(&self) -> usize {
        self.last_line
    }

    /// Truncates the line being written to `..end` and appends `mark`.
    ///
    /// The line must not get longer.
    pub(super) fn replace_end_of_last_line(&mut self, end: usize, mark: &[u8]) {
        debug_assert!(
            end + mark.len() <= self.last_line,
            "the mark would make the line longer"
        );
        let start = self.newer.range.end - self.last_line;
        self.buf[start + end..start + end + mark.len()].copy_from_slice(mark);
        self.last_line = end + mark.len();
        self.newer.range.end = start + self.last_line;
        // There is no newline in that line.
        self.counted = self.counted.min(self.newer.range.end);
    }

    /// Counts the newlines that are not counted yet.
    pub(super) fn count(&mut self) {
        let newlines = self.uncounted();
        self.newer.newlines += newlines;
        self.newer.open_newlines += newlines;
        self.counted = self.newer.range.end;
    }

    fn uncounted(&self) -> usize {
        newlines(&self.buf[self.counted..self.newer.range.end])
    }

    /// Closes the open block before `line`, where the line being written begins.
    fn close_block(&mut self, line: usize) {
        self.count();
        self.newer.close_block(line);
    }

    /// Fast if [`count`](Spool::count) was called before.
    pub(super) fn lines_finished(&self) -> u64 {
        self.overwritten + (self.older.newlines + self.newer.newlines + self.uncounted()) as u64
    }

    pub(super) fn lines_begun(&self) -> u64 {
        self.lines_finished() + u64::from(self.last_line > 0)
    }

    pub(super) fn clear(&mut self) {
        self.older = Run::default();
        self.newer = Run::default();
        self.last_line = 0;
        self.counted = 0;
        self.overwritten = 0;
    }

    /// The lines within `limits`, from the line number `first_line` on.
    pub(super) fn window(&self, limits: &Limits, first_line: u64) -> Window<'_> {
        let finished = self.older.newlines + self.newer.newlines + self.uncounted();
        let held = finished + usize::from(self.last_line > 0);
        let older = &self.buf[self.older.range.clone()];
        let newer = &self.buf[self.newer.range.clone()];

        let aged = usize::try_from(first_line.saturating_sub(self.overwritten)).unwrap_or(held);
        let mut skipped = held.saturating_sub(limits.max_lines).max(aged.min(held));
        let mut start = if skipped <= self.older.newlines {
            after_newline(older, skipped)
        } else {
            older.len() + after_newline(newer, skipped - self.older.newlines)
        };

        // The beginning of the last `max_bytes`, or of the first line after that.
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

    /// Makes room for `len` bytes after `newer`.
    #[cold]
    fn make_room(&mut self, len: usize) {
        self.count();
        loop {
            let end = self.newer.range.end + len;
            if end <= self.buf.len() {
                let lost = self.older.newlines_before(end);
                if !self.grow_rather_than_lose(lost) {
                    self.overwritten += lost as u64;
                    self.older.evict(end);
                    return;
                }
            } else if self.last_line + len > self.buf.len() {
                self.grow();
            } else {
                // The lap ends here: the rest of the previous lap is in its way.
                let lost = self.older.newlines + self.newer.newlines_before(self.last_line + len);
                if !self.grow_rather_than_lose(lost) {
                    self.overwritten += lost as u64;
                    self.end_lap(len);
                    return;
                }
            }
        }
    }

    /// Begins a new lap with the line being written, and room for `len` bytes after it.
    fn end_lap(&mut self, len: usize) {
        let line = self.newer.range.end - self.last_line..self.newer.range.end;
        std::mem::swap(&mut self.older, &mut self.newer);
        self.newer.reset();
        self.older.range.end = line.start;
        self.older.evict(self.last_line + len);
        self.buf.copy_within(line, 0);
        self.newer.range.end = self.last_line;
        self.counted = self.last_line;
    }

    /// Grows if that is allowed and there would be too few lines without the oldest `lines` ones.
    fn grow_rather_than_lose(&mut self, lines: usize) -> bool {
        let left = self.older.newlines + self.newer.newlines - lines;
        let grows = lines > 0 && left < self.max_lines && self.buf.len() < self.max_capacity;
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
        buf.extend_from_slice(&self.buf[self.older.range.clone()]);
        buf.extend_from_slice(&self.buf[self.newer.range.clone()]);
        buf.resize(capacity, 0);
        self.buf = buf;
        self.newer = Run::joined(
            std::mem::take(&mut self.older),
            std::mem::take(&mut self.newer),
        );
        self.counted = self.newer.range.end;
    }
}

impl Run {
    /// Closes the open block before `end`, where a line begins.
    fn close_block(&mut self, end: usize) {
        self.blocks.push_back(Block {
            end,
            newlines: self.open_newlines,
        });
        self.open_newlines = 0;
        self.open_start = end;
    }

    /// How many lines [`evict`](Run::evict) would remove.
    fn newlines_before(&self, end: usize) -> usize {
        if end <= self.range.start || self.range.is_empty() {
            return 0;
        }
        let mut start = self.range.start;
        let mut lost = 0;
        for block in &self.blocks {
            if start >= end {
                return lost;
            }
            start = block.end;
            lost += block.newlines;
        }
        if start >= end {
            lost
        } else {
            lost + self.open_newlines
        }
    }

    /// Removes the blocks that begin before `end`.
    fn evict(&mut self, end: usize) {
        while self.range.start < end
            && let Some(block) = self.blocks.pop_front()
        {
            self.range.start = block.end;
            self.newlines -= block.newlines;
        }
        if self.range.start < end || self.range.start >= self.range.end {
            self.reset();
        }
    }

    /// Makes the run empty and moves it to the front. The memory of its blocks is kept.
    fn reset(&mut self) {
        let mut blocks = std::mem::take(&mut self.blocks);
        blocks.clear();
        *self = Run {
            blocks,
            ..Run::default()
        };
    }

    /// Joins two runs, from the beginning of the allocation on.
    fn joined(older: Run, mut newer: Run) -> Run {
        let older_len = older.range.len();
        let move_down = older.range.start;
        let move_up = |at: usize| at + older_len - newer.range.start;
        let mut joined = Run {
            range: 0..older_len + newer.range.len(),
            newlines: older.newlines + newer.newlines,
            blocks: older.blocks,
            open_newlines: older.open_newlines,
            open_start: 0,
        };
        for block in &mut joined.blocks {
            block.end -= move_down;
        }
        if joined.open_newlines > 0 {
            joined.close_block(older_len);
        }
        for block in &mut newer.blocks {
            block.end = move_up(block.end);
        }
        joined.open_start = move_up(newer.open_start);
        joined.open_newlines = newer.open_newlines;
        joined.blocks.append(&mut newer.blocks);
        joined
    }
}

fn newlines(text: &[u8]) -> usize {
    memchr::memchr_iter(b'\n', text).count()
}

/// The beginning of the text after its first `count` newlines.
fn after_newline(text: &[u8], count: usize) -> usize {
    match count.checked_sub(1) {
        None => 0,
        Some(last) => memchr::memchr_iter(b'\n', text)
            .nth(last)
            .map_or(text.len(), |at| at + 1),
    }
}

/// The first position from `at` on where a line of the two runs begins.
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
