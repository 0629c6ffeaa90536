//! `MappedTail`, the public type.

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
/// It keeps the same lines as a [`SharedTail`](crate::SharedTail), in the same order; a clone is
/// another handle to the same tail. Its lines are in a file that is mapped into memory: a push copies
/// the line there and computes a checksum. A push takes a lock only once in hundreds of lines, makes no
/// allocation and, after the first laps, no system call. Build one with
/// [`Builder::build_mapped`](crate::Builder::build_mapped).
///
/// # What survives
///
/// A line is committed when `push` returns. From then on it is in the file, however the process ends:
/// SIGKILL, the out-of-memory killer, an abort, a segmentation fault. [`MappedTail::recover`] reads the
/// file afterwards. After a crash of the whole machine, the file has the lines that the system had
/// written to the disk by itself (usually within half a minute), and those that were pushed before a
/// [`flush`](MappedTail::flush). The checksums show which lines are complete.
///
/// Unfinished lines of `io::Write` are in memory only.
///
/// # The file
///
/// It has its full length from the beginning: about `2 × max_bytes` and 132 segments, which is 6.2 MiB by
/// default. [`SharedTail`](crate::SharedTail) documents the size of a segment. Each class with a
/// [quota](crate::Builder::quota), and each [separate](crate::Builder::separate) one, adds a part of at
/// most the same length. Space on the disk is reserved in pieces of 256 KiB, each before it is used.
/// [`Builder::build_mapped`](crate::Builder::build_mapped) reserves the first piece of all lines and of each
/// separate class. If the disk is full,
/// the tail reuses the space that it has, and so keeps fewer lines; writing to it never ends the process.
///
/// Only its owner can read and write the file. It stays when the tail is dropped; a program that ends
/// normally calls [`remove`](MappedTail::remove). No other program may truncate the file while it is
/// in use: the process would end by SIGBUS.
///
/// A lock on the file (`flock`) is held for as long as a handle exists. It shows others whether the
/// owner is alive, even if its process id was reused: see [`Recovered::claim`].
///
/// # Fork
///
/// A forked child never writes to the file of its parent. In the child, this is a tail in memory that
/// begins empty; `flush` and `remove` do nothing. On Linux since 4.14 and on macOS, noticing the fork
/// takes no system call. A child keeps the lock of its parent held until it pushes a line or takes a
/// snapshot, executes another program, or ends.
///
/// # Platforms
///
/// Linux, macOS and Windows. Windows can't remove a mapped file: [`MappedTail::remove`] fails there. On
/// other systems the type exists, but `build_mapped` returns
/// [`Unsupported`](io::ErrorKind::Unsupported). Files can be recovered on all systems.
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
    /// Used in a forked child.
    child_core: Core<Heap>,
    /// Whether a forked child has closed the file. Relaxed, like `is_synced`: closing twice does no
    /// harm, and the file has a lock.
    is_closed: AtomicBool,
    path: PathBuf,
    is_synced: AtomicBool,
}

impl Inner {
    /// The tail of a forked child. The first call closes the parent's file, and so gives up its lock.
    #[cold]
    fn child_core(&self) -> &Core<Heap> {
        if !self.is_closed.swap(true, Ordering::Relaxed) {
            self.ring.close();
        }
        &self.child_core
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

    /// Creates a tail with the given sizes and numbers of segments.
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
                     lower max_bytes, max_line_bytes, the lines of classes or the reserved area"
                ),
            ));
        }
        let file::Created {
            locked: file,
            to_map,
            path,
        } = file::create(path, &header, &ring::first_reserved(&header))?;
        let map = Map::new(&to_map, bytes as usize).map_err(|error| {
            // The first error is the one to report.
            let _ = file::remove(&file, &path);
            let path = path.display();
            io::Error::new(
                error.kind(),
                format!("cannot map the ring file {path} of {bytes} bytes into memory: {error}"),
            )
        })?;
        let ring = Arc::new(Ring::new(map, file, &header, &clock));
        let part = |class: usize, _: &Limits| Part::new(&ring, &header, class);
        let in_memory = |_: usize, limits: &Limits| Heap::new(limits);
        Ok(MappedTail {
            inner: Arc::new(Inner {
                core: Core::new(limits.clone(), clock, part),
                child_core: Core::new(limits, Clock::new(), in_memory),
                ring,
                guard,
                is_closed: AtomicBool::new(false),
                path,
                is_synced: AtomicBool::new(false),
            }),
            handle: Handle::new(),
        })
    }

    /// Reads the lines in the file of a tail, as [`snapshot`](MappedTail::snapshot) would have
    /// returned them when its process ended.
    ///
    /// Age is counted back from the last line. The file may be damaged, or any other file: only lines
    /// with a valid checksum are returned. [`Recovered`] tells more about the file.
    ///
    /// # Errors
    ///
    /// Errors of opening and reading the file, and [`InvalidData`](io::ErrorKind::InvalidData) if
    /// nothing can be recovered from it; [`Unreadable::of`](crate::Unreadable::of) tells why.
    pub fn recover(path: impl AsRef<Path>) -> io::Result<Snapshot> {
        Recovered::read(path).map(Recovered::into_snapshot)
    }

    /// Pushes one line of any bytes. A newline in it is kept like any other byte.
    ///
    /// The line is cut if it is longer than the limit.
    #[inline]
    pub fn push(&self, line: &[u8]) {
        if self.inner.guard.is_ours() {
            self.inner.core.push(line);
        } else {
            self.inner.child_core().push(line);
        }
    }

    /// Pushes one line of a class that may have a [quota](crate::Builder::quota); see
    /// [`SharedTail::push_class`](crate::SharedTail::push_class).
    #[inline]
    pub fn push_class(&self, class: u8, line: &[u8]) {
        if self.inner.guard.is_ours() {
            self.inner.core.push_class(class, line);
        } else {
            self.inner.child_core().push_class(class, line);
        }
    }

    /// Pushes the line that is the first `len` bytes of `padded`; see
    /// [`SharedTail::push_padded`](crate::SharedTail::push_padded).
    #[inline]
    pub fn push_padded(&self, class: u8, padded: &[u8], len: usize) {
        if self.inner.guard.is_ours() {
            self.inner.core.push_padded(class, padded, len);
        } else {
            self.inner.child_core().push_padded(class, padded, len);
        }
    }

    /// Copies the last lines, in the order in which they were committed; see
    /// [`SharedTail::snapshot`](crate::SharedTail::snapshot).
    pub fn snapshot(&self) -> Snapshot {
        if self.inner.guard.is_ours() {
            self.inner.core.snapshot()
        } else {
            self.inner.child_core().snapshot()
        }
    }

    /// Copies the last lines of a [separate](crate::Builder::separate) class. Empty for other classes.
    pub fn class_snapshot(&self, class: u8) -> Snapshot {
        if self.inner.guard.is_ours() {
            self.inner.core.class_snapshot(class)
        } else {
            self.inner.child_core().class_snapshot(class)
        }
    }

    /// Forgets every line pushed so far, in the file as well: none of them can be recovered.
    ///
    /// Their bytes stay in the file until newer lines overwrite them.
    pub fn clear(&self) {
        if self.inner.guard.is_ours() {
            self.inner.core.clear();
        } else {
            self.inner.child_core().clear();
        }
    }

    /// Waits until every line pushed so far is on the disk, and so survives a crash of the machine.
    ///
    /// It is not needed to survive the end of the process.
    ///
    /// # Errors
    ///
    /// Errors of `msync` and `fsync`.
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

    /// Removes the file, because its lines are not needed after the process.
    ///
    /// The tail works as before, but its lines do not outlive the process any more. If another file is
    /// at the path by now, that file stays.
    ///
    /// # Errors
    ///
    /// Errors of removing a file. A file that does not exist any more is not an error.
    pub fn remove(&self) -> io::Result<()> {
        let inner = &*self.inner;
        if !inner.guard.is_ours() {
            return Ok(());
        }
        inner.ring.with_file(|file| file::remove(file, &inner.path))
    }

    /// The area that was [reserved](crate::Builder::reserve) for the owner. Empty if no area was
    /// reserved, and in a forked child.
    ///
    /// It is for a crash handler: it exists from the beginning, and writing to it needs no system call
    /// and never fails for lack of space. [`Recovered::reserved`] returns it at the next start. Its
    /// address is a multiple of 4096, and is valid as long as a handle to the tail exists. A handler
    /// that uses the bare address must check that it is not in a forked child, which would write to the
    /// file of its parent. [`clear`](MappedTail::clear) does not change the area.
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

    /// Whether the disk at some time had no space for a part of the file, so that fewer lines were kept than
    /// the limits allow.
    pub fn lacks_space(&self) -> bool {
        self.inner.guard.is_ours() && self.inner.ring.lacks_space()
    }

    /// The absolute path of the file.
    pub fn path(&self) -> &Path {
        &self.inner.path
    }
}

impl MappedTail {
    fn write_as(&self, writers: Writers, bytes: &[u8]) -> io::Result<usize> {
        if self.inner.guard.is_ours() {
            self.inner.core.write(&self.handle, writers, bytes);
        } else {
            self.inner.child_core().write(&self.handle, writers, bytes);
        }
        Ok(bytes.len())
    }
}

impl Clone for MappedTail {
    /// Returns another handle to the same tail.
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
            self.inner.child_core().finish(&self.handle);
        }
    }
}

/// Splits the written bytes into lines; see
/// [`Write` for `&SharedTail`](crate::SharedTail#impl-Write-for-%26SharedTail).
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

/// Splits the written bytes into lines; see
/// [`Write` for `SharedTail`](crate::SharedTail#impl-Write-for-SharedTail).
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
