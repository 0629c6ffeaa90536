//! The directory of dumps. It is held open while it is used, so that a link or another directory that
//! takes its place in the meantime does not change where files are written and removed.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};

use super::name;

/// An open directory that is private to its owner.
#[derive(Debug)]
pub struct Dir {
    #[cfg(unix)]
    held: File,
    /// Whether a link of the user leads to it. Its mode is then the user's business, too.
    #[cfg(unix)]
    is_linked: bool,
    /// The path to show.
    path: PathBuf,
    /// The path to reach its files by.
    reached: PathBuf,
}

impl Dir {
    /// Makes the directory if it is missing, and opens it. Only its owner has access to it.
    ///
    /// # Errors
    ///
    /// Returns the errors of making and opening it. Fails if it is a symbolic link of another user,
    /// which could lead anywhere.
    pub fn make(path: &Path) -> io::Result<Dir> {
        let dir = match Dir::open(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                make_missing(path)?;
                Dir::open(path)?
            }
            opened => opened?,
        };
        dir.make_private()?;
        Ok(dir)
    }

    /// The path that it was opened by.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// A path that leads to a file in this directory, even if the directory was renamed.
    ///
    /// # Errors
    ///
    /// Fails where files are reached by the directory's path only, and another directory is there.
    pub fn path_of(&self, name: &Path) -> io::Result<PathBuf> {
        if self.reached == self.path && !self.is_there() {
            return Err(io::Error::other("another directory took its place"));
        }
        Ok(self.reached.join(name))
    }

    /// The path of a file, to be shown to a user.
    #[must_use]
    pub fn shown(&self, name: &Path) -> PathBuf {
        self.path.join(name)
    }

    /// The names of its files, without those that are not Unicode: the store gives no such names.
    ///
    /// # Errors
    ///
    /// Returns the errors of reading the directory.
    pub fn names(&self) -> io::Result<Vec<String>> {
        let path = self.path_of(Path::new(""))?;
        let mut names = Vec::new();
        for entry in retry(|| fs::read_dir(&path))?.flatten() {
            names.extend(entry.file_name().into_string().ok());
        }
        Ok(names)
    }

    /// Creates a file that only its owner can read. Follows no link.
    ///
    /// # Errors
    ///
    /// Returns the errors of creating it; `AlreadyExists` if there is one.
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

    /// Opens a file to read it or to ask for its lock. Follows no link, and does not wait for a pipe.
    ///
    /// # Errors
    ///
    /// Returns the errors of opening it; `InvalidInput` if it is no regular file.
    pub fn open_file(&self, name: &Path) -> io::Result<File> {
        let file = read_only().open(self.path_of(name)?)?;
        if retry(|| file.metadata())?.is_file() {
            Ok(file)
        } else {
            Err(io::ErrorKind::InvalidInput.into())
        }
    }

    /// Renames a file, and replaces the one of that name.
    ///
    /// # Errors
    ///
    /// Returns the errors of renaming it.
    pub fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        let (from, to) = (self.path_of(from)?, self.path_of(to)?);
        retry(|| fs::rename(&from, &to))
    }

    /// Removes a file.
    ///
    /// # Errors
    ///
    /// Returns the errors of removing it.
    pub fn remove(&self, name: &Path) -> io::Result<()> {
        let path = self.path_of(name)?;
        retry(|| fs::remove_file(&path))
    }

    /// Whether no process holds the lock of a file. If it can't be opened, the answer is no.
    #[must_use]
    pub fn is_abandoned(&self, name: &Path) -> bool {
        self.open_file(name)
            .is_ok_and(|file| file.try_lock().is_ok())
    }

    /// Whether a file is a dump that is not complete, and no process writes to it.
    #[must_use]
    pub fn is_orphan(&self, name: &Path) -> bool {
        name.to_str().is_some_and(name::is_temporary) && self.is_abandoned(name)
    }

    /// Writes the names to the disk, where the system can.
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
    /// Returns the errors of opening it. Fails if it is a symbolic link of another user, which
    /// could lead anywhere.
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
        let reached = through(&held).unwrap_or_else(|| path.to_owned());
        Ok(Dir {
            held,
            is_linked,
            path: path.to_owned(),
            reached,
        })
    }

    /// It may have been made by another program, or with an unusual umask.
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

    fn is_there(&self) -> bool {
        let there = retry(|| self.path.symlink_metadata());
        match (there, retry(|| self.held.metadata())) {
            (Ok(there), Ok(held)) => is_same(&there, &held),
            _ => false,
        }
    }
}

/// Makes the missing directories of a path. The last two belong to the recorder (`<app>/flightrec`)
/// and are private; those above get the usual mode. Under `sudo`, all of them belong to the user
/// whose directory they are in.
fn make_missing(path: &Path) -> io::Result<()> {
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
            made => {
                made?;
                #[cfg(unix)]
                if let (Some(parent), Ok(made)) = (dir.parent(), open_dir(dir))
                    && let Ok(parent) = File::open(parent)
                {
                    give_to_owner_of(&parent, &made);
                }
            }
        }
    }
    Ok(())
}

/// Gives what root has made to the owner of the directory that it is in. Through open files, so that
/// no link can lead it elsewhere.
#[cfg(unix)]
fn give_to_owner_of(dir: &File, made: &File) {
    use std::os::unix::fs::{MetadataExt, fchown};
    if let (Ok(dir), Ok(own)) = (dir.metadata(), made.metadata())
        && own.uid() == 0
        && dir.uid() != 0
    {
        // If that fails, the user can't read it, as if it had not been tried.
        let _ = fchown(made, Some(dir.uid()), Some(dir.gid()));
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

/// Where a link leads, if both the link and the directory belong to the user of this process.
#[cfg(unix)]
fn own_link_target(path: &Path) -> Option<PathBuf> {
    use std::os::unix::fs::MetadataExt;
    let user = own_uid()?;
    let before = path.symlink_metadata().ok()?;
    let target = path.parent()?.join(path.read_link().ok()?);
    let after = path.symlink_metadata().ok()?;
    // What was read is the link that was looked at, not another one that took its place.
    let is_own = before.is_symlink() && after.is_symlink() && is_same(&before, &after);
    let target = target.canonicalize().ok()?;
    let is_own = is_own && before.uid() == user && target.metadata().ok()?.uid() == user;
    is_own.then_some(target)
}

/// The user of this process. Linux tells by a file; elsewhere asking takes a call into C.
#[cfg(unix)]
pub(crate) fn own_uid() -> Option<u32> {
    use std::os::unix::fs::MetadataExt;
    let process = cfg!(target_os = "linux").then(|| fs::metadata("/proc/self"));
    Some(process?.ok()?.uid())
}

/// Linux has a path for each file that a process has open.
#[cfg(unix)]
fn through(held: &File) -> Option<PathBuf> {
    use std::os::fd::AsRawFd;
    if !cfg!(target_os = "linux") {
        return None;
    }
    let path = PathBuf::from(format!("/proc/self/fd/{}", held.as_raw_fd()));
    let there = retry(|| path.metadata()).ok()?;
    let is_it = is_same(&there, &retry(|| held.metadata()).ok()?);
    is_it.then_some(path)
}

#[cfg(unix)]
fn is_same(one: &fs::Metadata, other: &fs::Metadata) -> bool {
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
    /// Returns the errors of looking at it.
    pub fn open(path: &Path) -> io::Result<Dir> {
        if !path.metadata()?.is_dir() {
            return Err(io::ErrorKind::NotADirectory.into());
        }
        Ok(Dir {
            path: path.to_owned(),
            reached: path.to_owned(),
        })
    }

    fn make_private(&self) -> io::Result<()> {
        Ok(())
    }

    pub(crate) fn is_own(&self) -> bool {
        // The directory for temporary files is the user's own.
        true
    }

    fn is_there(&self) -> bool {
        true
    }
}

#[cfg(not(unix))]
fn read_only() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.read(true);
    options
}

/// Repeats a call that a signal interrupts. Neither every system nor the standard library does so for
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
