//! How many dumps are kept.

use std::collections::BinaryHeap;
use std::io;

use super::{Dir, file, name};

/// The newest dumps stay, as long as neither bound is passed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Retention {
    pub(crate) max_dumps: usize,
    pub(crate) max_bytes: u64,
}

impl Default for Retention {
    fn default() -> Retention {
        Retention {
            max_dumps: 10,
            max_bytes: 50 << 20,
        }
    }
}

impl Retention {
    /// Removes the oldest dumps past the bounds, never `newest`, and what a killed process left.
    pub(super) fn apply(self, dir: &Dir, newest: &str) -> io::Result<()> {
        // By name is by age, whatever a copy has made of the files' own times. A heap, as it
        // sorts with less code.
        let mut dumps: BinaryHeap<(String, u64)> = BinaryHeap::new();
        let (mut count, mut bytes) = (0, 0);
        for name in dir.names()? {
            if file::is_orphan(dir, name.as_ref()) {
                let _ = dir.remove(name.as_ref());
                continue;
            }
            // Of the entry itself, should it be a link.
            let Ok(there) = dir.path_of(name.as_ref())?.symlink_metadata() else {
                continue;
            };
            if there.is_symlink() && (name::is_dump(&name) || file::is_temporary(&name)) {
                // Nobody but us has names like these to give here, and we make no links.
                let _ = dir.remove(name.as_ref());
                continue;
            }
            if !there.is_file() {
                continue;
            }
            if name == newest {
                (count, bytes) = (1, there.len());
            } else if name::is_dump(&name) {
                dumps.push((name, there.len()));
            }
        }
        while let Some((name, len)) = dumps.pop() {
            count += 1;
            bytes += len;
            if count > self.max_dumps || bytes > self.max_bytes {
                let _ = dir.remove(name.as_ref());
            }
        }
        Ok(())
    }
}
