//! Which segments are sealed, which are free, and what is gone.

use std::collections::VecDeque;
use std::process;

use crate::sync::{Mutex, MutexGuard, TryLockError};

#[derive(Default)]
pub(crate) struct Book {
    /// Full segments, the one whose last line is oldest in front.
    sealed: VecDeque<Sealed>,
    /// How many segments were ever handed out.
    made: u32,
    horizon: u64,
    lines_recycled: u64,
}

pub(crate) struct Sealed {
    pub(crate) index: u32,
    pub(crate) shard: u16,
    pub(crate) first_tick: u64,
    pub(crate) last_tick: u64,
    pub(crate) lines: u64,
    pub(crate) min_bytes: usize,
}

impl Book {
    pub(crate) fn seal(&mut self, sealed: Sealed) {
        // Nearly always the youngest; a thread that had been quiet seals an older one.
        let at = self
            .sealed
            .iter()
            .rposition(|other| other.last_tick < sealed.last_tick);
        self.sealed.insert(at.map_or(0, |at| at + 1), sealed);
    }

    /// The index of a segment to write to: the oldest, if its lines are past the bounds or there is
    /// no room for another, or else a new one.
    pub(crate) fn take(&mut self, min_lines: u64, min_bytes: usize, max_segments: u32) -> u32 {
        if (self.made == max_segments || self.has_enough_without_oldest(min_lines, min_bytes))
            && let Some(oldest) = self.sealed.pop_front()
        {
            self.raise_horizon(oldest.last_tick);
            self.lines_recycled += oldest.lines;
            return oldest.index;
        }
        self.made += 1;
        self.made - 1
    }

    fn has_enough_without_oldest(&self, min_lines: u64, min_bytes: usize) -> bool {
        let Some(oldest) = self.sealed.front() else {
            return false;
        };
        let mut lines = 0;
        let mut bytes = 0;
        for other in &self.sealed {
            if other.first_tick > oldest.last_tick {
                lines += other.lines;
                bytes += other.min_bytes;
            }
        }
        lines >= min_lines || bytes >= min_bytes
    }

    pub(crate) fn sealed(&self) -> &VecDeque<Sealed> {
        &self.sealed
    }

    /// No line of this tick or an earlier one is to be shown.
    pub(crate) fn horizon(&self) -> u64 {
        self.horizon
    }

    pub(crate) fn raise_horizon(&mut self, tick: u64) {
        self.horizon = self.horizon.max(tick);
    }

    pub(crate) fn lines_recycled(&self) -> u64 {
        self.lines_recycled
    }
}

/// A mutex that a forked child does not wait for when its parent held it.
///
/// The thread that would unlock it does not exist in the child.
pub(crate) struct Lock<T> {
    mutex: Mutex<T>,
    owner: u32,
}

impl<T> Lock<T> {
    pub(crate) fn new(value: T) -> Lock<T> {
        Lock {
            mutex: Mutex::new(value),
            owner: process::id(),
        }
    }

    /// None if this process is a fork of the one that made the lock and it was locked then.
    pub(crate) fn lock(&self) -> Option<MutexGuard<'_, T>> {
        // Nothing panics while one of these is held; were it so, what it guards is still whole.
        match self.mutex.try_lock() {
            Ok(guard) => Some(guard),
            Err(TryLockError::Poisoned(poisoned)) => Some(poisoned.into_inner()),
            Err(TryLockError::WouldBlock) if process::id() != self.owner => None,
            Err(TryLockError::WouldBlock) => Some(
                self.mutex
                    .lock()
                    .unwrap_or_else(|poisoned| poisoned.into_inner()),
            ),
        }
    }
}
