//! A file that is there as a whole or not at all.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process;
use std::sync::atomic::{AtomicU32, Ordering};

use super::dir::{Dir, again};
use super::limit::Limited;

const TEMPORARY: &str = ".tmp-";

/// Writes a new file `name` in `dir`: under another name first, then on to the disk, then under
/// its own, in the place of no other.
pub(super) fn write(
    dir: &Dir,
    name: &str,
    content: impl Fn(&mut dyn Write) -> io::Result<()>,
) -> io::Result<()> {
    let mut tries = 0;
    loop {
        let temporary = Temporary::new(dir)?;
        let mut writer = Limited::new(&temporary.file);
        content(&mut writer)?;
        writer.flush()?;
        again(|| temporary.file.sync_all())?;
        match temporary.publish(name) {
            // Another process took it for an orphan between its creation and its lock.
            Err(error) if error.kind() == io::ErrorKind::NotFound && tries < 3 => tries += 1,
            Err(error) => return Err(error),
            Ok(()) => break,
        }
    }
    dir.sync();
    Ok(())
}

/// Removed when it is dropped; locked as long as it is in use.
struct Temporary<'a> {
    dir: &'a Dir,
    file: File,
    name: PathBuf,
}

impl<'a> Temporary<'a> {
    fn new(dir: &'a Dir) -> io::Result<Temporary<'a>> {
        // Relaxed: each number comes once, which is all that is counted on.
        static COUNT: AtomicU32 = AtomicU32::new(0);
        loop {
            let count = COUNT.fetch_add(1, Ordering::Relaxed);
            let name = PathBuf::from(format!("{TEMPORARY}{}-{count}", process::id()));
            match dir.create(&name) {
                // Left by another process that had our id.
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => continue,
                Err(error) => return Err(error),
                Ok(file) => {
                    // Where there are no locks, an orphan stays.
                    let _ = file.try_lock();
                    return Ok(Temporary { dir, file, name });
                }
            }
        }
    }

    /// Gives the file its name, unless there is a file of that name.
    fn publish(&self, name: &str) -> io::Result<()> {
        let (from, to) = (
            self.dir.path_of(&self.name)?,
            self.dir.path_of(name.as_ref())?,
        );
        match again(|| fs::hard_link(&from, &to)) {
            // Some file systems have no links. Names hold time, process and a counter, so nobody
            // else makes the same one between this question and the answer.
            Err(error)
                if !matches!(
                    error.kind(),
                    io::ErrorKind::AlreadyExists | io::ErrorKind::NotFound
                ) =>
            {
                if to.symlink_metadata().is_ok() {
                    return Err(io::ErrorKind::AlreadyExists.into());
                }
                again(|| fs::rename(&from, &to))
            }
            linked => linked,
        }
    }
}

impl Drop for Temporary<'_> {
    fn drop(&mut self) {
        // It is gone already if it was renamed.
        let _ = again(|| self.dir.remove(&self.name));
    }
}

/// Whether a file of that name is one of ours that is not whole yet.
pub(super) fn is_temporary(name: &str) -> bool {
    name.starts_with(TEMPORARY)
}

/// Whether a file is one of ours under its temporary name, and nobody is writing to it any more.
pub(super) fn is_orphan(dir: &Dir, name: &Path) -> bool {
    name.to_str().is_some_and(is_temporary) && is_abandoned(dir, name)
}

/// Whether nobody holds the lock of a file.
pub(crate) fn is_abandoned(dir: &Dir, name: &Path) -> bool {
    dir.open_file(name)
        .is_ok_and(|file| file.try_lock().is_ok())
}
