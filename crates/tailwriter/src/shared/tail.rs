//! The face of a tail that threads share.

use std::fmt;
use std::io::{self, Write};
use std::sync::Arc;

use super::core::{self, Core};
use super::memory::Heap;
use super::snapshot::Snapshot;
use crate::Builder;
use crate::clock::Clock;
use crate::limits::Limits;

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
/// # Signals
///
/// What a signal handler pushes while the thread that it interrupted is pushing or taking a snapshot
/// is dropped and counted. Nothing else of this type is for handlers: `io::Write` and `snapshot` could
/// wait for a lock that the thread itself holds.
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
    inner: Arc<Core<Heap>>,
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
        let memory = Heap::new(&limits);
        let pinned = core::pinned_limits(&limits, pinned_lines);
        let pinned = pinned.map(|limits| Heap::new(&limits));
        SharedTail {
            inner: Arc::new(Core::new(
                limits,
                pinned_lines,
                Clock::new(),
                memory,
                pinned,
            )),
        }
    }

    /// Pushes one line, whatever bytes it holds; a newline in it is kept like any other byte.
    ///
    /// The line is cut if it is longer than the limit.
    #[inline]
    pub fn push(&self, line: &[u8]) {
        self.inner.push(line);
    }

    /// Pushes one line that has a quota of its own; see [`Builder::pinned_lines`].
    pub fn push_pinned(&self, line: &[u8]) {
        self.inner.push_pinned(line);
    }

    /// Copies the last lines, in the order in which they were committed.
    ///
    /// Lines that threads have begun with `io::Write` and not finished come last. Writers are not
    /// stopped, but for one whose segment fills up while a list of segments is copied.
    pub fn snapshot(&self) -> Snapshot {
        self.inner.snapshot()
    }

    /// Forgets every line pushed so far. Its memory is kept for what follows.
    pub fn clear(&self) {
        self.inner.clear();
    }
}

/// Splits what is written into lines.
///
/// Each thread has an unfinished line of its own, so pieces that several threads write do not
/// mix. Writing never fails.
impl Write for &SharedTail {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.inner.write(bytes);
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
        self.inner.describe("SharedTail", f)
    }
}
