//! Records that outlive the process: a ring in a file.
//!
//! A ring lies in the directory of the dumps while its process runs. It holds an outline, too: the
//! dump that would be made of it, without records. A process that ends well removes the file. The
//! next process to start finds the rings whose owner is dead, which it tells by their locks, and
//! makes dumps of them: see `recovery`.

pub(crate) mod area;

use std::io;
use std::path::{Path, PathBuf};
use std::process;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{SystemTime, UNIX_EPOCH};

use flightrec_dump::Dump;
use forklock::ForkMutex;
use tailwriter::{Builder, MappedTail, SharedTail, Snapshot};

use crate::notices::Notices;
use dumpstore::{Dir, Store};

use area::{DUMPED, GAUGES, NOTE, OUTLINE, RESERVED};

pub(crate) const EXTENSION: &str = "ring";

/// The ring of this process and, in a forked child, that of the child.
pub(crate) struct Rings {
    ring: Ring,
    store: Store,
    /// Made by the first process below this one in which a record is kept.
    of_child: OnceLock<Child>,
    /// Held while it is made.
    making: ForkMutex<()>,
    notices: Arc<Notices>,
}

/// What a forked child keeps its records in. Its own children may have one, too.
enum Child {
    /// Never dropped: a signal handler may write to it.
    Mapped(&'static Rings),
    Memory(SharedTail),
}

/// The ring of one process.
struct Ring {
    tail: MappedTail,
    /// The tail reaches its file through this directory, wherever it is moved.
    dir: Dir,
    name: PathBuf,
    bounds: Builder,
    outline: OnceLock<Dump>,
    /// See [`forklock::generation`].
    generation: usize,
}

impl Rings {
    /// Makes a ring in the first directory of the store that can be written to.
    pub(crate) fn create(
        store: &Store,
        bounds: &Builder,
        notices: Arc<Notices>,
    ) -> io::Result<Rings> {
        let mut first_error = None;
        for dir in store.dirs() {
            match Ring::create(store, dir, bounds) {
                Ok(ring) => {
                    return Ok(Rings {
                        ring,
                        store: store.clone(),
                        of_child: OnceLock::new(),
                        making: ForkMutex::new(()),
                        notices,
                    });
                }
                Err(error) => {
                    first_error.get_or_insert(error);
                }
            }
        }
        Err(first_error.unwrap_or_else(|| io::ErrorKind::NotFound.into()))
    }

    #[inline]
    pub(crate) fn push(&self, class: u8, padded: &[u8], len: usize) {
        if self.ring.generation != forklock::generation() {
            return self.push_in_child(class, padded, len);
        }
        self.ring.tail.push_padded(class, padded, len);
    }

    #[cold]
    fn push_in_child(&self, class: u8, padded: &[u8], len: usize) {
        match self.child() {
            Some(Child::Mapped(rings)) => rings.push(class, padded, len),
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
        let notices = Arc::clone(&self.notices);
        let child = Rings::create(&self.store, &self.ring.bounds, notices).and_then(|rings| {
            if let Some(outline) = self.ring.outline.get() {
                let mut outline = outline.clone();
                outline.process.pid = process::id();
                rings.write_outline(outline)?;
            }
            Ok(rings)
        });
        child.map_or_else(
            |error| {
                let message = "records of this forked process will not outlive a crash";
                self.notices.say(&format!("{message}: {error}"));
                Child::Memory(self.ring.bounds.clone().build_shared())
            },
            |rings| {
                let rings: &'static Rings = Box::leak(Box::new(rings));
                // Without the note, a request to end would count as a crash.
                let _ = stackwalk::ending::note_requests(rings.note());
                Child::Mapped(rings)
            },
        )
    }

    pub(crate) fn snapshot(&self) -> Snapshot {
        if self.ring.generation == forklock::generation() {
            return self.ring.tail.snapshot();
        }
        match self.of_child.get() {
            Some(Child::Mapped(rings)) => rings.snapshot(),
            Some(Child::Memory(tail)) => tail.snapshot(),
            // The child has kept nothing so far: it shows what it inherited.
            None => self.ring.tail.snapshot(),
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
    pub(crate) fn reserved(&self) -> &[AtomicU8] {
        self.ring.tail.reserved()
    }

    /// Where the gauges of this process are written.
    pub(crate) fn gauges(&self) -> &[AtomicU8] {
        &self.reserved()[GAUGES..OUTLINE]
    }

    /// How this process ends; see [`NOTE`].
    pub(crate) fn note(&self) -> &AtomicU8 {
        &self.reserved()[NOTE]
    }

    /// The failure that ends the process has a dump: the next start makes none.
    pub(crate) fn note_dumped(&self) {
        if self.ring.generation == forklock::generation() {
            self.note().store(DUMPED, Ordering::Relaxed);
        } else if let Some(Child::Mapped(rings)) = self.of_child.get() {
            rings.note_dumped();
        }
    }

    /// Writes what a dump of the ring has to say besides the records.
    ///
    /// # Errors
    ///
    /// `FileTooLarge` if there is more than the ring has room for.
    pub(crate) fn write_outline(&self, outline: Dump) -> io::Result<()> {
        area::write_outline(self.reserved(), &outline)?;
        let _ = self.ring.outline.set(outline);
        Ok(())
    }

    /// Removes the file of this process.
    pub(crate) fn remove(&self) {
        if self.ring.generation == forklock::generation() {
            if self.ring.tail.remove().is_err() {
                // Windows keeps a file that is mapped. The next start removes it, without a dump.
                self.note_dumped();
            }
        } else if let Some(Child::Mapped(rings)) = self.of_child.get() {
            rings.remove();
        }
    }
}

impl Drop for Rings {
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
        let dir = store.make_dir(path)?;
        let nanos = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .map_or(0, |time| time.as_nanos());
        let name = PathBuf::from(format!("{}-{nanos}.{EXTENSION}", process::id()));
        Ok(Ring {
            tail: bounds
                .clone()
                .reserve(RESERVED)
                .build_mapped(dir.path_of(&name)?)?,
            dir,
            name,
            bounds: bounds.clone(),
            outline: OnceLock::new(),
            generation: forklock::generation(),
        })
    }
}

/// Whether a file is the beginning of a ring, left by a process that was killed while it made it.
pub(crate) fn is_draft(name: &Path) -> bool {
    let name = name.to_string_lossy();
    name.starts_with('.') && name.contains(".ring.") && name.ends_with(".new")
}
