//! Records that outlive the process: a ring in a file, and what becomes of it.
//!
//! A ring lies in the directory of the dumps as long as its process runs. Beside it lies an outline:
//! the dump that would be made of it, without records, for the ring itself knows nothing of the
//! program. A process that ends well removes both. The next one to start finds those whose owner
//! is dead, which it tells by their lock, and makes dumps of them.

mod recover;

use std::io;
use std::ops::Deref;
use std::path::{Path, PathBuf};
use std::process;
use std::time::{SystemTime, UNIX_EPOCH};

use tailwriter::{Builder, MappedTail};

pub(crate) use recover::{dump_orphans, dump_ring};

use crate::dump::Dump;
use crate::store::Dir;

const EXTENSION: &str = "ring";
const OUTLINE: &str = "outline";

/// The ring of this process.
pub(crate) struct Ring {
    tail: MappedTail,
    /// Its file is reached through the directory as it was when it was made.
    dir: Dir,
    name: PathBuf,
    /// A forked child leaves its parent's files alone.
    owner: u32,
}

impl Deref for Ring {
    type Target = MappedTail;

    #[inline]
    fn deref(&self) -> &MappedTail {
        &self.tail
    }
}

impl Ring {
    /// Makes a ring in the directory at `path`.
    pub(crate) fn create(path: &Path, bounds: &Builder) -> io::Result<Ring> {
        let mut tries = 0;
        loop {
            match Ring::create_once(path, bounds) {
                // Another process took it for what a killed one left, before it was locked.
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

    fn create_once(path: &Path, bounds: &Builder) -> io::Result<Ring> {
        let dir = Dir::make(path)?;
        let nanos = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .map_or(0, |time| time.as_nanos());
        let name = PathBuf::from(format!("{}-{nanos}.{EXTENSION}", process::id()));
        Ok(Ring {
            tail: bounds.clone().build_mapped(dir.path_of(&name)?)?,
            dir,
            name,
            owner: process::id(),
        })
    }

    /// Writes the outline beside the ring.
    pub(crate) fn outline(&self, dump: &Dump) -> io::Result<()> {
        let file = self.dir.create(&self.name.with_extension(OUTLINE))?;
        dump.write_to(io::BufWriter::new(file))
    }

    /// Removes a ring that nobody needs any more, and its outline.
    pub(crate) fn remove(&self) {
        if process::id() == self.owner {
            // In this order: a ring without its outline would be told of without a version.
            let _ = self.tail.remove();
            let _ = self.dir.remove(&self.name.with_extension(OUTLINE));
        }
    }
}

/// Whether a file is the beginning of a ring, left by a process that was killed while it made it.
fn is_draft(name: &Path) -> bool {
    let name = name.to_string_lossy();
    name.starts_with('.') && name.contains(".ring.") && name.ends_with(".new")
}
