//! How many dumps are kept.

use std::collections::BinaryHeap;
use std::ffi::OsString;
use std::fs;
use std::io;
use std::path::Path;

use super::{file, name};

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
    pub(super) fn apply(self, dir: &Path, newest: &Path) -> io::Result<()> {
        // By name is by time, whatever a copy has made of the files' own times. A heap, as it
        // sorts with a tenth of the code.
        let mut dumps: BinaryHeap<(OsString, u64)> = BinaryHeap::new();
        let (mut count, mut bytes) = (0, 0);
        for entry in fs::read_dir(dir)? {
            let Ok(entry) = entry else { continue };
            let file_name = entry.file_name();
            let text = file_name.to_string_lossy();
            // Of the entry itself, should it be a link.
            let Ok(metadata) = entry.metadata() else {
                continue;
            };
            if !metadata.is_file() {
                continue;
            }
            if newest.file_name() == Some(&file_name) {
                (count, bytes) = (1, metadata.len());
            } else if name::is_dump(&text) {
                dumps.push((file_name, metadata.len()));
            } else if text.starts_with(file::TEMPORARY) && file::is_orphan(&entry.path()) {
                let _ = fs::remove_file(entry.path());
            }
        }
        while let Some((name, len)) = dumps.pop() {
            count += 1;
            bytes += len;
            if count > self.max_dumps || bytes > self.max_bytes {
                let _ = fs::remove_file(dir.join(name));
            }
        }
        Ok(())
    }
}
