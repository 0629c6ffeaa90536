//! Lines that were begun with `io::Write` and are not finished.
//!
//! Such a line belongs to the handle through which it is written and, if several threads may write
//! through one handle (`&SharedTail`), also to the thread. A snapshot places it by the time of its last
//! piece, and applies the limits of all lines to it.

use std::cell::Cell;
use std::mem;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::sync::{ForkMutex, ForkMutexGuard, LockError, Padded};

/// Handles and threads are spread over this many locks.
const BUCKETS: usize = 8;
/// The bytes that an unfinished line takes in addition to its text.
const OVERHEAD: usize = size_of::<Unfinished>();

pub(crate) struct UnfinishedLines {
    buckets: Box<[Padded<ForkMutex<Vec<Unfinished>>>]>,
    /// No line is longer than this.
    line_limit: usize,
    /// A bucket that takes more bytes than this finishes its oldest lines.
    max_bytes: usize,
}

/// The beginning of a line.
#[derive(Clone)]
pub(crate) struct Unfinished {
    owner: Owner,
    /// At most one byte longer than the limit, which shows that the line is too long.
    pub(crate) text: Vec<u8>,
    /// When its last piece was written.
    pub(crate) tick: u64,
}

#[derive(Clone, Copy, PartialEq, Eq)]
struct Owner {
    handle: usize,
    /// Zero for the only thread that can write through the handle.
    thread: usize,
}

/// A handle through which lines are written. Each clone of a tail is another handle.
pub(crate) struct Handle {
    number: usize,
    /// How many of its lines are unfinished. Relaxed: a thread only needs to see its own changes.
    unfinished: AtomicUsize,
}

/// Which threads write through a handle.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Writers {
    /// One at a time: it has a mutable reference.
    One,
    /// Perhaps several: they have a shared reference.
    Many,
}

/// The buckets, all locked.
pub(crate) struct AllLocked<'a>(Vec<ForkMutexGuard<'a, Vec<Unfinished>>>);

impl Handle {
    pub(crate) fn new() -> Handle {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        Handle {
            number: NEXT.fetch_add(1, Ordering::Relaxed),
            unfinished: AtomicUsize::new(0),
        }
    }

    /// Whether a line that was begun through the handle is not finished.
    pub(crate) fn has_unfinished(&self) -> bool {
        self.unfinished.load(Ordering::Relaxed) != 0
    }
}

impl UnfinishedLines {
    /// Creates buckets with room for `max_bytes` in total, and for at least one line each.
    pub(crate) fn new(line_limit: usize, max_bytes: usize) -> UnfinishedLines {
        let bucket = || Padded(ForkMutex::new(Vec::new()));
        UnfinishedLines {
            buckets: (0..BUCKETS).map(|_| bucket()).collect(),
            line_limit,
            max_bytes: (max_bytes / BUCKETS).max(line_limit + 1 + OVERHEAD),
        }
    }

    /// Splits `bytes` into lines and passes each finished one to `push`.
    pub(crate) fn write(
        &self,
        handle: &Handle,
        writers: Writers,
        mut bytes: &[u8],
        tick: impl Fn() -> u64,
        push: impl Fn(&[u8]),
    ) {
        if !bytes.ends_with(b"\n") || handle.has_unfinished() {
            let owner = Owner {
                handle: handle.number,
                thread: match writers {
                    Writers::One => 0,
                    Writers::Many => thread_number(),
                },
            };
            // `None` in a signal handler that has interrupted this thread here: its bytes are lost.
            let Some(mut lines) = lock(self.bucket(owner)) else {
                return;
            };
            return self.write_pieces(&mut lines, owner, handle, bytes, tick, push);
        }
        while let Some(newline) = memchr::memchr(b'\n', bytes) {
            push(&bytes[..newline]);
            bytes = &bytes[newline + 1..];
        }
    }

    /// Finishes the line that `owner` has begun, and begins another with the bytes after the last
    /// newline.
    fn write_pieces(
        &self,
        lines: &mut Vec<Unfinished>,
        owner: Owner,
        handle: &Handle,
        mut bytes: &[u8],
        tick: impl Fn() -> u64,
        push: impl Fn(&[u8]),
    ) {
        let mut begun = lines.iter().position(|line| line.owner == owner);
        while let Some(newline) = memchr::memchr(b'\n', bytes) {
            match begun.take() {
                Some(at) => {
                    let mut line = lines.swap_remove(at);
                    handle.unfinished.fetch_sub(1, Ordering::Relaxed);
                    line.extend(&bytes[..newline], self.line_limit);
                    push(&line.text);
                }
                None => push(&bytes[..newline]),
            }
            bytes = &bytes[newline + 1..];
        }
        if bytes.is_empty() {
            return;
        }
        let at = begun.unwrap_or_else(|| {
            handle.unfinished.fetch_add(1, Ordering::Relaxed);
            lines.push(Unfinished {
                owner,
                text: Vec::new(),
                tick: 0,
            });
            lines.len() - 1
        });
        lines[at].extend(bytes, self.line_limit);
        lines[at].tick = tick();
        self.finish_oldest(lines, push);
    }

    /// Finishes lines until the bucket is within its bound: their threads have probably ended.
    fn finish_oldest(&self, lines: &mut Vec<Unfinished>, push: impl Fn(&[u8])) {
        let mut bytes: usize = lines.iter().map(Unfinished::bytes).sum();
        while bytes > self.max_bytes && lines.len() > 1 {
            let oldest = lines.iter().enumerate().min_by_key(|(_, line)| line.tick);
            let Some((oldest, _)) = oldest else { break };
            // Its handle still counts it. The only effect is a search of the handle that finds nothing.
            let line = lines.swap_remove(oldest);
            bytes -= line.bytes();
            push(&line.text);
        }
    }

    /// Finishes the lines of a handle that is dropped.
    pub(crate) fn finish(&self, handle: &Handle, push: impl Fn(&[u8])) {
        if !handle.has_unfinished() {
            return;
        }
        for bucket in &self.buckets {
            let Some(mut lines) = lock(bucket) else {
                continue;
            };
            while let Some(at) = lines
                .iter()
                .position(|line| line.owner.handle == handle.number)
            {
                push(&lines.swap_remove(at).text);
            }
        }
    }

    /// Locks all buckets: no unfinished line changes until they are unlocked.
    pub(crate) fn lock_all(&self) -> AllLocked<'_> {
        AllLocked(self.buckets.iter().filter_map(lock).collect())
    }

    pub(crate) fn clear(&self) {
        for mut lines in self.lock_all().0 {
            // The handles still count them. The only effect is a search that finds nothing.
            lines.clear();
        }
    }

    fn bucket(&self, owner: Owner) -> &Padded<ForkMutex<Vec<Unfinished>>> {
        &self.buckets[owner.handle.wrapping_add(owner.thread) % BUCKETS]
    }
}

impl AllLocked<'_> {
    /// Copies of the unfinished lines, in no particular order.
    pub(crate) fn lines(&self) -> Vec<Unfinished> {
        self.0
            .iter()
            .flat_map(|lines| lines.iter().cloned())
            .collect()
    }
}

impl Unfinished {
    /// Adds a piece to a line, up to one byte more than `limit`.
    fn extend(&mut self, piece: &[u8], limit: usize) {
        let room = (limit + 1).saturating_sub(self.text.len());
        self.text.extend_from_slice(&piece[..piece.len().min(room)]);
    }

    fn bytes(&self) -> usize {
        self.text.len() + OVERHEAD
    }
}

fn lock(
    bucket: &Padded<ForkMutex<Vec<Unfinished>>>,
) -> Option<ForkMutexGuard<'_, Vec<Unfinished>>> {
    match bucket.0.lock() {
        Ok(lines) => Some(lines),
        Err(LockError::Orphaned(mut lines)) => {
            // A reallocation by the parent's thread may have been interrupted, so the old list must
            // not be dropped.
            mem::forget(mem::take(&mut *lines));
            Some(lines)
        }
        Err(_) => None,
    }
}

/// A number that no other thread of the process has or had. It is not zero.
fn thread_number() -> usize {
    thread_local! {
        static NUMBER: Cell<usize> = const { Cell::new(0) };
    }
    // Relaxed: no other memory depends on the number. Not loom's atomic: no model needs it.
    static NEXT: AtomicUsize = AtomicUsize::new(1);
    if NUMBER.get() == 0 {
        NUMBER.set(NEXT.fetch_add(1, Ordering::Relaxed));
    }
    NUMBER.get()
}
