//! Records that outlive the process: a ring in a file.
//!
//! A ring lies in the directory of the dumps while its process runs. It holds an outline, too: the
//! dump that would be made of it, without records. A process that ends well removes the file. The
//! next process to start finds the rings whose owner is dead, which it tells by their locks, and
//! makes dumps of them: see `orphan`.

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

/// Says one sentence to the user.
pub type Notice = Arc<dyn Fn(&str) + Send + Sync>;

/// Keeps the last records in a file of this process and, in a forked child, in one of the child. It is a
/// ring: new records replace the oldest. A process that ends well [removes](CrashRing::remove) it.
pub struct CrashRing {
    ring: Ring,
    store: Store,
    /// Made by the first process below this one in which a record is kept.
    of_child: OnceLock<Child>,
    /// Held while it is made.
    making: ForkMutex<()>,
    notice: Notice,
}

/// What a forked child keeps its records in. Its own children may have one, too.
enum Child {
    /// Never dropped: a signal handler may write to it.
    Mapped(&'static CrashRing),
    Memory(SharedTail),
}

/// The ring of one process.
struct Ring {
    tail: MappedTail,
    /// The tail reaches its file through this directory, wherever it is moved.
    dir: Dir,
    name: PathBuf,
    bounds: Builder,
    outline: OnceLock<Outline>,
    places: ForkMutex<PlaceWriter>,
    /// The last [`packlog::place_count`] whose places are in the file.
    place_count: AtomicUsize,
    /// See [`forklock::generation`].
    generation: usize,
}

impl CrashRing {
    /// Makes a ring for lines within `bounds`, in the first directory of the store that can be written to.
    /// `notice` is called where a forked child can have no ring.
    ///
    /// # Errors
    ///
    /// Those of making a file in the first directory.
    pub fn create(store: &Store, bounds: &Builder, notice: Notice) -> io::Result<CrashRing> {
        let mut first_error = None;
        for dir in store.dirs() {
            match Ring::create(store, dir, bounds) {
                Ok(ring) => {
                    return Ok(CrashRing {
                        ring,
                        store: store.clone(),
                        of_child: OnceLock::new(),
                        making: ForkMutex::new(()),
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

    /// Keeps a packed record, the first `len` bytes of `padded`; see [`SharedTail::push_padded`].
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

    /// Writes the names of new places to the file, before the record that has their numbers.
    ///
    /// If the process is killed while another thread gives a place its number, a record of that place may be
    /// in the file without the names.
    #[cold]
    #[inline(never)]
    fn write_places(&self, count: usize) {
        // A signal handler that has interrupted this thread here writes nothing. The next record does.
        self.ring.places.with(|places| {
            places.write_new(&self.reserved()[PLACES..]);
            self.ring.place_count.store(count, Ordering::Relaxed);
        });
    }

    #[cold]
    fn push_in_child(&self, class: u8, padded: &[u8], len: usize) {
        match self.child() {
            Some(Child::Mapped(ring)) => ring.push(class, padded, len),
            Some(Child::Memory(tail)) => tail.push_padded(class, padded, len),
            None => {}
        }
    }

    /// The ring of a forked child, which leaves its parent's alone. `None` for what a notice's writer
    /// logs while the ring is made.
    fn child(&self) -> Option<&Child> {
        if let Some(child) = self.of_child.get() {
            return Some(child);
        }
        // Not inside of the `OnceLock`: a process that is forked meanwhile would wait forever.
        self.making.with(|()| {
            if self.of_child.get().is_none() {
                let _ = self.of_child.set(self.make_child());
            }
        })?;
        self.of_child.get()
    }

    fn make_child(&self) -> Child {
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
                Child::Memory(self.ring.bounds.clone().build_shared())
            },
            |ring| {
                let ring: &'static CrashRing = Box::leak(Box::new(ring));
                // Without the note, a request to end would count as a crash.
                let _ = stackwalk::ending::note_requests(ring.note());
                Child::Mapped(ring)
            },
        )
    }

    /// Copies the last lines.
    pub fn snapshot(&self) -> Snapshot {
        if self.ring.generation == forklock::generation() {
            return self.ring.tail.snapshot();
        }
        match self.of_child.get() {
            Some(Child::Mapped(ring)) => ring.snapshot(),
            Some(Child::Memory(tail)) => tail.snapshot(),
            // The child has kept nothing so far: it shows what it inherited.
            None => self.ring.tail.snapshot(),
        }
    }

    /// Copies the last lines of a separate class.
    pub fn class_snapshot(&self, class: u8) -> Snapshot {
        if self.ring.generation == forklock::generation() {
            return self.ring.tail.class_snapshot(class);
        }
        match self.of_child.get() {
            Some(Child::Mapped(ring)) => ring.class_snapshot(class),
            Some(Child::Memory(tail)) => tail.class_snapshot(class),
            None => self.ring.tail.class_snapshot(class),
        }
    }

    /// The store that the ring is in.
    pub(crate) fn store(&self) -> &Store {
        &self.store
    }

    /// The directory and the name of the file.
    pub(crate) fn file(&self) -> (&Dir, &Path) {
        (&self.ring.dir, &self.ring.name)
    }

    /// What the file has besides the records; see [`area`].
    fn reserved(&self) -> &[AtomicU8] {
        self.ring.tail.reserved()
    }

    /// Keeps a sample of the gauges; samples are numbered from 0. See [`gauges::write_sample`].
    pub fn write_gauge(&self, number: u64, gauge: &Gauge) {
        gauges::write_sample(&self.reserved()[GAUGES..OUTLINE], number, gauge);
    }

    /// Installs the handlers that write into this ring how the process ends: of the signals that are
    /// crashes, and of those that ask it to end. Returns one sentence for each that could not be
    /// installed, except where this system has none of them.
    pub fn install_handlers(&'static self) -> Vec<String> {
        let armed = stackwalk::crash::arm(self.reserved());
        let noting = stackwalk::ending::note_requests(self.note());
        let said = [
            ("a crash will be reported without a stack", armed),
            (
                "SIGTERM, SIGINT and SIGHUP will be reported as a crash of unknown cause",
                noting,
            ),
        ];
        let failed = said.into_iter().filter_map(|(what, result)| {
            let error = result.err()?;
            let is_there = error.kind() != io::ErrorKind::Unsupported;
            is_there.then(|| format!("{what}: {error}"))
        });
        failed.collect()
    }

    /// How this process ends; see [`END_CAUSE`].
    fn note(&self) -> &AtomicU8 {
        &self.reserved()[END_CAUSE]
    }

    /// The failure that ends the process has a dump: the next start makes none.
    pub fn mark_dumped(&self) {
        if self.ring.generation == forklock::generation() {
            self.note().store(DUMPED, Ordering::Relaxed);
        } else if let Some(Child::Mapped(ring)) = self.of_child.get() {
            ring.mark_dumped();
        }
    }

    /// Writes what a dump of the ring has to say of the program and its process. The values of secret keys
    /// are masked before, and with `masks_text` all secrets are.
    ///
    /// # Errors
    ///
    /// `FileTooLarge` if there is more than the ring has room for.
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

    /// Removes the file of this process.
    pub fn remove(&self) {
        if self.ring.generation == forklock::generation() {
            if self.ring.tail.remove().is_err() {
                // Windows keeps a file that is mapped. The next start removes it, without a dump.
                self.mark_dumped();
            }
        } else if let Some(Child::Mapped(ring)) = self.of_child.get() {
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
    /// Without a recorder nothing can crash in the middle of recording, except the panic that drops
    /// it.
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
                // Before the file was locked, another process took it for an abandoned one.
                Err(error)
                    if matches!(
                        error.kind(),
                        io::ErrorKind::NotFound | io::ErrorKind::WouldBlock
                    ) && tries < 3 =>
                {
                    tries += 1;
                }
                made => return made,
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

/// The message of an error, with the path as its owner knows it.
pub(crate) fn with_shown_path(error: &io::Error, dir: &Dir, name: &Path) -> String {
    let reached = dir.path_of(name).unwrap_or_default();
    let shown = dir.display_path(name);
    error
        .to_string()
        .replace(&*reached.to_string_lossy(), &shown.to_string_lossy())
}

/// Whether a file is the beginning of a ring, left by a process that was killed while it made it.
pub(crate) fn is_unfinished(name: &Path) -> bool {
    let name = name.to_string_lossy();
    name.starts_with('.') && name.contains(".ring.") && name.ends_with(".new")
}
