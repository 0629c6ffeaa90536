//! The face of a tail in a mapped file.

use std::fmt;
use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::checked::Checked;
use super::file;
use super::header::{Header, MAX_FILE_BYTES};
use super::identity::{boot_id, random_id};
use super::map::{ForkGuard, Map};
use super::recovered::Recovered;
use super::ring::{Part, Ring};
use crate::clock::Clock;
use crate::limits::Limits;
use crate::shared::book::Lock;
use crate::shared::core::{self, Core};
use crate::shared::memory::Geometry;
use crate::shared::snapshot::nanos;
use crate::{Builder, SharedTail, Snapshot};

/// The last lines of all threads, in a file that outlives the process.
///
/// It keeps what a [`SharedTail`] keeps, and promises what that promises of order and of what is
/// kept; a clone is another handle on the same tail. Its lines lie in a file that is mapped into
/// memory: pushing one copies it there and computes a checksum. It takes no lock, except once in
/// hundreds of lines, makes no system call and no allocation.
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
/// It has its full size from the beginning, reserved, so that a full disk is an error of
/// [`Builder::build_mapped`] and not a crash later: about `2 × max_bytes` and 132 segments of
/// twice `max_line_bytes`, which is 4.2 MiB by default, and as much again if lines are pinned. It
/// is readable and writable by its owner only. It stays when the tail is dropped;
/// [`remove`](MappedTail::remove) is what a program calls that ends well. Whoever makes the file
/// shorter while it is in use ends the process by SIGBUS: nobody but its owner may write to it.
///
/// A lock on the file (`flock`) is held for as long as a handle exists, so that others tell a living
/// owner from a dead one, whatever became of its process id: see [`Recovered::claim`].
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
/// Linux and macOS. Elsewhere the type exists and `build_mapped` returns
/// [`Unsupported`](io::ErrorKind::Unsupported); files can be recovered everywhere.
///
/// ```
/// # fn main() -> std::io::Result<()> {
/// use tailwriter::{MappedTail, SharedTail};
///
/// # if !cfg!(any(target_os = "linux", target_os = "macos")) { return Ok(()) }
/// let path = std::env::temp_dir().join(format!("doc-{}.ring", std::process::id()));
/// let tail = SharedTail::builder().max_lines(2).build_mapped(&path)?;
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
#[derive(Clone)]
pub struct MappedTail {
    inner: Arc<Inner>,
}

struct Inner {
    core: Core<Part>,
    ring: Arc<Ring>,
    guard: ForkGuard,
    /// What a forked child has instead.
    of_child: SharedTail,
    /// Locked as long as it is open, which it is until a forked child closes its copy.
    file: Lock<Option<File>>,
    /// Relaxed, as `is_synced`: set more than once, it does no harm; what it guards has a lock.
    is_left: AtomicBool,
    path: PathBuf,
    is_synced: AtomicBool,
}

impl Inner {
    /// The tail of a forked child, which lets go of its parent's lock when it first asks.
    #[cold]
    fn of_child(&self) -> &SharedTail {
        if !self.is_left.swap(true, Ordering::Relaxed)
            && let Some(mut file) = self.file.lock()
        {
            *file = None;
        }
        &self.of_child
    }

    fn with_file(&self, act: fn(&File, &Path) -> io::Result<()>) -> io::Result<()> {
        match self.file.lock().as_deref() {
            Some(Some(file)) => act(file, &self.path),
            _ => Ok(()),
        }
    }
}

impl MappedTail {
    pub(crate) fn create(
        limits: Limits,
        pinned_lines: usize,
        path: &Path,
    ) -> io::Result<MappedTail> {
        let geometry = Geometry::of::<Checked>(&limits);
        MappedTail::create_divided(limits, pinned_lines, geometry, path)
    }

    /// With segments of another size or number than the limits ask for.
    pub(crate) fn create_divided(
        limits: Limits,
        pinned_lines: usize,
        geometry: Geometry,
        path: &Path,
    ) -> io::Result<MappedTail> {
        let guard = ForkGuard::new()?;
        let clock = Clock::new();
        let pinned = core::pinned_limits(&limits, pinned_lines);
        let header = Header {
            geometry,
            pinned_segments: pinned.map_or(0, |_| geometry.segments),
            line_limit: limits.shared_line_limit(),
            limits: limits.clone(),
            pinned_lines,
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
                     lower max_bytes or max_line_bytes"
                ),
            ));
        }
        let file::Made {
            locked: file,
            to_map,
            path,
        } = file::create(path, &header)?;
        let map = Map::new(&to_map, bytes as usize).inspect_err(|_| {
            // The error that matters is the first one.
            let _ = file::remove(&file, &path);
        })?;
        let ring = Arc::new(Ring::new(map, &header, &clock));
        let (all, pinned) = Part::both(&ring, &header);
        Ok(MappedTail {
            inner: Arc::new(Inner {
                core: Core::new(limits.clone(), pinned_lines, clock, all, pinned),
                ring,
                guard,
                of_child: SharedTail::with_limits(limits, pinned_lines),
                file: Lock::new(Some(file)),
                is_left: AtomicBool::new(false),
                path,
                is_synced: AtomicBool::new(false),
            }),
        })
    }

    /// Reads the lines in the file of a tail, as [`snapshot`](MappedTail::snapshot) would have
    /// returned them when its process ended.
    ///
    /// Age is counted back from the last line. The file may be damaged, or anything at all: what is
    /// returned was pushed as it is, and nothing else. [`Recovered`] tells more about the file.
    ///
    /// # Errors
    ///
    /// Those of opening and reading the file, and [`InvalidData`](io::ErrorKind::InvalidData) if it
    /// is not the file of a tail or nothing can be told from it.
    pub fn recover(path: impl AsRef<Path>) -> io::Result<Snapshot> {
        Recovered::read(path).map(Recovered::into_snapshot)
    }

    /// Chooses bounds; [`Builder::build_mapped`] then makes a tail.
    pub fn builder() -> Builder {
        Builder::default()
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

    /// Pushes one line that has a quota of its own; see [`Builder::pinned_lines`].
    pub fn push_pinned(&self, line: &[u8]) {
        if self.inner.guard.is_ours() {
            self.inner.core.push_pinned(line);
        } else {
            self.inner.of_child().push_pinned(line);
        }
    }

    /// Copies the last lines, in the order in which they were committed; see [`SharedTail::snapshot`].
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
            inner.with_file(file::sync)?;
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
        if self.inner.guard.is_ours() {
            self.inner.with_file(file::remove)
        } else {
            Ok(())
        }
    }

    /// Where the file is, as an absolute path.
    pub fn path(&self) -> &Path {
        &self.inner.path
    }
}

/// Splits what is written into lines; see [`Write` for `&SharedTail`](SharedTail#impl-Write-for-%26SharedTail).
///
/// Writing never fails; flushing is [`MappedTail::flush`].
impl Write for &MappedTail {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.inner.guard.is_ours() {
            self.inner.core.write(bytes);
            Ok(bytes.len())
        } else {
            let mut tail = self.inner.of_child();
            tail.write(bytes)
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        MappedTail::flush(self)
    }
}

/// See [`Write` for `&MappedTail`](#impl-Write-for-%26MappedTail).
impl Write for MappedTail {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        (&*self).write(bytes)
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
