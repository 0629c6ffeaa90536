//! The file itself: made in private, locked for as long as its owner lives, found whole or not at all.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use super::header::Header;

/// A file that was made: opened twice.
pub(crate) struct Made {
    /// Locked as long as this is open, here or in a forked child.
    pub(crate) locked: File,
    /// To be mapped. A mapping keeps the file open that it was made from, and so the lock, in a
    /// forked child as well, which has no way to let go of it.
    pub(crate) to_map: File,
    pub(crate) path: PathBuf,
}

/// Makes the file at `path` with `header` at its beginning and zeros behind it, and locks it.
///
/// It is made under another name and gets its own when it is locked, so that whoever finds it there
/// finds it with its header, and its owner alive.
pub(crate) fn create(path: &Path, header: &Header) -> io::Result<Made> {
    let explain = |what: &str, error: io::Error| {
        let path = path.display();
        io::Error::new(
            error.kind(),
            format!("{what} the ring file {path}: {error}"),
        )
    };
    let path =
        std::path::absolute(path).map_err(|error| explain("cannot find a place for", error))?;
    let (Some(dir), Some(name)) = (path.parent(), path.file_name()) else {
        let error = io::Error::new(io::ErrorKind::InvalidInput, "it has no file name");
        return Err(explain("cannot make", error));
    };
    make_dir(dir).map_err(|error| explain("cannot make the directory of", error))?;
    let [high, low] = header.file_id;
    let mut draft_name = std::ffi::OsString::from(".");
    draft_name.push(name);
    draft_name.push(format!(".{high:016x}{low:016x}.new"));
    let draft = dir.join(draft_name);
    let mut options = OpenOptions::new();
    options.read(true).write(true);
    let locked = open(options.clone().create_new(true), &draft)
        .map_err(|error| explain("cannot make", error))?;
    let made = fill(&locked, header)
        .map_err(|error| explain("cannot reserve space for", error))
        .and_then(|()| {
            let to_map =
                open(&mut options, &draft).map_err(|error| explain("cannot open", error))?;
            rename_new(&draft, &path).map_err(|error| explain("cannot give its name to", error))?;
            Ok(to_map)
        });
    match made {
        Ok(to_map) if is_same(&to_map.metadata()?, &locked.metadata()?) => Ok(Made {
            locked,
            to_map,
            path,
        }),
        Ok(_) => {
            let error = io::Error::other("somebody replaced it meanwhile");
            Err(explain("cannot make", error))
        }
        Err(error) => {
            // The error that matters is the first one.
            let _ = fs::remove_file(&draft);
            Err(error)
        }
    }
}

fn fill(mut file: &File, header: &Header) -> io::Result<()> {
    file.try_lock()?;
    reserve(file, header.file_bytes())?;
    let words = header.encode();
    let bytes: Vec<u8> = words.iter().flat_map(|word| word.to_ne_bytes()).collect();
    file.write_all(&bytes)
}

/// Opens a file to read it, whatever somebody put in its place: no link is followed, and a pipe
/// without a writer is not waited for.
pub(crate) fn open_to_read(path: &Path) -> io::Result<File> {
    let file = open(OpenOptions::new().read(true), path)?;
    if file.metadata()?.is_file() {
        Ok(file)
    } else {
        Err(super::header::invalid("it is not a regular file"))
    }
}

/// Whether somebody holds the lock on a file, and so lives.
pub(crate) fn is_locked(file: &File) -> io::Result<bool> {
    match file.try_lock_shared() {
        Ok(()) => file.unlock().map(|()| false),
        Err(TryLockError::WouldBlock) => Ok(true),
        Err(TryLockError::Error(error)) => Err(error),
    }
}

/// Removes the file from its path, unless there is no file there or another one.
pub(crate) fn remove(file: &File, path: &Path) -> io::Result<()> {
    let result = match fs::symlink_metadata(path) {
        Ok(there) if is_same(&there, &file.metadata()?) => fs::remove_file(path),
        Ok(_) => Ok(()),
        Err(error) => Err(error),
    };
    match result {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        result => result,
    }
}

/// Whether the file is still what is found at the path.
pub(crate) fn is_at(file: &File, path: &Path) -> io::Result<bool> {
    match fs::symlink_metadata(path) {
        Ok(there) => Ok(is_same(&there, &file.metadata()?)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

/// Waits until the file has its space and its name on the disk, too.
pub(crate) fn sync(file: &File, path: &Path) -> io::Result<()> {
    file.sync_all()?;
    match path.parent() {
        Some(dir) if cfg!(unix) => File::open(dir)?.sync_all(),
        _ => Ok(()),
    }
}

#[cfg(unix)]
fn is_same(one: &fs::Metadata, other: &fs::Metadata) -> bool {
    use std::os::unix::fs::MetadataExt;
    (one.dev(), one.ino()) == (other.dev(), other.ino())
}

#[cfg(not(unix))]
fn is_same(_: &fs::Metadata, _: &fs::Metadata) -> bool {
    true
}

fn make_dir(dir: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::DirBuilderExt;
        builder.mode(0o700);
    }
    builder.create(dir).map_err(|error| match error.kind() {
        // Not to be taken for a ring file that is there already.
        io::ErrorKind::AlreadyExists => {
            io::Error::new(io::ErrorKind::NotADirectory, "it is a file itself")
        }
        _ => error,
    })
}

#[cfg(any(target_os = "linux", target_os = "macos"))]
fn open(options: &mut OpenOptions, path: &Path) -> io::Result<File> {
    use rustix::fs::OFlags;
    use std::os::unix::fs::OpenOptionsExt;
    let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK;
    options
        .mode(0o600)
        .custom_flags(flags.bits() as i32)
        .open(path)
}

#[cfg(not(any(target_os = "linux", target_os = "macos")))]
fn open(options: &mut OpenOptions, path: &Path) -> io::Result<File> {
    options.open(path)
}

/// Takes the space for the whole file now, so that a full disk is an error and no signal later.
#[cfg(any(target_os = "linux", target_os = "macos"))]
fn reserve(file: &File, bytes: u64) -> io::Result<()> {
    use rustix::fs::{FallocateFlags, fallocate};
    use rustix::io::Errno;
    use rustix::process::{Resource, getrlimit};
    // Past this limit (`ulimit -f`) the system ends the process by SIGXFSZ.
    if getrlimit(Resource::Fsize)
        .current
        .is_some_and(|most| bytes > most)
    {
        return Err(Errno::FBIG.into());
    }
    match fallocate(file, FallocateFlags::empty(), 0, bytes) {
        Ok(()) => file.set_len(bytes),
        // A file system that knows no reservation: what is written has its space.
        Err(Errno::OPNOTSUPP | Errno::NOSYS | Errno::INVAL) => write_zeros(file, bytes),
        Err(error) => Err(error.into()),
    }
}

#[cfg(any(target_os = "linux", target_os = "macos"))]
fn write_zeros(mut file: &File, bytes: u64) -> io::Result<()> {
    io::copy(&mut io::Read::take(io::repeat(0), bytes), &mut file)?;
    io::Seek::rewind(&mut file)
}

#[cfg(not(any(target_os = "linux", target_os = "macos")))]
fn reserve(file: &File, bytes: u64) -> io::Result<()> {
    file.set_len(bytes)
}

/// Renames a file, unless there is one of the new name.
#[cfg(any(target_os = "linux", target_os = "macos"))]
fn rename_new(from: &Path, to: &Path) -> io::Result<()> {
    use rustix::fs::{CWD, RenameFlags, renameat_with};
    use rustix::io::Errno;
    match renameat_with(CWD, from, CWD, to, RenameFlags::NOREPLACE) {
        // A file system that cannot: a second link is never made over another file.
        Err(Errno::INVAL | Errno::NOSYS | Errno::OPNOTSUPP) => {
            fs::hard_link(from, to)?;
            fs::remove_file(from)
        }
        result => Ok(result?),
    }
}

#[cfg(not(any(target_os = "linux", target_os = "macos")))]
fn rename_new(from: &Path, to: &Path) -> io::Result<()> {
    fs::rename(from, to)
}
