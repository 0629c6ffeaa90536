//! Writes files atomically: a file is complete or does not exist.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::PathBuf;
use std::process;
use std::sync::atomic::{AtomicU32, Ordering};

use flightrec_dump::Dump;

use super::dir::{Dir, retry};
use super::file_size_limit::max_file_bytes;
use super::name;

/// Writes a new file `name` in `dir`: under a temporary name, synced, then under its own name. Never
/// replaces another file.
pub(crate) fn write(dir: &Dir, name: &str, dump: &Dump) -> io::Result<()> {
    let mut tries = 0;
    loop {
        let temporary = Temporary::with_content(dir, dump)?;
        match temporary.publish(name) {
            // Another process found the file before it was locked, and removed it as abandoned.
            Err(error) if error.kind() == io::ErrorKind::NotFound && tries < 3 => tries += 1,
            Err(error) => return Err(error),
            Ok(()) => break,
        }
    }
    dir.sync();
    Ok(())
}

/// Replaces the file `name` in `dir`. At any moment, the file has the old or the new content.
pub(crate) fn replace(dir: &Dir, name: &str, dump: &Dump) -> io::Result<()> {
    let temporary = Temporary::with_content(dir, dump)?;
    dir.rename(&temporary.name, name.as_ref())
}

/// A temporary file. It is locked while it is in use, and removed when it is dropped.
struct Temporary<'a> {
    dir: &'a Dir,
    file: File,
    name: PathBuf,
}

impl<'a> Temporary<'a> {
    fn with_content(dir: &'a Dir, dump: &Dump) -> io::Result<Temporary<'a>> {
        let limit = max_file_bytes();
        if limit < u64::MAX {
            let mut length = Length(0);
            dump.write_to(&mut length)?;
            if length.0 > limit {
                return Err(io::Error::new(
                    io::ErrorKind::FileTooLarge,
                    "the file would exceed the size limit of the process (`ulimit -f`)",
                ));
            }
        }
        let temporary = Temporary::new(dir)?;
        let mut writer = BufWriter::with_capacity(64 << 10, &temporary.file);
        dump.write_to(&mut writer)?;
        writer.flush()?;
        drop(writer);
        retry(|| temporary.file.sync_all())?;
        Ok(temporary)
    }

    fn new(dir: &'a Dir) -> io::Result<Temporary<'a>> {
        // Relaxed: the numbers only have to be unique.
        static COUNT: AtomicU32 = AtomicU32::new(0);
        loop {
            let count = COUNT.fetch_add(1, Ordering::Relaxed);
            let name = PathBuf::from(format!("{}{}-{count}", name::TEMPORARY, process::id()));
            match dir.create(&name) {
                // An earlier process with the same id left this file.
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(error),
                Ok(file) => {
                    // On systems without file locks, abandoned files are never removed.
                    let _ = file.try_lock();
                    return Ok(Temporary { dir, file, name });
                }
            }
        }
    }

    /// Gives the file its name, unless another file has that name.
    fn publish(&self, name: &str) -> io::Result<()> {
        let (from, to) = (
            self.dir.path_of(&self.name)?,
            self.dir.path_of(name.as_ref())?,
        );
        match retry(|| fs::hard_link(&from, &to)) {
            // Some file systems have no hard links. A name contains the time, the process id and a
            // counter, so no other process uses the same name between this check and the rename.
            Err(error)
                if !matches!(
                    error.kind(),
                    io::ErrorKind::AlreadyExists | io::ErrorKind::NotFound
                ) =>
            {
                if to.symlink_metadata().is_ok() {
                    return Err(io::ErrorKind::AlreadyExists.into());
                }
                retry(|| fs::rename(&from, &to))
            }
            linked => linked,
        }
    }
}

impl Drop for Temporary<'_> {
    fn drop(&mut self) {
        // Fails if the file was renamed.
        let _ = retry(|| self.dir.remove(&self.name));
    }
}

/// A writer that only counts bytes.
struct Length(u64);

impl Write for Length {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 += bytes.len() as u64;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_file_replaces_no_other_file() {
        let path = tempfile::tempdir().unwrap();
        let dir = Dir::open(path.path()).unwrap();
        let dump = |app: &str| {
            let mut dump = Dump::default();
            dump.app = app.to_owned();
            dump
        };
        write(&dir, "dump.json", &dump("first")).unwrap();
        let error = write(&dir, "dump.json", &dump("second")).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::AlreadyExists, "{error}");
        let there = fs::read_to_string(path.path().join("dump.json")).unwrap();
        assert!(there.contains("first") && !there.contains("second"));
        assert_eq!(fs::read_dir(path.path()).unwrap().count(), 1);
    }
}
