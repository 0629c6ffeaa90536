//! The content of a file, and the process that wrote it.

use std::fmt;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use super::file::{self, boot_id};
use super::header::{Block, Header, Unreadable};
use super::recover::{Lines, Reader};
use crate::Snapshot;
use crate::clock::Timeline;
use crate::shared::assemble::Bounds;

/// What was found in the file of a [`MappedTail`](crate::MappedTail): the lines, and the facts of
/// its process.
///
/// [`read`](Recovered::read) looks at any file. [`claim`](Recovered::claim) is for cleaning up after
/// dead processes: if several callers claim a file, one of them gets it.
///
/// ```
/// # fn main() -> std::io::Result<()> {
/// use tailwriter::{Recovered, TailWriter};
///
/// # if !cfg!(any(target_os = "linux", target_os = "macos", windows)) { return Ok(()) }
/// let path = std::env::temp_dir().join(format!("doc-claim-{}.ring", std::process::id()));
/// let tail = TailWriter::builder().build_mapped(&path)?;
/// tail.push(b"the last words");
/// assert!(Recovered::claim(&path)?.is_none(), "its owner lives");
///
/// drop(tail); // as if the process had ended
/// let recovered = Recovered::claim(&path)?.expect("no other claim");
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
    reserved: Vec<u8>,
    is_truncated: bool,
    is_owner_alive: bool,
    /// Locked if it was claimed.
    file: File,
    path: PathBuf,
}

impl Recovered {
    /// Reads the file at `path`, whether or not its owner is alive.
    ///
    /// If it is, the lines are those of some moment during the call, and lines that were being
    /// overwritten may be counted as [damaged](Recovered::damaged_lines). A symbolic link is not
    /// followed. Reading takes no more memory than twice the length of the file, unless that changes
    /// meanwhile.
    ///
    /// # Errors
    ///
    /// Those of opening and reading the file, and [`InvalidData`](io::ErrorKind::InvalidData) if
    /// nothing can be read from it; [`Unreadable::of`](crate::Unreadable::of) tells why.
    pub fn read(path: impl AsRef<Path>) -> io::Result<Recovered> {
        let path = path.as_ref();
        explain(path, || {
            let file = file::open_to_read(path)?;
            let is_owner_alive = file::is_locked(&file, path)?;
            Recovered::of(file, path, is_owner_alive)
        })
    }

    /// Reads the file at `path` if its owner is dead, and locks it against other claims.
    ///
    /// Returns None if the owner is alive, if another caller has claimed the file, or if another
    /// caller has claimed and removed it during the call. The claim ends with the value returned.
    ///
    /// # Errors
    ///
    /// As for [`read`](Recovered::read). The file stays; one of
    /// [another version](crate::Unreadable::OtherVersion) should be kept for that version.
    pub fn claim(path: impl AsRef<Path>) -> io::Result<Option<Recovered>> {
        let path = path.as_ref();
        explain(path, || {
            let Some(file) = file::open_to_claim(path)? else {
                return Ok(None);
            };
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
        let reserved = reader.reserved()?;
        let mut timeline = timeline(&header, reader.anchor());
        let Lines { snapshot, damaged } = reader.lines(|header, last_tick| {
            timeline = timeline.seen_from(last_tick);
            Bounds {
                limits: &header.limits,
                timeline,
            }
        })?;
        Ok(Recovered {
            snapshot,
            timeline,
            damaged_lines: damaged,
            reserved,
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
    /// disk, or a file that was written to while it was read. Lines of a class with a quota may count
    /// twice.
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

    /// The area that was [reserved](crate::Builder::reserve) for the owner of the file, as the
    /// owner left it; empty if none was.
    ///
    /// Nothing in the file tells whether it was damaged: what is written there should say so itself.
    pub fn reserved(&self) -> &[u8] {
        &self.reserved
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
        let text = format!("cannot recover {}: {error}", path.display());
        match Unreadable::of(&error) {
            Some(reason) => reason.because(&text),
            None => io::Error::new(error.kind(), text),
        }
    })
}

/// What ticks mean, from the start and the last moment that was written down.
fn timeline(header: &Header, anchor: Option<Block>) -> Timeline {
    let at = |nanos| SystemTime::UNIX_EPOCH + Duration::from_nanos(nanos);
    let Some(Block { tick, more }) = anchor else {
        return Timeline {
            now: header.start_ticks,
            system: at(header.start_nanos),
            nanos_per_tick: 1.0,
            elapsed: Duration::ZERO,
        };
    };
    let rate = more[0] as f64 / tick.saturating_sub(header.start_ticks) as f64;
    Timeline {
        now: tick,
        system: at(more[1]),
        nanos_per_tick: if rate.is_normal() { rate } else { 1.0 },
        elapsed: Duration::from_nanos(more[0]),
    }
}

fn join([high, low]: [u64; 2]) -> u128 {
    u128::from(high) << 64 | u128::from(low)
}
