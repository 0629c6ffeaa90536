//! Records that outlive the process, in a ring file.
//!
//! While a process runs, its ring is in the directory of the dumps. The ring also contains an outline: the
//! facts about the program that a dump needs. A process that ends well removes its ring. The next process
//! makes dumps of the rings whose processes have ended, which it detects by their locks: see `orphan`.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::process;
use std::sync::atomic::{AtomicU8, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{SystemTime, UNIX_EPOCH};

use dumpmaker::collect::AppInfo;
use dumpmaker::gauges;
use dumpmaker::store::{Dir, Store};
use flightrec_dump::Gauge;
use forklock::ForkMutex;
use logredact::Redactor;
use packlog::PlaceWriter;
use tailwriter::{Builder, MappedTail, SharedTail, Snapshot};

use crate::area::{self, DUMPED, END_CAUSE, GAUGES, OUTLINE, OUTLINE_BYTES, PLACES, RESERVED};
use crate::outline::{self, Outline};

pub(crate) const EXTENSION: &str = "ring";

/// Shows a sentence to the user.
pub type Notice = Arc<dyn Fn(&str) + Send + Sync>;

/// Keeps the last records in a file of this process. New records replace the oldest. A forked child gets
/// its own file. A process that ends well [removes](CrashRing::remove) its file.
pub struct CrashRing {
    ring: Ring,
    store: Store,
    /// Set in a forked child, when it keeps its first record.
    child: OnceLock<ChildTail>,
    /// Held while `child` is created.
    creating_child: ForkMutex<()>,
    notice: Notice,
}

/// The tail of a forked child. Its ring may have a child, too.
enum ChildTail {
    /// Never dropped, because a signal handler may write to it.
    Mapped(&'static CrashRing),
    /// The child could not create a ring.
    Memory(SharedTail),
}

/// The ring of one process.
struct Ring {
    tail: MappedTail,
    /// The tail accesses its file through this open directory, even if the directory is moved.
    dir: Dir,
    name: PathBuf,
    bounds: Builder,
    outline: OnceLock<Outline>,
    places: ForkMutex<PlaceWriter>,
    /// The value of [`packlog::place_count`] when places were last written to the file.
    place_count: AtomicUsize,
    /// The [`forklock::generation`] of the process that created the ring.
    generation: usize,
}

impl CrashRing {
    /// Creates a ring for lines within `bounds`, in the first directory of the store that can be written
    /// to. `notice` is called if a forked child cannot create its ring.
    ///
    /// # Errors
    ///
    /// Returns the errors of creating a file in the first directory, if no directory works.
    pub fn create(store: &Store, bounds: &Builder, notice: Notice) -> io::Result<CrashRing> {
        let mut first_error = None;
        for dir in store.dirs() {
            match Ring::create(store, dir, bounds) {
                Ok(ring) => {
                    return Ok(CrashRing {
                        ring,
                        store: store.clone(),
                        child: OnceLock::new(),
                        creating_child: ForkMutex::new(()),
                        notice,
                    });
                }
                Err(error) => {
                    first_error.get_or_insert(error);
                }
            }
        }
        Err(first_error.unwrap_or_else(|| io::ErrorKind::NotFound.into()))
    }

    /// Keeps a packed record: the first `len` bytes of `padded`; see [`SharedTail::push_padded`].
    #[inline]
    pub fn push(&self, class: u8, padded: &[u8], len: usize) {
        if self.ring.generation != forklock::generation() {
            return self.push_in_child(class, padded, len);
        }
        let places = packlog::place_count();
        if places != self.ring.place_count.load(Ordering::Relaxed) {
            self.write_places(places);
        }
        self.ring.tail.push_padded(class, padded, len);
    }

    /// Writes the names of new places to the file, before the record that refers to them.
    ///
    /// If the process is killed while a thread interns a place, the file may have a record of that place
    /// without the names.
    #[cold]
    #[inline(never)]
    fn write_places(&self, count: usize) {
        // If a signal handler interrupts this thread here, it writes nothing. The next record does.
        self.ring.places.with(|places| {
            places.write_new(&self.reserved()[PLACES..]);
            self.ring.place_count.store(count, Ordering::Relaxed);
        });
    }

    #[cold]
    fn push_in_child(&self, class: u8, padded: &[u8], len: usize) {
        match self.get_or_create_child() {
            Some(ChildTail::Mapped(ring)) => ring.push(class, padded, len),
            Some(ChildTail::Memory(tail)) => tail.push_padded(class, padded, len),
            None => {}
        }
    }

    /// Returns the tail of this forked child. `None` while this thread creates it, if the writer of the
    /// notice logs.
    fn get_or_create_child(&self) -> Option<&ChildTail> {
        if let Some(child) = self.child.get() {
            return Some(child);
        }
        // Not with `OnceLock::get_or_init`: a process that is forked meanwhile would wait forever.
        self.creating_child.with(|()| {
            if self.child.get().is_none() {
                let _ = self.child.set(self.create_child());
            }
        })?;
        self.child.get()
    }

    fn create_child(&self) -> ChildTail {
        let notice = Arc::clone(&self.notice);
        let child = CrashRing::create(&self.store, &self.ring.bounds, notice).and_then(|ring| {
            if let Some(outline) = self.ring.outline.get() {
                let mut outline = outline.clone();
                outline.process.pid = process::id();
                ring.write_outline(outline)?;
            }
            Ok(ring)
        });
        child.map_or_else(
            |error| {
                let message = "records of this forked process will not outlive a crash";
                (self.notice)(&format!("{message}: {error}"));
                ChildTail::Memory(self.ring.bounds.clone().build_shared())
            },
            |ring| {
                let ring: &'static CrashRing = Box::leak(Box::new(ring));
                // If this fails, SIGTERM, SIGINT and SIGHUP count as a crash.
                let _ = stackwalk::ending::note_requests(ring.end_cause());
                ChildTail::Mapped(ring)
            },
        )
    }

    /// Returns a copy of the last lines.
    pub fn snapshot(&self) -> Snapshot {
        if self.ring.generation == forklock::generation() {
            return self.ring.tail.snapshot();
        }
        match self.child.get() {
            Some(ChildTail::Mapped(ring)) => ring.snapshot(),
            Some(ChildTail::Memory(tail)) => tail.snapshot(),
            // The child has kept nothing yet. Its tail is empty.
            None => self.ring.tail.snapshot(),
        }
    }

    /// Returns a copy of the last lines of a separate class.
    pub fn class_snapshot(&self, class: u8) -> Snapshot {
        if self.ring.generation == forklock::generation() {
            return self.ring.tail.class_snapshot(class);
        }
        match self.child.get() {
            Some(ChildTail::Mapped(ring)) => ring.class_snapshot(class),
            Some(ChildTail::Memory(tail)) => tail.class_snapshot(class),
            None => self.ring.tail.class_snapshot(class),
        }
    }

    /// Whether the disk had no space for a part of the file, so that fewer records are kept.
    pub fn lacks_space(&self) -> bool {
        if self.ring.generation == forklock::generation() {
            return self.ring.tail.lacks_space();
        }
        matches!(self.child.get(), Some(ChildTail::Mapped(ring)) if ring.lacks_space())
    }

    /// Returns the store in which the ring is.
    pub(crate) fn store(&self) -> &Store {
        &self.store
    }

    /// Returns the directory and the name of the file.
    pub(crate) fn file(&self) -> (&Dir, &Path) {
        (&self.ring.dir, &self.ring.name)
    }

    /// Returns the area beside the records; see [`area`].
    fn reserved(&self) -> &[AtomicU8] {
        self.ring.tail.reserved()
    }

    /// Keeps a sample of the gauges. Samples are numbered from 0; see [`gauges::write_sample`].
    pub fn write_gauge(&self, number: u64, gauge: &Gauge) {
        gauges::write_sample(&self.reserved()[GAUGES..OUTLINE], number, gauge);
    }

    /// Installs the signal handlers that write to this ring why the process ends: those for crashes, and
    /// those for SIGTERM, SIGINT and SIGHUP. Returns a sentence for each kind that could not be installed,
    /// unless this system does not support it.
    pub fn install_handlers(&'static self) -> Vec<String> {
        let results = [
            (
                "a crash will be reported without a stack",
                stackwalk::crash::arm(self.reserved()),
            ),
            (
                "SIGTERM, SIGINT and SIGHUP will be reported as a crash of unknown cause",
                stackwalk::ending::note_requests(self.end_cause()),
            ),
        ];
        let failed = results.into_iter().filter_map(|(consequence, result)| {
            let error = result.err()?;
            let is_supported = error.kind() != io::ErrorKind::Unsupported;
            is_supported.then(|| format!("{consequence}: {error}"))
        });
        failed.collect()
    }

    /// Returns the byte that says why this process ends; see [`END_CAUSE`].
    fn end_cause(&self) -> &AtomicU8 {
        &self.reserved()[END_CAUSE]
    }

    /// Records that the failure that ends the process has a dump. The next start makes no second one.
    pub fn mark_dumped(&self) {
        if self.ring.generation == forklock::generation() {
            self.end_cause().store(DUMPED, Ordering::Relaxed);
        } else if let Some(ChildTail::Mapped(ring)) = self.child.get() {
            ring.mark_dumped();
        }
    }

    /// Writes the facts about the program and its process that a dump of the ring has. The values of
    /// secret keys are masked; with `masks_text`, all secrets are. Long texts are shortened.
    ///
    /// # Errors
    ///
    /// `FileTooLarge` if the facts do not fit into the ring.
    pub fn describe(&self, app: &AppInfo, redactor: &Redactor, masks_text: bool) -> io::Result<()> {
        self.write_outline(outline::of_process(
            app,
            redactor,
            masks_text,
            OUTLINE_BYTES,
        ))
    }

    fn write_outline(&self, outline: Outline) -> io::Result<()> {
        area::write_outline(self.reserved(), &outline)?;
        let _ = self.ring.outline.set(outline);
        Ok(())
    }

    /// Removes the file of this process, so that the next start makes no dump of it.
    pub fn remove(&self) {
        if self.ring.generation == forklock::generation() {
            if self.ring.tail.remove().is_err() {
                // Windows cannot remove a mapped file. The next start removes it, without a dump.
                self.mark_dumped();
            }
        } else if let Some(ChildTail::Mapped(ring)) = self.child.get() {
            ring.remove();
        }
    }
}

impl fmt::Debug for CrashRing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CrashRing")
            .field("file", &self.ring.dir.display_path(&self.ring.name))
            .finish_non_exhaustive()
    }
}

impl Drop for CrashRing {
    /// Removes the file, unless a panic drops the ring.
    fn drop(&mut self) {
        if !std::thread::panicking() {
            self.remove();
        }
    }
}

impl Ring {
    fn create(store: &Store, path: &Path, bounds: &Builder) -> io::Result<Ring> {
        let mut tries = 0;
        loop {
            match Ring::create_once(store, path, bounds) {
                // Another process removed the file before it was locked, because it looked abandoned.
                Err(error)
                    if matches!(
                        error.kind(),
                        io::ErrorKind::NotFound | io::ErrorKind::WouldBlock
                    ) && tries < 3 =>
                {
                    tries += 1;
                }
                result => return result,
            }
        }
    }

    fn create_once(store: &Store, path: &Path, bounds: &Builder) -> io::Result<Ring> {
        let dir = store.open_or_create(path)?;
        let nanos = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .map_or(0, |time| time.as_nanos());
        let name = PathBuf::from(format!("{}-{nanos}.{EXTENSION}", process::id()));
        let mapped = bounds.clone().reserve(RESERVED);
        let tail = mapped.build_mapped(dir.path_of(&name)?).map_err(|error| {
            let message = with_shown_path(&error, &dir, &name);
            io::Error::new(error.kind(), message)
        })?;
        Ok(Ring {
            tail,
            dir,
            name,
            bounds: bounds.clone(),
            outline: OnceLock::new(),
            places: ForkMutex::new(PlaceWriter::new()),
            place_count: AtomicUsize::new(0),
            generation: forklock::generation(),
        })
    }
}

/// Returns the message of an error. It names the file by the path that the user knows, not by the one
/// through the open directory.
pub(crate) fn with_shown_path(error: &io::Error, dir: &Dir, name: &Path) -> String {
    let used_path = dir.path_of(name).unwrap_or_default();
    let shown_path = dir.display_path(name);
    error
        .to_string()
        .replace(&*used_path.to_string_lossy(), &shown_path.to_string_lossy())
}

/// Whether a file is an unfinished ring. A process that is killed while it creates a ring leaves one.
pub(crate) fn is_unfinished(name: &Path) -> bool {
    let name = name.to_string_lossy();
    name.starts_with('.') && name.contains(".ring.") && name.ends_with(".new")
}
