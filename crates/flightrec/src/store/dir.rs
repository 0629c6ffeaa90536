//! The directory of dumps, held open while it is used: whoever puts something else in its place
//! meanwhile, a link to another directory for instance, does not change where we write and remove.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};

/// An open directory.
#[derive(Debug)]
pub(crate) struct Dir {
    #[cfg(unix)]
    held: File,
    /// By which name its owner knows it.
    path: PathBuf,
    /// By which name its files are reached.
    reached: PathBuf,
}

impl Dir {
    /// Makes the directory if it is not there, for its owner alone, and opens it.
    ///
    /// # Errors
    ///
    /// Those of making and opening it, and if it is a symbolic link: made by somebody else, it could
    /// lead anywhere.
    pub(crate) fn make(path: &Path) -> io::Result<Dir> {
        let dir = match Dir::open(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let mut builder = fs::DirBuilder::new();
                builder.recursive(true);
                #[cfg(unix)]
                std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
                again(|| builder.create(path))?;
                Dir::open(path)?
            }
            opened => opened?,
        };
        dir.make_private()?;
        Ok(dir)
    }

    /// The path of a file in this directory, whatever has become of the directory's own.
    ///
    /// # Errors
    ///
    /// If that can not be promised: where files are reached by the directory's path alone, and
    /// something else is there by now.
    pub(crate) fn path_of(&self, name: &Path) -> io::Result<PathBuf> {
        if self.reached == self.path && !self.is_there() {
            return Err(io::Error::other("somebody replaced it meanwhile"));
        }
        Ok(self.reached.join(name))
    }

    /// The path of a file as its owner knows it.
    pub(crate) fn shown(&self, name: &Path) -> PathBuf {
        self.path.join(name)
    }

    /// The names of what is in it; those that are no text are not ours.
    pub(crate) fn names(&self) -> io::Result<Vec<String>> {
        let path = self.path_of(Path::new(""))?;
        let mut names = Vec::new();
        for entry in again(|| fs::read_dir(&path))?.flatten() {
            names.extend(entry.file_name().into_string().ok());
        }
        Ok(names)
    }

    /// Makes a new file for its owner alone: neither somebody's file nor through somebody's link.
    pub(crate) fn create(&self, name: &Path) -> io::Result<File> {
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        options.open(self.path_of(name)?)
    }

    /// Opens a file to read it or ask for its lock, whatever somebody put in its place: no link is
    /// followed, and a pipe not waited for.
    pub(crate) fn open_file(&self, name: &Path) -> io::Result<File> {
        let file = read_only().open(self.path_of(name)?)?;
        if again(|| file.metadata())?.is_file() {
            Ok(file)
        } else {
            Err(io::ErrorKind::InvalidInput.into())
        }
    }

    pub(crate) fn remove(&self, name: &Path) -> io::Result<()> {
        let path = self.path_of(name)?;
        again(|| fs::remove_file(&path))
    }

    /// So that names are on the disk, too. Not every system can; the content is there in any case.
    pub(crate) fn sync(&self) {
        #[cfg(unix)]
        let _ = self.held.sync_all();
    }
}

#[cfg(unix)]
impl Dir {
    pub(crate) fn open(path: &Path) -> io::Result<Dir> {
        use std::os::unix::fs::OpenOptionsExt;
        let flags = libc::O_DIRECTORY | libc::O_NOFOLLOW;
        let held = OpenOptions::new().read(true).custom_flags(flags).open(path);
        let held = held.map_err(|error| match path.symlink_metadata() {
            Ok(there) if there.is_symlink() => io::Error::new(
                io::ErrorKind::InvalidInput,
                "it is a symbolic link, which somebody else could have put there",
            ),
            _ => error,
        })?;
        let reached = through(&held).unwrap_or_else(|| path.to_owned());
        Ok(Dir {
            held,
            path: path.to_owned(),
            reached,
        })
    }

    /// It may have been made by somebody else, or under a strange umask.
    fn make_private(&self) -> io::Result<()> {
        use std::os::unix::fs::PermissionsExt;
        let mode = again(|| self.held.metadata())?.permissions().mode();
        if mode & 0o777 != 0o700 {
            self.held
                .set_permissions(fs::Permissions::from_mode(0o700))?;
        }
        Ok(())
    }

    fn is_there(&self) -> bool {
        let there = again(|| self.path.symlink_metadata());
        match (there, again(|| self.held.metadata())) {
            (Ok(there), Ok(held)) => is_same(&there, &held),
            _ => false,
        }
    }
}

/// Linux gives everything that a process has open a path.
#[cfg(unix)]
fn through(held: &File) -> Option<PathBuf> {
    use std::os::fd::AsRawFd;
    if !cfg!(target_os = "linux") {
        return None;
    }
    let path = PathBuf::from(format!("/proc/self/fd/{}", held.as_raw_fd()));
    let there = again(|| path.metadata()).ok()?;
    let is_it = is_same(&there, &again(|| held.metadata()).ok()?);
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
    pub(crate) fn open(path: &Path) -> io::Result<Dir> {
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

/// Does once more what a signal has interrupted; not every system does so by itself, nor does the
/// standard library for every call.
pub(super) fn again<T>(mut act: impl FnMut() -> io::Result<T>) -> io::Result<T> {
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
    fn what_was_interrupted_is_done_again() {
        let mut left = 3;
        let done = again(|| {
            left -= 1;
            if left > 0 {
                return Err(io::ErrorKind::Interrupted.into());
            }
            Ok("done")
        });
        assert_eq!(done.unwrap(), "done");
        assert_eq!(left, 0);
        let failed: io::Result<()> = again(|| Err(io::ErrorKind::StorageFull.into()));
        assert_eq!(failed.unwrap_err().kind(), io::ErrorKind::StorageFull);
    }
}
