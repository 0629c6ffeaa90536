//! The face of a tail that threads share.

use std::fmt;
use std::io::{self, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::book::Lock;
use super::journal::Journal;
use super::pending::Pending;
use super::segment::{CUT, PINNED};
use super::slot;
use super::snapshot::{self, Snapshot};
use crate::Builder;
use crate::clock::Clock;
use crate::limits::{Limits, cut_point};

/// The last lines of all threads, in the order in which they were committed.
///
/// A clone is another handle on the same tail. Each thread writes to memory of its own: pushing a
/// line takes no lock, except once in hundreds of lines, makes no system call and, after the
/// first laps, no allocation. A [`Snapshot`] holds the last lines exactly: if one push returned
/// before another began, on whatever threads, its line comes first, and no line is missing between
/// two others.
///
/// # Memory
///
/// Lines lie in segments of twice `max_line_bytes`, 16 KiB by default. Segments are recycled when
/// enough younger lines are there, so memory follows what is kept: the bytes of the lines, 16 to 23
/// a line of bookkeeping, and up to two segments for each thread that writes at the same time (the
/// first 64 of them have memory of their own, all others share one). However short the lines are,
/// it is never more than `2 × max_bytes` and 132 segments: 4.1 MiB by default. Lines of less than
/// some 16 bytes reach that before they reach `max_bytes`; the oldest then go earlier.
/// Pinned lines take as much again, if there are any.
///
/// # Fork
///
/// A forked child has a copy of its own. It never waits for a lock that a thread of its parent
/// held at the time of the fork: where it would have to, its lines are dropped and counted.
///
/// ```
/// use tailwriter::SharedTail;
///
/// let tail = SharedTail::new(2);
/// std::thread::scope(|scope| {
///     scope.spawn(|| tail.push(b"from a thread")).join()
/// }).unwrap();
/// tail.push(b"one");
/// tail.push(b"two");
/// let lines: Vec<_> = tail.snapshot().lines().map(<[u8]>::to_vec).collect();
/// assert_eq!(lines, [b"one", b"two"]);
/// ```
#[derive(Clone)]
pub struct SharedTail {
    inner: Arc<Inner>,
}

struct Inner {
    limits: Limits,
    line_limit: usize,
    clock: Clock,
    journal: Journal,
    /// Pinned lines are here a second time.
    pinned: Option<Journal>,
    pinned_lines: usize,
    pending: Pending,
    /// For the threads that have no slot of their own.
    shared_slot: Lock<()>,
    dropped: AtomicU64,
    /// How many lines had been pushed when the tail was cleared.
    cleared: AtomicU64,
}

impl SharedTail {
    /// Keeps the last `max_lines` lines, as long as they fit into
    /// [1 MiB](crate::DEFAULT_MAX_BYTES); a line over [8 KiB](crate::DEFAULT_MAX_LINE_BYTES) is cut.
    pub fn new(max_lines: usize) -> SharedTail {
        SharedTail::builder().max_lines(max_lines).build_shared()
    }

    /// Chooses further bounds.
    pub fn builder() -> Builder {
        Builder::default()
    }

    pub(crate) fn with_limits(limits: Limits, pinned_lines: usize) -> SharedTail {
        let pinned = Limits {
            max_lines: pinned_lines,
            ..limits.clone()
        };
        SharedTail {
            inner: Arc::new(Inner {
                line_limit: limits.shared_line_limit(),
                clock: Clock::new(),
                journal: Journal::new(&limits),
                pinned: (!pinned.keeps_nothing()).then(|| Journal::new(&pinned)),
                pinned_lines,
                pending: Pending::new(),
                shared_slot: Lock::new(()),
                dropped: AtomicU64::new(0),
                cleared: AtomicU64::new(0),
                limits,
            }),
        }
    }

    /// Pushes one line, whatever bytes it holds; a newline in it is kept like any other byte.
    ///
    /// The line is cut if it is longer than the limit.
    #[inline]
    pub fn push(&self, line: &[u8]) {
        self.inner.push(line, 0);
    }

    /// Pushes one line that has a quota of its own; see [`Builder::pinned_lines`].
    pub fn push_pinned(&self, line: &[u8]) {
        self.inner.push(line, PINNED);
    }

    /// Copies the last lines, in the order in which they were committed.
    ///
    /// Lines that threads have begun with `io::Write` and not finished come last. Writers are not
    /// stopped, but for one whose segment fills up while a list of segments is copied.
    pub fn snapshot(&self) -> Snapshot {
        snapshot::take(snapshot::Source {
            clock: &self.inner.clock,
            limits: &self.inner.limits,
            journal: &self.inner.journal,
            pinned: self.inner.pinned.as_ref(),
            pinned_lines: self.inner.pinned_lines,
            unfinished: self.inner.pending.unfinished(),
            line_limit: self.inner.line_limit,
            not_counted: self.inner.cleared.load(Ordering::Relaxed),
            dropped: self.inner.dropped.load(Ordering::Relaxed),
        })
    }

    /// Forgets every line pushed so far. Its memory is kept for what follows.
    pub fn clear(&self) {
        let inner = &*self.inner;
        let now = inner.clock.now();
        inner.pending.clear();
        let contents = inner.journal.contents(|| now);
        let pushed = contents.evicted + contents.lines.len() as u64;
        inner.journal.clear(now);
        if let Some(pinned) = &inner.pinned {
            pinned.clear(now);
        }
        inner.dropped.store(0, Ordering::Relaxed);
        inner.cleared.store(pushed, Ordering::Relaxed);
    }
}

impl Inner {
    #[inline]
    fn push(&self, line: &[u8], flags: u64) {
        if line.len() > self.line_limit {
            return self.push_cut(line, flags);
        }
        let slot = slot::current();
        if slot < slot::PRIVATE && flags == 0 {
            let tick = self.clock.now();
            if !self.journal.append(slot, tick, flags, line) {
                self.dropped.fetch_add(1, Ordering::Relaxed);
            }
        } else {
            self.push_rarely(slot, line, flags);
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
            let tick = self.clock.now();
            kept = self.journal.append(slot, tick, flags, line);
            if let Some(pinned) = &self.pinned
                && flags & PINNED != 0
            {
                kept |= pinned.append(slot, tick, flags, line);
            }
        }
        if !kept {
            self.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }

    #[cold]
    fn push_cut(&self, line: &[u8], flags: u64) {
        let (end, mark) = cut_point(&line[..self.line_limit], self.line_limit);
        self.push(&[&line[..end], mark].concat(), flags | CUT);
    }
}

/// Splits what is written into lines.
///
/// Each thread has an unfinished line of its own, so pieces that several threads write do not
/// mix. Writing never fails.
impl Write for &SharedTail {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let inner = &*self.inner;
        inner.pending.write(
            bytes,
            inner.line_limit,
            || inner.clock.now(),
            |line| inner.push(line, 0),
        );
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// See [`Write` for `&SharedTail`](#impl-Write-for-%26SharedTail).
impl Write for SharedTail {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        (&*self).write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl fmt::Debug for SharedTail {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SharedTail")
            .field("limits", &self.inner.limits)
            .field("pinned_lines", &self.inner.pinned_lines)
            .finish_non_exhaustive()
    }
}
