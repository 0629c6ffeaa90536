//! Records that outlive the process: a ring in a file, and what becomes of it.
//!
//! A ring lies in the directory of the dumps as long as its process runs. Beside it lies an outline:
//! the dump that would be made of it, without records, for the ring itself knows nothing of the
//! program. A process that ends well removes both. The next one to start finds those whose owner
//! is dead, which it tells by their lock, and makes dumps of them.

mod recover;

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process;
use std::time::{SystemTime, UNIX_EPOCH};

use tailwriter::{Builder, MappedTail};

pub(crate) use recover::{dump_orphans, dump_ring};

use crate::dump::Dump;
use crate::store;

const EXTENSION: &str = "ring";

/// Makes a ring in `dir`.
pub(crate) fn create(dir: &Path, bounds: Builder) -> io::Result<MappedTail> {
    store::create_private_dir(dir)?;
    let nanos = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |time| time.as_nanos());
    bounds.build_mapped(dir.join(format!("{}-{nanos}.{EXTENSION}", process::id())))
}

/// Writes the outline beside the ring.
pub(crate) fn outline(ring: &MappedTail, dump: &Dump) -> io::Result<()> {
    store::create_private_file(&outline_path(ring.path()))
        .and_then(|file| dump.write_to(io::BufWriter::new(file)))
}

/// Removes a ring that nobody needs any more, and its outline.
pub(crate) fn remove(ring: &MappedTail) {
    // Only together are they worth anything; should one not go, the next start tries again.
    let _ = fs::remove_file(outline_path(ring.path()));
    let _ = ring.remove();
}

fn outline_path(ring: &Path) -> PathBuf {
    ring.with_extension("outline")
}
