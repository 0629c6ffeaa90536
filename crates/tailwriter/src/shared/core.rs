//! What a tail does, wherever its lines lie.

use std::fmt;

use super::assemble::{self, Bounds};
use super::book::Lock;
use super::journal::Journal;
use super::memory::Memory;
use super::pending::Pending;
use super::segment::{CUT, Line, PINNED};
use super::slot;
use super::snapshot::Snapshot;
use crate::clock::Clock;
use crate::limits::{Limits, cut_point};
use crate::sync::{AtomicU64, Ordering};

pub(crate) struct Core<M> {
    limits: Limits,
    line_limit: usize,
    clock: Clock,
    journal: Journal<M>,
    /// Pinned lines are here a second time.
    pinned: Option<Journal<M>>,
    pinned_lines: usize,
    pending: Pending,
    /// For the threads that have no slot of their own.
    shared_slot: Lock<()>,
    /// Relaxed, as the next one: counts, through which no memory is reached. A snapshot that is
    /// taken while another thread clears may count by the one and show by the other.
    dropped: AtomicU64,
    /// How many lines had been pushed when the tail was cleared.
    cleared: AtomicU64,
}

/// The limits of the pinned lines, if any are to be kept.
pub(crate) fn pinned_limits(limits: &Limits, pinned_lines: usize) -> Option<Limits> {
    let pinned = Limits {
        max_lines: pinned_lines,
        ..limits.clone()
    };
    (!pinned.keeps_nothing()).then_some(pinned)
}

impl<M: Memory> Core<M> {
    /// With the memory of all lines and, where [`pinned_limits`] are, that of pinned ones.
    pub(crate) fn new(
        limits: Limits,
        pinned_lines: usize,
        clock: Clock,
        memory: M,
        pinned_memory: Option<M>,
    ) -> Core<M> {
        let pinned = pinned_limits(&limits, pinned_lines).zip(pinned_memory);
        Core {
            line_limit: limits.shared_line_limit(),
            clock,
            journal: Journal::new(&limits, memory),
            pinned: pinned.map(|(limits, memory)| Journal::new(&limits, memory)),
            pinned_lines,
            pending: Pending::new(),
            shared_slot: Lock::new(()),
            dropped: AtomicU64::new(0),
            cleared: AtomicU64::new(0),
            limits,
        }
    }

    pub(crate) fn snapshot(&self) -> Snapshot {
        // No signal handler is to push while this thread has the book.
        let _entered = slot::enter();
        let unfinished = self.pending.unfinished();
        let not_counted = self.cleared.load(Ordering::Relaxed);
        let dropped = self.dropped.load(Ordering::Relaxed);
        let contents = self.journal.contents(|| self.clock.now_before_loads());
        // The pinned lines after that: one that is pushed meanwhile is no older than what is there
        // now, and can only be missed for the sake of newer ones.
        let pinned = self.pinned.as_ref();
        let pinned = pinned.map(|journal| journal.contents(|| self.clock.now_before_loads()));
        assemble::assemble(assemble::Source {
            bounds: Bounds {
                limits: &self.limits,
                pinned_lines: self.pinned_lines,
                timeline: self.clock.timeline(),
            },
            contents,
            pinned,
            unfinished,
            line_limit: self.line_limit,
            not_counted,
            dropped,
        })
    }

    pub(crate) fn clear(&self) {
        let _entered = slot::enter();
        let now = self.clock.now();
        self.pending.clear();
        let contents = self.journal.contents(|| now);
        let pushed = contents.evicted + contents.lines.len() as u64;
        self.journal.clear(now);
        if let Some(pinned) = &self.pinned {
            pinned.clear(now);
        }
        self.journal.memory().cleared(now, pushed);
        self.dropped.store(0, Ordering::Relaxed);
        self.cleared.store(pushed, Ordering::Relaxed);
    }

    pub(crate) fn push_pinned(&self, line: &[u8]) {
        self.push_flagged(line, PINNED);
    }

    #[inline]
    pub(crate) fn push(&self, line: &[u8]) {
        self.push_flagged(line, 0);
    }

    /// Splits what is written into lines, and keeps the beginning of what is not finished.
    pub(crate) fn write(&self, bytes: &[u8]) {
        self.pending.write(
            bytes,
            self.line_limit,
            || self.clock.now(),
            |line| self.push(line),
        );
    }

    #[inline]
    fn push_flagged(&self, line: &[u8], flags: u64) {
        if line.len() > self.line_limit {
            return self.push_cut(line, flags);
        }
        let Some(entered) = slot::enter() else {
            // A signal handler, in the midst of what this thread was doing here.
            self.dropped.fetch_add(1, Ordering::Relaxed);
            return;
        };
        let slot = entered.slot();
        if slot < slot::PRIVATE && flags == 0 {
            let line = self.line(line, flags);
            if !self.journal.append(slot, line) {
                self.dropped.fetch_add(1, Ordering::Relaxed);
            }
            self.journal.memory().pushed(line.tick, &self.clock);
        } else {
            self.push_rarely(slot, line, flags);
        }
    }

    #[inline]
    fn line<'a>(&self, text: &'a [u8], flags: u64) -> Line<'a> {
        Line {
            tick: self.clock.now(),
            flags,
            text,
        }
    }

    /// Pushes a line that is pinned, or from a thread without a slot of its own.
    #[cold]
    fn push_rarely(&self, slot: usize, line: &[u8], flags: u64) {
        let guard = if slot < slot::PRIVATE {
            None
        } else {
            self.shared_slot.lock()
        };
        let mut kept = slot < slot::PRIVATE || guard.is_some();
        if kept {
            let line = self.line(line, flags);
            kept = self.journal.append(slot, line);
            if let Some(pinned) = &self.pinned
                && flags & PINNED != 0
            {
                kept |= pinned.append(slot, line);
            }
            self.journal.memory().pushed(line.tick, &self.clock);
        }
        if !kept {
            self.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }

    #[cold]
    fn push_cut(&self, line: &[u8], flags: u64) {
        let (end, mark) = cut_point(&line[..self.line_limit], self.line_limit);
        self.push_flagged(&[&line[..end], mark].concat(), flags | CUT);
    }
}

impl<M> Core<M> {
    /// Describes a tail of this name.
    pub(crate) fn describe(&self, name: &str, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct(name)
            .field("limits", &self.limits)
            .field("pinned_lines", &self.pinned_lines)
            .finish_non_exhaustive()
    }
}
