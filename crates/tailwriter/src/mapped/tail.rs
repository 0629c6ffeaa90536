//! The tail in a mapped file, as its users see it.

use std::fmt;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};

use super::checked::Checked;
use super::file::{self, boot_id, random_id};
use super::header::{Header, MAX_FILE_BYTES, nanos};
use super::map::{ForkGuard, Map};
use super::recovered::Recovered;
use super::ring::{self, Part, Ring};
use crate::Snapshot;
use crate::clock::Clock;
use crate::limits::{CLASSES, Limits};
use crate::shared::core::Core;
use crate::shared::memory::{Geometry, Heap};
use crate::shared::unfinished::{Handle, Writers};

/// The last lines of all threads, in a file that outlives the process.
///
/// It keeps what a [`SharedTail`](crate::SharedTail) keeps, in the same order; a clone is another handle on the same
/// tail. Its lines lie in a file that is mapped into memory: pushing one copies it there and computes
/// a checksum. It takes no lock, except once in hundreds of lines, makes no allocation and, after
/// the first laps, no system call. [`Builder::build_mapped`](crate::Builder::build_mapped) makes one.
///
/// # What survives
///
/// A line is committed when `push` returns. From then on it is in the file, whatever ends the
/// process: SIGKILL, the out-of-memory killer, an abort, a segmentation fault. [`MappedTail::recover`]
/// reads the file afterwards. A crash of the whole machine keeps what the system had written to
/// the disk by itself (within half a minute, as a rule), and what [`flush`](MappedTail::flush) was
/// called for; what is there is told from what is not by the checksums.
///
/// Lines that `io::Write` has begun and not finished are in memory only.
///
/// # The file
///
/// It has its full length from the beginning: about `2 × max_bytes` and 132 segments of twice
/// `max_line_bytes`, which is 4.2 MiB by default, and less for each class with a
/// [quota](crate::Builder::quota). Its space on the disk is reserved in pieces of 256 KiB, the first by
/// [`Builder::build_mapped`](crate::Builder::build_mapped), each before it is used. On a full disk the tail reuses the space that
/// it has, and so keeps fewer lines; writing to it never ends the process.
///
/// It is readable and writable by its owner only. It stays when the tail is dropped; a program that
/// ends well calls [`remove`](MappedTail::remove). If the file is made shorter while it is in use,
/// the process ends by SIGBUS: only its owner may write to it.
///
/// A lock on the file (`flock`) is held for as long as a handle exists, so that others tell a living
/// owner from a dead one, also where its process id is used again: see [`Recovered::claim`].
///
/// # Fork
///
/// A forked child never writes to the file of its parent. From then on, in the child, this is a
/// tail in memory that begins empty; `flush` and `remove` do nothing. On Linux from 4.14 on and on
/// macOS, noticing that takes no system call. A child keeps the lock of its parent held until it
/// pushes a line or takes a snapshot, executes another program, or ends.
///
/// # Platforms
///
/// Linux, macOS and Windows. Windows removes no file that is mapped: [`MappedTail::remove`] fails
/// there. Elsewhere the type exists and `build_mapped` returns
/// [`Unsupported`](io::ErrorKind::Unsupported); files can be recovered everywhere.
///
/// ```
/// # fn main() -> std::io::Result<()> {
/// use tailwriter::{MappedTail, TailWriter};
///
/// # if !cfg!(any(target_os = "linux", target_os = "macos", windows)) { return Ok(()) }
/// let path = std::env::temp_dir().join(format!("doc-{}.ring", std::process::id()));
/// let tail = TailWriter::builder().max_lines(2).build_mapped(&path)?;
/// tail.push(b"one");
/// tail.push(b"two");
/// tail.push(b"three");
///
/// // Another process would do this, after the death of this one.
/// assert_eq!(MappedTail::recover(&path)?.to_string(), "two\nthree\n");
///
/// tail.remove()?;
/// assert!(!path.exists());
/// # Ok(())
/// # }
/// ```
pub struct MappedTail {
    inner: Arc<Inner>,
    handle: Handle,
}

struct Inner {
    core: Core<Part>,
    ring: Arc<Ring>,
    guard: ForkGuard,
    /// What a forked child has instead.
    of_child: Core<Heap>,
    /// Relaxed, as `is_synced`: set more than once, it does no harm; what it guards has a lock.
    is_left: AtomicBool,
    path: PathBuf,
    is_synced: AtomicBool,
}

impl Inner {
    /// The tail of a forked child, which unlocks its parent's file when it first asks.
    #[cold]
    fn of_child(&self) -> &Core<Heap> {
        if !self.is_left.swap(true, Ordering::Relaxed) {
            self.ring.close();
        }
        &self.of_child
    }
}

impl MappedTail {
    pub(crate) fn create(limits: Limits, reserved: usize, path: &Path) -> io::Result<MappedTail> {
        let parts = std::array::from_fn(|class| {
            let of_class = match class {
                0 => Some(limits.clone()),
                _ => limits.of_class(class),
            };
            of_class.map_or(Geometry::default(), |limits| {
                Geometry::of::<Checked>(&limits)
            })
        });
        MappedTail::create_divided(limits, reserved, parts, path)
    }

    /// With segments of another size or number than the limits ask for.
    pub(crate) fn create_divided(
        limits: Limits,
        reserved: usize,
        parts: [Geometry; CLASSES],
        path: &Path,
    ) -> io::Result<MappedTail> {
        let guard = ForkGuard::new()?;
        let clock = Clock::new();
        let header = Header {
            reserved: reserved.min(MAX_FILE_BYTES as usize),
            parts,
            line_limit: limits.shared_line_limit(),
            limits: limits.clone(),
            file_id: random_id(),
            boot_id: boot_id().unwrap_or_default(),
            pid: process::id(),
            clock_kind: clock.kind(),
            start_nanos: nanos(clock.start().system),
            start_ticks: clock.start().ticks,
        };
        let bytes = header.file_bytes();
        if bytes > MAX_FILE_BYTES {
            return Err(io::Error::new(
                io::ErrorKind::InvalidInput,
                format!(
                    "a ring file of {bytes} bytes is over the limit of {MAX_FILE_BYTES}: \
                     lower max_bytes, max_line_bytes, the quotas or the reserved area"
                ),
            ));
        }
        let file::Made {
            locked: file,
            to_map,
            path,
        } = file::create(path, &header, ring::first_reserved(&header))?;
        let map = Map::new(&to_map, bytes as usize).inspect_err(|_| {
            // The error that matters is the first one.
            let _ = file::remove(&file, &path);
        })?;
        let ring = Arc::new(Ring::new(map, file, &header, &clock));
        let part = |class: usize, _: &Limits| Part::new(&ring, &header, class);
        let in_memory = |_: usize, limits: &Limits| Heap::new(limits);
        Ok(MappedTail {
            inner: Arc::new(Inner {
                core: Core::new(limits.clone(), clock, part),
                of_child: Core::new(limits, Clock::new(), in_memory),
                ring,
                guard,
                is_left: AtomicBool::new(false),
                path,
                is_synced: AtomicBool::new(false),
            }),
            handle: Handle::new(),
        })
    }

    /// Reads the lines in the file of a tail, as [`snapshot`](MappedTail::snapshot) would have
    /// returned them when its process ended.
    ///
    /// Age is counted back from the last line. The file may be damaged, or anything at all: the lines
    /// returned were pushed as they are. [`Recovered`] tells more about the file.
    ///
    /// # Errors
    ///
    /// Those of opening and reading the file, and [`InvalidData`](io::ErrorKind::InvalidData) if
    /// nothing can be read from it; [`Unreadable::of`](crate::Unreadable::of) tells why.
    pub fn recover(path: impl AsRef<Path>) -> io::Result<Snapshot> {
        Recovered::read(path).map(Recovered::into_snapshot)
    }

    /// Pushes one line, whatever bytes it holds; a newline in it is kept like any other byte.
    ///
    /// The line is cut if it is longer than the limit.
    #[inline]
    pub fn push(&self, line: &[u8]) {
        if self.inner.guard.is_ours() {
            self.inner.core.push(line);
        } else {
            self.inner.of_child().push(line);
        }
    }

    /// Pushes one line of a class that may have a [quota](crate::Builder::quota); see
    /// [`SharedTail::push_class`](crate::SharedTail::push_class).
    #[inline]
    pub fn push_class(&self, class: u8, line: &[u8]) {
        if self.inner.guard.is_ours() {
            self.inner.core.push_class(class, line);
        } else {
            self.inner.of_child().push_class(class, line);
        }
    }

    /// Pushes the line that is the first `len` bytes of `padded`; see
    /// [`SharedTail::push_padded`](crate::SharedTail::push_padded).
    #[inline]
    pub fn push_padded(&self, class: u8, padded: &[u8], len: usize) {
        if self.inner.guard.is_ours() {
            self.inner.core.push_padded(class, padded, len);
        } else {
            self.inner.of_child().push_padded(class, padded, len);
        }
    }

    /// Copies the last lines, in the order in which they were committed; see [`SharedTail::snapshot`](crate::SharedTail::snapshot).
    pub fn snapshot(&self) -> Snapshot {
        if self.inner.guard.is_ours() {
            self.inner.core.snapshot()
        } else {
            self.inner.of_child().snapshot()
        }
    }

    /// Forgets every line pushed so far, in the file as well: none of them is recovered.
    ///
    /// Their bytes are there until newer ones are written over them.
    pub fn clear(&self) {
        if self.inner.guard.is_ours() {
            self.inner.core.clear();
        } else {
            self.inner.of_child().clear();
        }
    }

    /// Waits until every line pushed so far is on the disk, and so survives the machine.
    ///
    /// Nothing of that is needed to survive the process.
    ///
    /// # Errors
    ///
    /// Those of `msync` and `fsync`.
    pub fn flush(&self) -> io::Result<()> {
        let inner = &*self.inner;
        if !inner.guard.is_ours() {
            return Ok(());
        }
        inner.ring.map().flush()?;
        if !inner.is_synced.load(Ordering::Relaxed) {
            inner.ring.with_file(|file| file::sync(file, &inner.path))?;
            inner.is_synced.store(true, Ordering::Relaxed);
        }
        Ok(())
    }

    /// Removes the file, because there is nothing left to be told of this process.
    ///
    /// The tail goes on as before, but nothing outlives the process any more. If another file is at
    /// the path by now, that one stays.
    ///
    /// # Errors
    ///
    /// Those of removing a file; it is none that there is no file any more.
    pub fn remove(&self) -> io::Result<()> {
        let inner = &*self.inner;
        if !inner.guard.is_ours() {
            return Ok(());
        }
        inner.ring.with_file(|file| file::remove(file, &inner.path))
    }

    /// The area that was [reserved](crate::Builder::reserve) for the owner; empty if none was, and in a
    /// forked child.
    ///
    /// It is for a crash handler: it is there from the beginning, writing to it needs no system call
    /// and never fails for want of space, and [`Recovered::reserved`] returns it at the next start.
    /// Its address is a multiple of 4096, and is valid as long as a handle of the tail exists. A
    /// handler that uses the bare address must see to it that it is not in a forked child, which
    /// would write to the file of its parent. [`clear`](MappedTail::clear) does not change it.
    ///
    /// ```
    /// # fn main() -> std::io::Result<()> {
    /// use std::sync::atomic::Ordering::Relaxed;
    /// use tailwriter::{Recovered, TailWriter};
    ///
    /// # if !cfg!(any(target_os = "linux", target_os = "macos", windows)) { return Ok(()) }
    /// let path = std::env::temp_dir().join(format!("doc-area-{}.ring", std::process::id()));
    /// let tail = TailWriter::builder().reserve(4096).build_mapped(&path)?;
    /// tail.reserved()[0].store(11, Relaxed);
    /// drop(tail); // as if the process had ended
    ///
    /// let recovered = Recovered::read(&path)?;
    /// assert_eq!(recovered.reserved()[..2], [11, 0]);
    /// recovered.remove()?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn reserved(&self) -> &[AtomicU8] {
        if self.inner.guard.is_ours() {
            self.inner.ring.reserved()
        } else {
            &[]
        }
    }

    /// Where the file is, as an absolute path.
    pub fn path(&self) -> &Path {
        &self.inner.path
    }
}

impl MappedTail {
    fn write_as(&self, writers: Writers, bytes: &[u8]) -> io::Result<usize> {
        if self.inner.guard.is_ours() {
            self.inner.core.write(&self.handle, writers, bytes);
        } else {
            self.inner.of_child().write(&self.handle, writers, bytes);
        }
        Ok(bytes.len())
    }
}

impl Clone for MappedTail {
    /// Returns another handle on the same tail.
    fn clone(&self) -> MappedTail {
        MappedTail {
            inner: Arc::clone(&self.inner),
            handle: Handle::new(),
        }
    }
}

impl Drop for MappedTail {
    /// Finishes the line that was begun with `io::Write` through this handle.
    fn drop(&mut self) {
        if !self.handle.has_unfinished() {
            return;
        }
        if self.inner.guard.is_ours() {
            self.inner.core.finish(&self.handle);
        } else {
            self.inner.of_child().finish(&self.handle);
        }
    }
}

/// Splits what is written into lines; see [`Write` for `&SharedTail`](crate::SharedTail#impl-Write-for-%26SharedTail).
///
/// Writing never fails; flushing is [`MappedTail::flush`].
impl Write for &MappedTail {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.write_as(Writers::Many, bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        MappedTail::flush(self)
    }
}

/// Splits what is written into lines; see [`Write` for `SharedTail`](crate::SharedTail#impl-Write-for-SharedTail).
///
/// Writing never fails; flushing is [`MappedTail::flush`].
impl Write for MappedTail {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.write_as(Writers::One, bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        MappedTail::flush(self)
    }
}

impl fmt::Debug for MappedTail {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.inner.core.describe("MappedTail", f)
    }
}
