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
        // sorts with a tenth of the code.
        let mut dumps: BinaryHeap<(String, u64)> = BinaryHeap::new();
        let (mut count, mut bytes) = (0, 0);
        for entry in dir.entries()? {
            // Of the entry itself, should it be a link.
            let (Ok(metadata), Ok(name)) = (entry.metadata(), entry.file_name().into_string())
            else {
                continue;
            };
            if !metadata.is_file() {
                continue;
            }
            if name == newest {
                (count, bytes) = (1, metadata.len());
            } else if name::is_dump(&name) {
                dumps.push((name, metadata.len()));
            } else if file::is_orphan(dir, name.as_ref()) {
                let _ = dir.remove(name);
            }
        }
        while let Some((name, len)) = dumps.pop() {
            count += 1;
            bytes += len;
            if count > self.max_dumps || bytes > self.max_bytes {
                let _ = dir.remove(name);
            }
        }
        Ok(())
    }
}
