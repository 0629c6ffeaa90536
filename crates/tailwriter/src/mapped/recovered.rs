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

/// The content of the file of a [`MappedTail`](crate::MappedTail): its lines, and facts about the
/// process that wrote it.
///
/// [`read`](Recovered::read) reads any file. [`claim`](Recovered::claim) is for cleaning up after
/// dead processes: if several callers claim a file, only one of them gets it.
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
    classes: Vec<(u8, Snapshot)>,
    header: Header,
    timeline: Timeline,
    damaged_lines: u64,
    reserved: Vec<u8>,
    is_truncated: bool,
    lacks_space: bool,
    is_owner_alive: bool,
    /// Locked if the file was claimed.
    file: File,
    path: PathBuf,
}

impl Recovered {
    /// Reads the file at `path`, whether or not its owner is alive.
    ///
    /// If its owner is alive, the lines are those of some moment during the call, and lines that were
    /// being overwritten may be counted as [damaged](Recovered::damaged_lines). A symbolic link is not
    /// followed. Reading takes no more memory than twice the length of the file, unless that changes
    /// meanwhile.
    ///
    /// # Errors
    ///
    /// Errors of opening and reading the file, and [`InvalidData`](io::ErrorKind::InvalidData) if
    /// nothing can be recovered from it; [`Unreadable::of`](crate::Unreadable::of) tells why.
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
    /// Returns `None` if the owner is alive, if another caller has claimed the file, or if another
    /// caller has claimed and removed it during the call. The claim ends when the returned value is
    /// dropped.
    ///
    /// # Errors
    ///
    /// The same as for [`read`](Recovered::read). The file stays. Keep a file of
    /// [another version](crate::Unreadable::OtherVersion), so that a program with that version can
    /// recover it.
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
        let lacks_space = reader.lacks_space();
        let reserved = reader.reserved()?;
        let mut timeline = timeline(&header, reader.anchor());
        let Lines {
            snapshot,
            classes,
            damaged,
        } = reader.lines(|header, last_tick| {
            timeline = timeline.seen_from(last_tick);
            Bounds {
                limits: &header.limits,
                timeline,
            }
        })?;
        Ok(Recovered {
            snapshot,
            classes,
            timeline,
            damaged_lines: damaged,
            reserved,
            is_truncated: file.metadata()?.len() < header.file_bytes(),
            header,
            lacks_space,
            is_owner_alive,
            file,
            path,
        })
    }

    /// Returns the lines that a snapshot of the tail would have held at the end.
    pub fn snapshot(&self) -> &Snapshot {
        &self.snapshot
    }

    /// Returns the last lines of a [separate](crate::Builder::separate) class; `None` if the file has
    /// none. Lines that were cleared count as evicted.
    pub fn class_snapshot(&self, class: u8) -> Option<&Snapshot> {
        let mut classes = self.classes.iter();
        let of_class = classes.find(|(its, _)| *its == class);
        of_class.map(|(_, snapshot)| snapshot)
    }

    /// Returns only the lines.
    pub fn into_snapshot(self) -> Snapshot {
        self.snapshot
    }

    /// Returns the number of lines that were committed but are damaged in the file.
    ///
    /// The death of the process damages no line, however it died. Damage comes from a crash of the
    /// machine, a damaged disk, or a file that was written to while it was read. Lines of a class with
    /// a quota may count twice.
    pub fn damaged_lines(&self) -> u64 {
        self.damaged_lines
    }

    /// Whether the end of the file is missing, and an unknown number of lines with it.
    pub fn is_truncated(&self) -> bool {
        self.is_truncated
    }

    /// Whether the disk at some time had no space for a part of the file, so that fewer lines were kept than
    /// the limits allow.
    pub fn lacks_space(&self) -> bool {
        self.lacks_space
    }

    /// Whether the process that created the file was alive when the file was read.
    pub fn is_owner_alive(&self) -> bool {
        self.is_owner_alive
    }

    /// The id of the process that created the file.
    pub fn pid(&self) -> u32 {
        self.header.pid
    }

    /// When the tail was created, by the wall clock at that time.
    pub fn started_at(&self) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_nanos(self.header.start_nanos)
    }

    /// When the last line was pushed; None if there is none.
    pub fn last_line_at(&self) -> Option<SystemTime> {
        let of_classes = self.classes.iter().map(|(_, snapshot)| snapshot);
        let snapshots = of_classes.chain([&self.snapshot]);
        let last = snapshots.filter_map(|snapshot| snapshot.entries().next_back());
        last.map(|entry| entry.time()).max()
    }

    /// How long the process lived after it had created the tail, as far as its lines show.
    pub fn elapsed(&self) -> Duration {
        self.timeline.elapsed
    }

    /// The area that was [reserved](crate::Builder::reserve) for the owner of the file, as the
    /// owner left it; empty if no area was reserved.
    ///
    /// It has no checksum. To detect damage, the owner must write one there itself.
    pub fn reserved(&self) -> &[u8] {
        &self.reserved
    }

    /// A random number that no other file has.
    pub fn file_id(&self) -> u128 {
        join(self.header.file_id)
    }

    /// Linux's id of the boot in which the file was created; `None` on other systems.
    pub fn boot_id(&self) -> Option<u128> {
        Some(join(self.header.boot_id)).filter(|id| *id != 0)
    }

    /// Whether the machine was rebooted since the file was created; `None` if that is not known.
    pub fn is_of_earlier_boot(&self) -> Option<bool> {
        let now = join(boot_id()?);
        self.boot_id().map(|then| then != now)
    }

    /// Removes the file.
    ///
    /// # Errors
    ///
    /// Errors of removing a file. A file that does not exist any more is not an error.
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

/// The translation of ticks to times, from the start and the last anchor in the file.
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
