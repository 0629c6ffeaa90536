//! How many dumps are kept.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

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
        let mut dumps: Vec<(PathBuf, u64)> = Vec::new();
        for entry in fs::read_dir(dir)? {
            let Ok(entry) = entry else { continue };
            let (path, file_name) = (entry.path(), entry.file_name());
            let file_name = file_name.to_string_lossy();
            // Of the entry itself, should it be a link.
            let Ok(metadata) = entry.metadata() else {
                continue;
            };
            if !metadata.is_file() {
                continue;
            }
            if name::is_dump(&file_name) {
                dumps.push((path, metadata.len()));
            } else if file_name.starts_with(file::TEMPORARY) && file::is_orphan(&path) {
                let _ = fs::remove_file(path);
            }
        }
        // By name is by time, whatever a copy has made of the files' own times.
        dumps.sort_unstable_by(|(a, _), (b, _)| {
            (b == newest).cmp(&(a == newest)).then_with(|| b.cmp(a))
        });
        let mut bytes = 0;
        for (at, (path, len)) in dumps.iter().enumerate() {
            bytes += len;
            if at > 0 && (at >= self.max_dumps || bytes > self.max_bytes) {
                let _ = fs::remove_file(path);
            }
        }
        Ok(())
    }
}
