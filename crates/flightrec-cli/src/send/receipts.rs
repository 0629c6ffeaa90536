//! The events that have been sent: a file for each target, with a line for each event.

use std::collections::HashSet;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use crate::error::{CliError, Result};

/// The number of digits of an event's id.
const ID: usize = 32;

/// The receipts of one target. While they are open, no other process sends to it.
#[derive(Debug)]
pub(crate) struct Receipts {
    path: PathBuf,
    file: File,
    sent: HashSet<String>,
}

impl Receipts {
    /// Opens or creates the receipts below the state directory.
    ///
    /// # Errors
    ///
    /// If the file can't be opened or created, or if another process is sending to the target.
    pub(crate) fn open(state: &Path, target: &str) -> Result<Receipts> {
        let hash = Sha256::digest(target);
        let name: String = hash[..8].iter().map(|byte| format!("{byte:02x}")).collect();
        let dir = state.join("flightrec").join("sent");
        let path = dir.join(name);
        create_dir(&dir).map_err(|error| CliError::writing(&dir, &error))?;
        let mut options = OpenOptions::new();
        options.read(true).append(true).create(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let file = options
            .open(&path)
            .map_err(|error| CliError::writing(&path, &error))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(fs::TryLockError::WouldBlock) => {
                return Err(CliError::at(
                    &path,
                    "another process sends to this service; wait until it is done",
                ));
            }
            Err(fs::TryLockError::Error(error)) => return Err(CliError::writing(&path, &error)),
        }
        let mut receipts = Receipts {
            path,
            file,
            sent: HashSet::new(),
        };
        receipts
            .read()
            .map_err(|error| CliError::reading(&receipts.path, &error))?;
        Ok(receipts)
    }

    fn read(&mut self) -> io::Result<()> {
        let mut text = String::new();
        self.file.seek(SeekFrom::Start(0))?;
        self.file.read_to_string(&mut text)?;
        let is_id = |line: &&str| line.len() == ID && line.bytes().all(|it| it.is_ascii_hexdigit());
        self.sent = text.lines().filter(is_id).map(str::to_owned).collect();
        if !text.is_empty() && !text.ends_with('\n') {
            // A process was killed while it wrote this line.
            self.file.write_all(b"\n")?;
        }
        Ok(())
    }

    pub(crate) fn has(&self, id: &str) -> bool {
        self.sent.contains(id)
    }

    /// Records that the service has accepted an event.
    ///
    /// # Errors
    ///
    /// If it can't be written. The event would be sent again, which is harmless: a service accepts an
    /// id only once.
    pub(crate) fn add(&mut self, id: String) -> Result<()> {
        let line = format!("{id}\n");
        self.file
            .write_all(line.as_bytes())
            .map_err(|error| CliError::writing(&self.path, &error))?;
        self.sent.insert(id);
        Ok(())
    }
}

fn create_dir(dir: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(dir)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn receipts_outlive_the_process_and_a_torn_line() {
        let dir = tempfile::tempdir().unwrap();
        let id = |n: u32| format!("{n:032x}");
        let mut receipts = Receipts::open(dir.path(), "https://host/1").unwrap();
        receipts.add(id(1)).unwrap();
        let busy = Receipts::open(dir.path(), "https://host/1").unwrap_err();
        assert!(busy.to_string().contains("another process"), "{busy}");
        assert!(
            !Receipts::open(dir.path(), "https://host/2")
                .unwrap()
                .has(&id(1))
        );
        let path = receipts.path.clone();
        drop(receipts);
        let mut file = OpenOptions::new().append(true).open(&path).unwrap();
        file.write_all(b"0000000000").unwrap();
        let mut receipts = Receipts::open(dir.path(), "https://host/1").unwrap();
        receipts.add(id(2)).unwrap();
        drop(receipts);
        let receipts = Receipts::open(dir.path(), "https://host/1").unwrap();
        assert!(receipts.has(&id(1)) && receipts.has(&id(2)) && !receipts.has(&id(3)));
    }
}
