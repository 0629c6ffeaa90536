//! A file that is there as a whole or not at all.

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::process;
use std::sync::atomic::{AtomicU32, Ordering};

pub(super) const TEMPORARY: &str = ".tmp-";

/// Writes a new file `name` in `dir`: under another name first, then on to the disk, then under
/// its own, in the place of no other.
pub(super) fn write(
    dir: &Path,
    name: &str,
    content: impl Fn(&mut dyn Write) -> io::Result<()>,
) -> io::Result<PathBuf> {
    let path = dir.join(name);
    let mut tries = 0;
    loop {
        let temporary = Temporary::new(dir)?;
        let mut writer = BufWriter::with_capacity(64 << 10, &temporary.file);
        content(&mut writer)?;
        writer.flush()?;
        drop(writer);
        temporary.file.sync_all()?;
        match temporary.publish(&path) {
            // Another process took it for an orphan between its creation and its lock.
            Err(error) if error.kind() == io::ErrorKind::NotFound && tries < 3 => tries += 1,
            Err(error) => return Err(error),
            Ok(()) => break,
        }
    }
    sync_dir(dir);
    Ok(path)
}

/// Makes a new file for its owner alone: neither somebody's file nor through somebody's link.
pub(crate) fn create_private(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

/// Removed when it is dropped; locked as long as it is in use.
struct Temporary {
    file: File,
    path: PathBuf,
}

impl Temporary {
    fn new(dir: &Path) -> io::Result<Temporary> {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        loop {
            let count = COUNT.fetch_add(1, Ordering::Relaxed);
            let path = dir.join(format!("{TEMPORARY}{}-{count}", process::id()));
            match create_private(&path) {
                // Left by another process that had our id.
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => continue,
                Err(error) => return Err(error),
                Ok(file) => {
                    // Where there are no locks, an orphan stays.
                    let _ = file.try_lock();
                    return Ok(Temporary { file, path });
                }
            }
        }
    }

    /// Gives the file its name, unless there is a file of that name.
    fn publish(&self, path: &Path) -> io::Result<()> {
        match fs::hard_link(&self.path, path) {
            // Some file systems have no links. Names hold time, process and a counter, so nobody
            // else makes the same one between this question and the answer.
            Err(error)
                if !matches!(
                    error.kind(),
                    io::ErrorKind::AlreadyExists | io::ErrorKind::NotFound
                ) =>
            {
                if path.symlink_metadata().is_ok() {
                    return Err(io::ErrorKind::AlreadyExists.into());
                }
                fs::rename(&self.path, path)
            }
            linked => linked,
        }
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        // It is gone already if it was renamed.
        let _ = fs::remove_file(&self.path);
    }
}

/// Whether nobody is writing to the temporary file any more.
pub(super) fn is_orphan(path: &Path) -> bool {
    let Ok(file) = OpenOptions::new().write(true).open(path) else {
        return false;
    };
    file.try_lock().is_ok()
}

/// So that the name is on the disk, too. Not every system can; the content is there in any case.
fn sync_dir(dir: &Path) {
    if let Ok(dir) = File::open(dir) {
        let _ = dir.sync_all();
    }
}
