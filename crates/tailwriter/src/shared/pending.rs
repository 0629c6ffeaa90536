//! Lines that were begun with `io::Write` and are not finished: one a thread.

use std::cell::Cell;
use std::sync::atomic::{AtomicU64, Ordering};

use crossbeam_utils::CachePadded;

use super::book::Lock;

/// Threads are spread over so many locks.
const BUCKETS: usize = 64;
/// A bucket with more unfinished lines than this finishes the one that waited longest: its thread
/// has most likely ended.
const MAX_A_BUCKET: usize = 16;

pub(crate) struct Pending {
    buckets: Box<[CachePadded<Lock<Vec<Unfinished>>>]>,
}

/// The beginning of a thread's line.
#[derive(Clone)]
pub(crate) struct Unfinished {
    thread: u64,
    pub(crate) text: Vec<u8>,
    /// When its last piece came.
    pub(crate) tick: u64,
    /// It is over the limit: what follows is passed over.
    is_cut: bool,
}

impl Pending {
    pub(crate) fn new() -> Pending {
        let bucket = || CachePadded::new(Lock::new(Vec::new()));
        Pending {
            buckets: (0..BUCKETS).map(|_| bucket()).collect(),
        }
    }

    /// Splits what this thread writes into lines and gives each finished one to `push`.
    ///
    /// No more than `limit + 1` bytes of a line are kept, so that `push` sees that it is too long.
    pub(crate) fn write(
        &self,
        mut bytes: &[u8],
        limit: usize,
        tick: impl Fn() -> u64,
        push: impl Fn(&[u8]),
    ) {
        let thread = thread_number();
        let bucket = &self.buckets[thread as usize % BUCKETS];
        let Some(mut lines) = bucket.lock() else {
            return;
        };
        if let Some(at) = lines.iter().position(|line| line.thread == thread) {
            let Some(newline) = memchr::memchr(b'\n', bytes) else {
                lines[at].extend(bytes, limit);
                lines[at].tick = tick();
                return;
            };
            let mut line = lines.swap_remove(at);
            line.extend(&bytes[..newline], limit);
            push(&line.text);
            bytes = &bytes[newline + 1..];
        }
        while let Some(newline) = memchr::memchr(b'\n', bytes) {
            push(&bytes[..newline]);
            bytes = &bytes[newline + 1..];
        }
        if bytes.is_empty() {
            return;
        }
        if lines.len() == MAX_A_BUCKET
            && let Some((oldest, _)) = lines.iter().enumerate().min_by_key(|(_, line)| line.tick)
        {
            push(&lines.swap_remove(oldest).text);
        }
        let mut line = Unfinished {
            thread,
            text: Vec::new(),
            tick: tick(),
            is_cut: false,
        };
        line.extend(bytes, limit);
        lines.push(line);
    }

    /// The unfinished lines, the one that was written to last at the end.
    pub(crate) fn unfinished(&self) -> Vec<Unfinished> {
        let order = |line: &Unfinished| (line.tick, line.thread);
        let mut all: Vec<Unfinished> = Vec::new();
        for bucket in &self.buckets {
            let Some(lines) = bucket.lock() else { continue };
            for line in lines.iter() {
                // One a thread at most: few enough to be sorted by insertion.
                let at = all.partition_point(|there| order(there) < order(line));
                all.insert(at, line.clone());
            }
        }
        all
    }

    pub(crate) fn clear(&self) {
        for bucket in &self.buckets {
            if let Some(mut lines) = bucket.lock() {
                lines.clear();
            }
        }
    }
}

impl Unfinished {
    fn extend(&mut self, piece: &[u8], limit: usize) {
        if self.is_cut {
            return;
        }
        let room = limit + 1 - self.text.len();
        self.text.extend_from_slice(&piece[..piece.len().min(room)]);
        self.is_cut = piece.len() >= room;
    }
}

/// A number that no other thread of the process ever has.
fn thread_number() -> u64 {
    thread_local! {
        static NUMBER: Cell<u64> = const { Cell::new(0) };
    }
    // Relaxed: a number is for itself, and nothing else is told by it. Not loom's: no model needs it.
    static NEXT: AtomicU64 = AtomicU64::new(1);
    if NUMBER.get() == 0 {
        NUMBER.set(NEXT.fetch_add(1, Ordering::Relaxed));
    }
    NUMBER.get()
}
