//! What a file tells of the process that wrote it.

use std::fmt;
use std::fs::{File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use super::file;
use super::header::{Block, Header};
use super::identity::boot_id;
use super::recover::{Lines, Reader};
use crate::Snapshot;
use crate::clock::Timeline;
use crate::shared::assemble::Bounds;

/// What was found in the file of a [`MappedTail`](crate::MappedTail): the lines, and the facts of
/// its process.
///
/// [`read`](Recovered::read) looks at any file; [`claim`](Recovered::claim) is for whoever clears up
/// behind processes that died, and gives a file to one of several only.
///
/// ```
/// # fn main() -> std::io::Result<()> {
/// use tailwriter::{Recovered, SharedTail};
///
/// # if !cfg!(any(target_os = "linux", target_os = "macos")) { return Ok(()) }
/// let path = std::env::temp_dir().join(format!("doc-claim-{}.ring", std::process::id()));
/// let tail = SharedTail::builder().build_mapped(&path)?;
/// tail.push(b"the last words");
/// assert!(Recovered::claim(&path)?.is_none(), "its owner lives");
///
/// drop(tail); // as if the process had ended
/// let recovered = Recovered::claim(&path)?.expect("nobody else is at it");
/// assert_eq!(recovered.snapshot().to_string(), "the last words\n");
/// assert_eq!(recovered.pid(), std::process::id());
/// recovered.remove()?;
/// assert!(!path.exists());
/// # Ok(())
/// # }
/// ```
pub struct Recovered {
    snapshot: Snapshot,
    header: Header,
    timeline: Timeline,
    damaged_lines: u64,
    is_truncated: bool,
    is_owner_alive: bool,
    /// Locked if it was claimed.
    file: File,
    path: PathBuf,
}

impl Recovered {
    /// Reads the file at `path`, whether or not its owner lives.
    ///
    /// If it does, the lines are those of some moment meanwhile, and what was just being overwritten
    /// may be counted as [damaged](Recovered::damaged_lines). A symbolic link is not followed. It
    /// takes no more memory than twice the length of the file, unless that changes meanwhile.
    ///
    /// # Errors
    ///
    /// Those of opening and reading the file, and [`InvalidData`](io::ErrorKind::InvalidData) if it
    /// is not the file of a tail or nothing can be told from it.
    pub fn read(path: impl AsRef<Path>) -> io::Result<Recovered> {
        let path = path.as_ref();
        explain(path, || {
            let file = file::open_to_read(path)?;
            let is_owner_alive = file::is_locked(&file)?;
            Recovered::of(file, path, is_owner_alive)
        })
    }

    /// Reads the file at `path` if its owner is dead, and keeps others from doing the same.
    ///
    /// None is returned if the owner lives, if somebody else has claimed the file, or if somebody
    /// has claimed and removed it while this was called. The claim ends with the value returned.
    ///
    /// # Errors
    ///
    /// As for [`read`](Recovered::read). A file that is not that of a tail is an error and stays.
    pub fn claim(path: impl AsRef<Path>) -> io::Result<Option<Recovered>> {
        let path = path.as_ref();
        explain(path, || {
            let file = file::open_to_read(path)?;
            match file.try_lock() {
                Ok(()) => {}
                Err(TryLockError::WouldBlock) => return Ok(None),
                Err(TryLockError::Error(error)) => return Err(error),
            }
            if !file::is_at(&file, path)? {
                return Ok(None);
            }
            Recovered::of(file, path, false).map(Some)
        })
    }

    fn of(file: File, path: &Path, is_owner_alive: bool) -> io::Result<Recovered> {
        let path = std::path::absolute(path)?;
        let reader = Reader::new(&file)?;
        let header = reader.header().clone();
        let mut timeline = timeline(&header, reader.anchor());
        let Lines { snapshot, damaged } = reader.lines(|header, last_tick| {
            timeline = timeline.seen_from(last_tick);
            Bounds {
                limits: &header.limits,
                pinned_lines: header.pinned_lines,
                timeline,
            }
        })?;
        Ok(Recovered {
            snapshot,
            timeline,
            damaged_lines: damaged,
            is_truncated: file.metadata()?.len() < header.file_bytes(),
            header,
            is_owner_alive,
            file,
            path,
        })
    }

    /// The lines, as the tail's own snapshot would have held them at the end.
    pub fn snapshot(&self) -> &Snapshot {
        &self.snapshot
    }

    /// The lines alone.
    pub fn into_snapshot(self) -> Snapshot {
        self.snapshot
    }

    /// How many lines were committed and are not whole in the file.
    ///
    /// However its process died, there are none. They come from a crash of the machine, a damaged
    /// disk, or a file that was written to while it was read. Pinned lines may count twice.
    pub fn damaged_lines(&self) -> u64 {
        self.damaged_lines
    }

    /// Whether the end of the file is missing, and with it lines that nothing is known of.
    pub fn is_truncated(&self) -> bool {
        self.is_truncated
    }

    /// Whether the process that made the file lived when it was looked at.
    pub fn is_owner_alive(&self) -> bool {
        self.is_owner_alive
    }

    /// The id of the process that made the file.
    pub fn pid(&self) -> u32 {
        self.header.pid
    }

    /// When the tail was made, by the clock of that moment.
    pub fn started_at(&self) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_nanos(self.header.start_nanos)
    }

    /// When the last line was pushed; None if there is none.
    pub fn last_line_at(&self) -> Option<SystemTime> {
        let last = self.snapshot.entries().next_back();
        last.map(|entry| entry.time())
    }

    /// How long the process lived after it had made the tail, as far as its lines tell.
    pub fn elapsed(&self) -> Duration {
        self.timeline.elapsed
    }

    /// A random number that no other file has.
    pub fn file_id(&self) -> u128 {
        join(self.header.file_id)
    }

    /// The run of the machine in which the file was made, as Linux numbers them; None elsewhere.
    pub fn boot_id(&self) -> Option<u128> {
        Some(join(self.header.boot_id)).filter(|id| *id != 0)
    }

    /// Whether the machine was started again since then; None if that is not known.
    pub fn is_of_earlier_boot(&self) -> Option<bool> {
        let now = join(boot_id()?);
        self.boot_id().map(|then| then != now)
    }

    /// Removes the file, now that it is read.
    ///
    /// # Errors
    ///
    /// Those of removing a file; it is none that there is no file any more.
    pub fn remove(self) -> io::Result<()> {
        file::remove(&self.file, &self.path)
    }
}

impl fmt::Debug for Recovered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Recovered")
            .field("path", &self.path)
            .field("snapshot", &self.snapshot)
            .field("damaged_lines", &self.damaged_lines)
            .field("is_owner_alive", &self.is_owner_alive)
            .field("pid", &self.pid())
            .field("started_at", &self.started_at())
            .finish_non_exhaustive()
    }
}

fn explain<T>(path: &Path, read: impl FnOnce() -> io::Result<T>) -> io::Result<T> {
    read().map_err(|error| {
        let path = path.display();
        io::Error::new(error.kind(), format!("cannot recover {path}: {error}"))
    })
}

/// What ticks mean, from the start and the last moment that was written down.
fn timeline(header: &Header, anchor: Option<Block>) -> Timeline {
    let start = SystemTime::UNIX_EPOCH + Duration::from_nanos(header.start_nanos);
    match anchor {
        Some(Block { tick, more }) => Timeline {
            start: header.start_ticks,
            now: tick,
            elapsed: Duration::from_nanos(more[0]),
            system: SystemTime::UNIX_EPOCH + Duration::from_nanos(more[1]),
        },
        None => Timeline {
            start: header.start_ticks,
            now: header.start_ticks,
            elapsed: Duration::ZERO,
            system: start,
        },
    }
}

fn join([high, low]: [u64; 2]) -> u128 {
    u128::from(high) << 64 | u128::from(low)
}
