//! The age of lines, without storing a time for each line.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// Writes within this fraction of the maximum age share one time.
const STEPS: u32 = 256;

pub(super) struct Ages {
    max_age: Duration,
    /// The times from which on lines were written: one mark per step, so at most about `STEPS`.
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

    /// Records that lines from number `first_line` on were written, or continued, just now.
    pub(super) fn note(&mut self, first_line: u64) {
        let time = (self.now)();
        if let Some(last) = self.marks.back()
            && time.duration_since(last.time) < self.max_age / STEPS
        {
            return;
        }
        // Only the last of the marks that are too old is needed.
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
