//! A directory for targets whose input is a file.

use std::fs;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

/// A temporary directory, in memory if possible.
#[derive(Debug)]
pub struct Place(TempDir);

impl Place {
    /// Creates the directory, which is removed on drop.
    pub fn new() -> Place {
        let memory = Path::new("/dev/shm");
        let dir = if memory.is_dir() {
            TempDir::new_in(memory)
        } else {
            TempDir::new()
        };
        Place(dir.expect("a temporary directory"))
    }

    /// The path of the file with that name.
    pub fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// Writes a file with that name, replacing an earlier one.
    pub fn write(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.path(name);
        fs::write(&path, bytes).expect("a temporary file");
        path
    }
}

impl Default for Place {
    fn default() -> Place {
        Place::new()
    }
}
