//! The age of lines, without a time for each of them.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// Writes closer together than this part of the age share a time.
const STEPS: u32 = 256;

pub(super) struct Ages {
    max_age: Duration,
    /// When the lines from a number on were written: one mark a step, so at most some `STEPS`.
    marks: VecDeque<Mark>,
    now: fn() -> Instant,
}

struct Mark {
    first_line: u64,
    time: Instant,
}

impl Ages {
    pub(super) fn new(max_age: Duration) -> Ages {
        Ages {
            max_age,
            marks: VecDeque::new(),
            now: Instant::now,
        }
    }

    /// Lines from number `first_line` on were written, or written to, just now.
    pub(super) fn note(&mut self, first_line: u64) {
        let time = (self.now)();
        if let Some(last) = self.marks.back()
            && time.duration_since(last.time) < self.max_age / STEPS
        {
            return;
        }
        // All but the last of the marks that are too old say nothing that the last does not.
        while self
            .marks
            .get(1)
            .is_some_and(|mark| self.is_too_old(mark, time))
        {
            self.marks.pop_front();
        }
        self.marks.push_back(Mark { first_line, time });
    }

    /// The number of the first line that is not too old.
    pub(super) fn first_young_line(&self) -> u64 {
        let now = (self.now)();
        let young = self
            .marks
            .iter()
            .position(|mark| !self.is_too_old(mark, now));
        match young {
            Some(at) => self.marks[at].first_line,
            None if self.marks.is_empty() => 0,
            None => u64::MAX,
        }
    }

    pub(super) fn clear(&mut self) {
        self.marks.clear();
    }

    fn is_too_old(&self, mark: &Mark, now: Instant) -> bool {
        now.duration_since(mark.time) > self.max_age
    }

    #[cfg(test)]
    pub(super) fn set_clock(&mut self, now: fn() -> Instant) {
        self.now = now;
    }
}
