//! The directory of dumps. It is kept open while it is used: if a link or another directory takes its
//! place, no files are written or removed there.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};

use super::name;

/// An open directory that is private to its owner.
#[derive(Debug)]
pub struct Dir {
    #[cfg(unix)]
    held: File,
    /// Whether it was opened through a symbolic link of the user. Its mode is then left alone.
    #[cfg(unix)]
    is_linked: bool,
    /// The path for messages.
    path: PathBuf,
    /// The path through which its files are accessed.
    access_path: PathBuf,
}

impl Dir {
    /// Opens the directory; creates it if it is missing. Sets its mode to 0700, unless a symbolic link
    /// leads to it.
    ///
    /// # Errors
    ///
    /// If it cannot be created or opened. See [`open`](Dir::open) for symbolic links.
    pub fn open_or_create(path: &Path) -> io::Result<Dir> {
        let dir = match Dir::open(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                create_missing(path)?;
                Dir::open(path)?
            }
            opened => opened?,
        };
        dir.make_private()?;
        Ok(dir)
    }

    /// Returns the path by which it was opened.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Returns a path to access a file in this directory. On Linux, it is valid even if the directory was
    /// renamed.
    ///
    /// # Errors
    ///
    /// On other Unix systems: if another directory has taken its place.
    pub fn path_of(&self, name: &Path) -> io::Result<PathBuf> {
        if self.access_path == self.path && !self.is_in_place() {
            return Err(io::Error::other(
                "the directory was replaced by another one",
            ));
        }
        Ok(self.access_path.join(name))
    }

    /// Returns the path of a file for messages.
    #[must_use]
    pub fn display_path(&self, name: &Path) -> PathBuf {
        self.path.join(name)
    }

    /// Returns the names of its entries. Names that are not Unicode are skipped: the store does not create
    /// such names.
    ///
    /// # Errors
    ///
    /// If the directory cannot be read.
    pub fn names(&self) -> io::Result<Vec<String>> {
        let path = self.path_of(Path::new(""))?;
        let mut names = Vec::new();
        for entry in retry(|| fs::read_dir(&path))?.flatten() {
            names.extend(entry.file_name().into_string().ok());
        }
        Ok(names)
    }

    /// Creates a file that only its owner can read and write. Does not follow links.
    ///
    /// # Errors
    ///
    /// If it cannot be created; `AlreadyExists` if there is an entry with that name.
    pub fn create(&self, name: &Path) -> io::Result<File> {
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let file = options.open(self.path_of(name)?)?;
        #[cfg(unix)]
        give_to_owner_of(&self.held, &file);
        Ok(file)
    }

    /// Opens a file for reading, or to try its lock. On Unix, does not follow links and does not block
    /// on pipes.
    ///
    /// # Errors
    ///
    /// If it cannot be opened; `InvalidInput` if it is not a regular file.
    pub fn open_file(&self, name: &Path) -> io::Result<File> {
        let file = read_only().open(self.path_of(name)?)?;
        if retry(|| file.metadata())?.is_file() {
            Ok(file)
        } else {
            Err(io::ErrorKind::InvalidInput.into())
        }
    }

    /// Renames a file. Replaces a file that has the new name.
    ///
    /// # Errors
    ///
    /// If it cannot be renamed.
    pub fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        let (from, to) = (self.path_of(from)?, self.path_of(to)?);
        retry(|| fs::rename(&from, &to))
    }

    /// Removes a file.
    ///
    /// # Errors
    ///
    /// If it cannot be removed.
    pub fn remove(&self, name: &Path) -> io::Result<()> {
        let path = self.path_of(name)?;
        retry(|| fs::remove_file(&path))
    }

    /// Returns whether no process holds the lock of a file. Returns false if the file can't be opened.
    #[must_use]
    pub fn is_abandoned(&self, name: &Path) -> bool {
        self.open_file(name)
            .is_ok_and(|file| file.try_lock().is_ok())
    }

    /// Returns whether a file is an incomplete dump that no process is writing.
    #[must_use]
    pub fn is_orphan(&self, name: &Path) -> bool {
        name.to_str().is_some_and(name::is_temporary) && self.is_abandoned(name)
    }

    /// Syncs the directory's entries to disk, on Unix.
    pub(crate) fn sync(&self) {
        #[cfg(unix)]
        let _ = self.held.sync_all();
    }
}

#[cfg(unix)]
impl Dir {
    /// Opens a directory.
    ///
    /// # Errors
    ///
    /// If it cannot be opened, or is a symbolic link. On Linux, a link is followed if the link and its
    /// target belong to the user of this process.
    pub fn open(path: &Path) -> io::Result<Dir> {
        let mut is_linked = false;
        let held = match open_dir(path) {
            Err(error) if is_symlink(path) => match own_link_target(path) {
                Some(target) => {
                    is_linked = true;
                    open_dir(&target)?
                }
                None => {
                    return Err(io::Error::new(
                        error.kind(),
                        "it is a symbolic link that may belong to another user",
                    ));
                }
            },
            opened => opened?,
        };
        let access_path = proc_path(&held).unwrap_or_else(|| path.to_owned());
        Ok(Dir {
            held,
            is_linked,
            path: path.to_owned(),
            access_path,
        })
    }

    /// Sets the mode to 0700: another program may have created the directory, or the umask may be unusual.
    fn make_private(&self) -> io::Result<()> {
        use std::os::unix::fs::PermissionsExt;
        let mode = retry(|| self.held.metadata())?.permissions().mode();
        if mode & 0o777 != 0o700 && !self.is_linked {
            self.held
                .set_permissions(fs::Permissions::from_mode(0o700))?;
        }
        Ok(())
    }

    /// Whether it belongs to the user of this process.
    pub(crate) fn is_own(&self) -> bool {
        use std::os::unix::fs::MetadataExt;
        let owner = self.held.metadata().map(|metadata| metadata.uid());
        own_uid().is_some_and(|user| owner.is_ok_and(|owner| owner == user))
    }

    /// Whether the path still leads to this directory.
    fn is_in_place(&self) -> bool {
        let current = retry(|| self.path.symlink_metadata());
        match (current, retry(|| self.held.metadata())) {
            (Ok(current), Ok(held)) => is_same_file(&current, &held),
            _ => false,
        }
    }
}

/// Creates the missing directories of a path. The last two belong to the recorder (`<app>/flightrec`)
/// and are private; the others get the default mode. Under `sudo`, all of them get the owner of their
/// parent.
fn create_missing(path: &Path) -> io::Result<()> {
    let mut missing: Vec<&Path> = Vec::new();
    for dir in path.ancestors() {
        if dir.as_os_str().is_empty() || dir.symlink_metadata().is_ok() {
            break;
        }
        missing.push(dir);
    }
    for (depth, dir) in missing.into_iter().enumerate().rev() {
        #[cfg_attr(not(unix), allow(unused_mut))]
        let mut builder = fs::DirBuilder::new();
        #[cfg(unix)]
        if depth < 2 {
            std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        }
        let _ = depth;
        match retry(|| builder.create(dir)) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            created => {
                created?;
                #[cfg(unix)]
                if let (Some(parent), Ok(created)) = (dir.parent(), open_dir(dir))
                    && let Ok(parent) = File::open(parent)
                {
                    give_to_owner_of(&parent, &created);
                }
            }
        }
    }
    Ok(())
}

/// If root created a file or directory in another user's directory, changes its owner to that user. Uses
/// open files, so that links cannot redirect it.
#[cfg(unix)]
fn give_to_owner_of(dir: &File, created: &File) {
    use std::os::unix::fs::{MetadataExt, fchown};
    if let (Ok(dir), Ok(own)) = (dir.metadata(), created.metadata())
        && own.uid() == 0
        && dir.uid() != 0
    {
        // If this fails, the file still belongs to root.
        let _ = fchown(created, Some(dir.uid()), Some(dir.gid()));
    }
}

#[cfg(unix)]
fn open_dir(path: &Path) -> io::Result<File> {
    use std::os::unix::fs::OpenOptionsExt;
    let flags = libc::O_DIRECTORY | libc::O_NOFOLLOW;
    OpenOptions::new().read(true).custom_flags(flags).open(path)
}

#[cfg(unix)]
fn is_symlink(path: &Path) -> bool {
    path.symlink_metadata()
        .is_ok_and(|entry| entry.is_symlink())
}

/// The target of a symbolic link, if the link and its target belong to the user of this process.
#[cfg(unix)]
fn own_link_target(path: &Path) -> Option<PathBuf> {
    use std::os::unix::fs::MetadataExt;
    let user = own_uid()?;
    let before = path.symlink_metadata().ok()?;
    let target = path.parent()?.join(path.read_link().ok()?);
    let after = path.symlink_metadata().ok()?;
    // The link that was read is the one whose owner is checked, not one that replaced it.
    let is_own = before.is_symlink() && after.is_symlink() && is_same_file(&before, &after);
    let target = target.canonicalize().ok()?;
    let is_own = is_own && before.uid() == user && target.metadata().ok()?.uid() == user;
    is_own.then_some(target)
}

/// The user of this process, on Linux. Other systems need an unsafe call of libc for it.
#[cfg(unix)]
pub(crate) fn own_uid() -> Option<u32> {
    use std::os::unix::fs::MetadataExt;
    let process = cfg!(target_os = "linux").then(|| fs::metadata("/proc/self"));
    Some(process?.ok()?.uid())
}

/// The path in `/proc` of an open file, on Linux.
#[cfg(unix)]
fn proc_path(held: &File) -> Option<PathBuf> {
    use std::os::fd::AsRawFd;
    if !cfg!(target_os = "linux") {
        return None;
    }
    let path = PathBuf::from(format!("/proc/self/fd/{}", held.as_raw_fd()));
    let found = retry(|| path.metadata()).ok()?;
    let is_held = is_same_file(&found, &retry(|| held.metadata()).ok()?);
    is_held.then_some(path)
}

#[cfg(unix)]
fn is_same_file(one: &fs::Metadata, other: &fs::Metadata) -> bool {
    use std::os::unix::fs::MetadataExt;
    (one.dev(), one.ino()) == (other.dev(), other.ino())
}

#[cfg(unix)]
fn read_only() -> OpenOptions {
    use std::os::unix::fs::OpenOptionsExt;
    let mut options = OpenOptions::new();
    options
        .read(true)
        .custom_flags(libc::O_NOFOLLOW | libc::O_NONBLOCK);
    options
}

#[cfg(not(unix))]
impl Dir {
    /// Opens a directory.
    ///
    /// # Errors
    ///
    /// If there is no such directory.
    pub fn open(path: &Path) -> io::Result<Dir> {
        if !path.metadata()?.is_dir() {
            return Err(io::ErrorKind::NotADirectory.into());
        }
        Ok(Dir {
            path: path.to_owned(),
            access_path: path.to_owned(),
        })
    }

    fn make_private(&self) -> io::Result<()> {
        Ok(())
    }

    pub(crate) fn is_own(&self) -> bool {
        // The directory for temporary files belongs to the user.
        true
    }

    fn is_in_place(&self) -> bool {
        true
    }
}

#[cfg(not(unix))]
fn read_only() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.read(true);
    options
}

/// Repeats a call while signals interrupt it. Neither the standard library nor every system does so for
/// all calls.
pub(crate) fn retry<T>(mut act: impl FnMut() -> io::Result<T>) -> io::Result<T> {
    loop {
        match act() {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            done => return done,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_interrupted_call_is_retried() {
        let mut left = 3;
        let done = retry(|| {
            left -= 1;
            if left > 0 {
                return Err(io::ErrorKind::Interrupted.into());
            }
            Ok("done")
        });
        assert_eq!(done.unwrap(), "done");
        assert_eq!(left, 0);
        let failed: io::Result<()> = retry(|| Err(io::ErrorKind::StorageFull.into()));
        assert_eq!(failed.unwrap_err().kind(), io::ErrorKind::StorageFull);
    }
}
