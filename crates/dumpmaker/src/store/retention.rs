//! Removes old dumps.

use std::collections::HashSet;
use std::io;

use serde::Deserialize;

use super::dir::Dir;
use super::name;

/// The newest dumps are kept up to both bounds; the newest of all stays in any case.
///
/// If a newer dump has the same fingerprint, a dump is a repetition. The oldest repetition is removed
/// first. If there is none, the oldest dump is.
#[derive(Clone, Copy, Debug)]
pub struct Retention {
    /// How many dumps are kept; by default 10.
    pub max_dumps: usize,
    /// How many bytes of dumps are kept; by default 50 MiB.
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

struct Kept {
    name: String,
    bytes: u64,
}

impl Retention {
    /// Removes dumps beyond the bounds, but never `newest`, and what a killed process left.
    pub(crate) fn apply(self, dir: &Dir, newest: &str) -> io::Result<()> {
        let mut dumps = Vec::new();
        for name in dir.names()? {
            if dir.is_orphan(name.as_ref()) {
                let _ = dir.remove(name.as_ref());
                continue;
            }
            // Of the entry itself, which may be a link.
            let Ok(metadata) = dir.path_of(name.as_ref())?.symlink_metadata() else {
                continue;
            };
            if metadata.is_symlink() && (name::is_dump_name(&name) || name::is_temporary(&name)) {
                // The recorder makes no links, and other programs have no business with such names.
                let _ = dir.remove(name.as_ref());
            } else if metadata.is_file() && (name == newest || name::is_dump_name(&name)) {
                let bytes = metadata.len();
                dumps.push(Kept { name, bytes });
            }
        }
        // By name is by age, even if a copy has changed the files' own times.
        dumps.sort_unstable_by(|a, b| b.name.cmp(&a.name));
        if self.holds(&dumps) {
            return Ok(());
        }
        // Dumps are removed from the end of this list. Repeated failures stand at the end, the oldest at
        // the very end.
        let mut seen = HashSet::new();
        let (mut order, repeated): (Vec<_>, Vec<_>) = dumps
            .into_iter()
            .partition(|dump| dump.name == newest || seen.insert(fingerprint(dir, &dump.name)));
        if let Some(at) = order.iter().position(|dump| dump.name == newest) {
            order[..=at].rotate_right(1);
        }
        order.extend(repeated);
        while order.len() > 1 && !self.holds(&order) {
            if let Some(oldest) = order.pop() {
                let _ = dir.remove(oldest.name.as_ref());
            }
        }
        Ok(())
    }

    fn holds(self, dumps: &[Kept]) -> bool {
        let bytes: u64 = dumps.iter().map(|dump| dump.bytes).sum();
        dumps.len() <= self.max_dumps && bytes <= self.max_bytes
    }
}

/// The fingerprint of a dump. A file that can't be read has a fingerprint of its own.
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
