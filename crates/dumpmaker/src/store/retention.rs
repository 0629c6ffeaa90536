//! Removes old dumps.

use std::collections::HashSet;
use std::io;

use serde::Deserialize;

use super::dir::Dir;
use super::name;

/// How many dumps are kept. Both bounds apply, but the newest dump is always kept.
///
/// Repeats are removed first, the oldest before the others: dumps with the same fingerprint as a newer
/// dump. Then the oldest dumps are removed.
#[derive(Clone, Copy, Debug)]
pub struct Retention {
    /// The maximum number of dumps. The default is 10.
    pub max_dumps: usize,
    /// The maximum size of all dumps in bytes. The default is 50 MiB.
    pub max_bytes: u64,
}

impl Default for Retention {
    fn default() -> Retention {
        Retention {
            max_dumps: 10,
            max_bytes: 50 << 20,
        }
    }
}

struct DumpFile {
    name: String,
    bytes: u64,
}

impl Retention {
    /// Removes dumps beyond the bounds, but never `newest`. Also removes the temporary files of killed
    /// processes.
    pub(crate) fn apply(self, dir: &Dir, newest: &str) -> io::Result<()> {
        let mut dumps = Vec::new();
        for name in dir.names()? {
            if dir.is_orphan(name.as_ref()) {
                let _ = dir.remove(name.as_ref());
                continue;
            }
            // The entry itself may be a link.
            let Ok(metadata) = dir.path_of(name.as_ref())?.symlink_metadata() else {
                continue;
            };
            if metadata.is_symlink() && (name::is_dump_name(&name) || name::is_temporary(&name)) {
                // The recorder creates no links, and other programs should not use such names.
                let _ = dir.remove(name.as_ref());
            } else if metadata.is_file() && (name == newest || name::is_dump_name(&name)) {
                let bytes = metadata.len();
                dumps.push(DumpFile { name, bytes });
            }
        }
        // The order by name is the order by age. The times of the files may be those of a copy.
        dumps.sort_unstable_by(|a, b| b.name.cmp(&a.name));
        if self.is_within(&dumps) {
            return Ok(());
        }
        // Dumps are removed from the end of this list: repeats are last, the oldest of them at the end.
        let mut seen = HashSet::new();
        let (mut order, repeated): (Vec<_>, Vec<_>) = dumps
            .into_iter()
            .partition(|dump| dump.name == newest || seen.insert(fingerprint(dir, &dump.name)));
        if let Some(at) = order.iter().position(|dump| dump.name == newest) {
            order[..=at].rotate_right(1);
        }
        order.extend(repeated);
        while order.len() > 1 && !self.is_within(&order) {
            if let Some(oldest) = order.pop() {
                let _ = dir.remove(oldest.name.as_ref());
            }
        }
        Ok(())
    }

    fn is_within(self, dumps: &[DumpFile]) -> bool {
        let bytes: u64 = dumps.iter().map(|dump| dump.bytes).sum();
        dumps.len() <= self.max_dumps && bytes <= self.max_bytes
    }
}

/// Returns the fingerprint of a dump, or the file's name if it can't be read.
fn fingerprint(dir: &Dir, name: &str) -> String {
    #[derive(Deserialize)]
    struct Head {
        fingerprint: String,
    }
    let head = dir.open_file(name.as_ref()).ok().and_then(|file| {
        let reader = io::BufReader::new(file);
        serde_json::from_reader::<_, Head>(reader).ok()
    });
    head.map_or_else(|| name.to_owned(), |head| head.fingerprint)
}
