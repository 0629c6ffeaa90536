//! `SharedTail`, the public type.

use std::fmt;
use std::io::{self, Write};
use std::sync::Arc;

use super::core::{Begun, Core};
use super::memory::Heap;
use super::snapshot::Snapshot;
use super::unfinished::{Handle, Writers};
use crate::Builder;
use crate::clock::Clock;
use crate::limits::Limits;

/// The last lines of all threads, in the order in which they were committed.
///
/// A clone is another handle to the same tail. Each thread writes to memory of its own. A push takes a
/// lock only once in hundreds of lines, makes no system call and, after the first laps, no allocation.
/// A [`Snapshot`] holds the last lines exactly: if one push returned before another began, on any
/// threads, its line comes first, and no line is missing between two others. This holds even if the
/// counter that serves as the clock restarts from zero.
///
/// # Memory
///
/// Lines are stored in segments of 32 KiB by default. (That is a 32nd of `max_bytes`, at least 8 and at
/// most 32 KiB; more if twice `max_line_bytes` is more, or if `max_bytes` is more than 32 MiB.) A segment
/// is recycled as soon as there are enough newer lines, so memory grows with the lines that are kept. It
/// consists of:
///
/// - the bytes of the lines, and 16 to 23 bytes of bookkeeping per line,
/// - up to two segments for each thread that writes at the same time (the first 64 threads have memory
///   of their own, all others share one),
/// - up to five free segments that are reserved for the thread that filled them.
///
/// However short the lines are, it is never more than `2 × max_bytes` and 132 segments: 6.2 MiB by
/// default. Lines of less than some 16 bytes reach that limit before they reach `max_bytes`; the oldest
/// lines are then evicted earlier.
///
/// If there is no memory for another segment, the oldest one is recycled. A line is dropped, and counted
/// as evicted, only if there is no segment at all.
///
/// [Shares](crate::Shares) take the bytes of the lines that they keep, and some 150 bytes for each such
/// line and for each group. A push allocates if a group is new, or if a share keeps a line that would
/// be evicted.
///
/// Each class with a [quota](Builder::quota), and each [separate](Builder::separate) one, takes memory in
/// the same way, with `max_bytes` or `lines × max_line_bytes`, whichever is less. Unfinished lines of
/// `io::Write` take at most `max_bytes`, or eight times `max_line_bytes` if that is more.
///
/// # Fork
///
/// A forked child has a copy of its own, which its threads continue to use. The child takes over locks
/// that other threads of the parent held at the time of the fork.
///
/// # Signals
///
/// Do not push from signal handlers: a push may allocate, when a thread pushes for the first time or a
/// segment is first used, and may wait for a lock. If a handler pushes while the interrupted thread is
/// pushing or taking a snapshot, the handler's line is dropped and counted as evicted.
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
pub struct SharedTail {
    core: Arc<Core<Heap>>,
    handle: Handle,
}

impl SharedTail {
    /// Keeps the last `max_lines` lines, as long as they fit into
    /// [1 MiB](crate::DEFAULT_MAX_BYTES). A line over [8 KiB](crate::DEFAULT_MAX_LINE_BYTES) is cut.
    pub fn new(max_lines: usize) -> SharedTail {
        SharedTail::builder().max_lines(max_lines).build_shared()
    }

    /// Returns a builder for a tail with other limits; see [`Builder::build_shared`].
    pub fn builder() -> Builder {
        Builder::default()
    }

    pub(crate) fn with_limits(limits: Limits) -> SharedTail {
        SharedTail::with_clock(limits, Clock::new())
    }

    pub(crate) fn with_clock(limits: Limits, clock: Clock) -> SharedTail {
        let memory = |_: usize, limits: &Limits| Heap::new(limits);
        SharedTail {
            core: Arc::new(Core::new(limits, clock, memory)),
            handle: Handle::new(),
        }
    }

    /// Pushes one line of any bytes. A newline in it is kept like any other byte.
    ///
    /// The line is cut if it is longer than the limit.
    #[inline]
    pub fn push(&self, line: &[u8]) {
        self.core.push(line);
    }

    /// Pushes one line of a class that may have a [quota](Builder::quota) or be
    /// [separate](Builder::separate).
    ///
    /// Class 0, and a class above [`MAX_CLASS`](crate::MAX_CLASS), means no class, as with
    /// [`push`](SharedTail::push).
    #[inline]
    pub fn push_class(&self, class: u8, line: &[u8]) {
        self.core.push_class(class, line);
    }

    /// Pushes the line that is the first `len` bytes of `padded`, with a class like
    /// [`push_class`](SharedTail::push_class).
    ///
    /// This is cheaper, because the line is copied in blocks of 32 bytes. After the line, `padded` must
    /// have zeros, at least up to a multiple of 32; otherwise the line may be lost in a mapped file. A
    /// `len` beyond the end means all of `padded`.
    #[inline(always)]
    pub fn push_padded(&self, class: u8, padded: &[u8], len: usize) {
        self.core.push_padded(class, padded, len);
    }

    /// Begins a line of `len` bytes that is passed in words, which is the cheapest way for a short line.
    ///
    /// Returns `None` if the line is longer than the limit, if it is the first line of its thread, or if
    /// the thread has begun a line already.
    ///
    /// If the line can't be begun, or can't be [pushed](Begun::push), use [`push`](SharedTail::push):
    ///
    /// ```
    /// let tail = tailwriter::SharedTail::new(10);
    /// for number in 0..3_u64 {
    ///     if !tail.try_begin(8).is_some_and(|line| line.push([number])) {
    ///         tail.push(&number.to_le_bytes());
    ///     }
    /// }
    /// assert!(tail.snapshot().lines().eq([0, 1, 2_u64].map(u64::to_le_bytes)));
    /// ```
    #[inline(always)]
    pub fn try_begin(&self, len: usize) -> Option<Begun<'_>> {
        self.core.try_begin(len)
    }

    /// Copies the last lines, in the order in which they were committed.
    ///
    /// An unfinished line of `io::Write` is placed by the time of its last piece. Writers are not
    /// stopped, with two exceptions: a thread whose segment fills up, or that writes with `io::Write`,
    /// waits while the list of segments is copied.
    pub fn snapshot(&self) -> Snapshot {
        self.core.snapshot()
    }

    /// Copies the last lines of a [separate](Builder::separate) class. Empty for other classes.
    pub fn class_snapshot(&self, class: u8) -> Snapshot {
        self.core.class_snapshot(class)
    }

    /// Forgets every line pushed so far. The memory is kept for later lines.
    pub fn clear(&self) {
        self.core.clear();
    }
}

impl Clone for SharedTail {
    /// Returns another handle to the same tail.
    fn clone(&self) -> SharedTail {
        SharedTail {
            core: Arc::clone(&self.core),
            handle: Handle::new(),
        }
    }
}

impl Drop for SharedTail {
    /// Finishes the line that was begun with `io::Write` through this handle.
    fn drop(&mut self) {
        self.core.finish(&self.handle);
    }
}

/// Splits the written bytes into lines. Writing never fails.
///
/// Each thread has an unfinished line of its own, so pieces that several threads write through one
/// reference do not mix. A writer that moves between threads should be a clone of the tail, which
/// has one unfinished line for all threads.
impl Write for &SharedTail {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.core.write(&self.handle, Writers::Many, bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Splits the written bytes into lines. Writing never fails.
///
/// Each handle has one unfinished line, which is finished when the handle is dropped.
impl Write for SharedTail {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.core.write(&self.handle, Writers::One, bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl fmt::Debug for SharedTail {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.core.describe("SharedTail", f)
    }
}
