//! Files that a command writes.

use std::fs::{File, OpenOptions};
use std::io;
use std::path::Path;

/// A new file for its owner alone, as dumps are.
pub(crate) fn create(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}
