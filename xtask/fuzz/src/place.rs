//! A place for the files of targets whose input is a file.

use std::fs;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

/// A directory, in memory where there is such a place.
#[derive(Debug)]
pub struct Place(TempDir);

impl Place {
    /// Makes one, which goes when the value does.
    pub fn new() -> Place {
        let memory = Path::new("/dev/shm");
        let dir = if memory.is_dir() {
            TempDir::new_in(memory)
        } else {
            TempDir::new()
        };
        Place(dir.expect("a temporary directory"))
    }

    /// The path of that name.
    pub fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// Writes a file of that name, in the place of the one before.
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
