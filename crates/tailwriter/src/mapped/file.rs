//! Creates, locks, claims and removes the file. It gets its final name only when it is locked and has
//! its header, and it stays locked for as long as its owner lives.
//!
//! On Windows, a lock would keep other processes from reading the file. There, the share mode of the
//! owner's handle serves as the lock: no other process can open the file for writing.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::hash::{BuildHasher, RandomState};
use std::io::{self, Write};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::process;
use std::time::SystemTime;

use super::header::{Header, Unreadable};

/// 128 bits that no other file has. The standard library seeds its hashers from the system.
pub(crate) fn random_id() -> [u64; 2] {
    [0, 1].map(|half: u64| RandomState::new().hash_one((half, process::id(), SystemTime::now())))
}

/// The id of this boot of the machine, on Linux.
pub(crate) fn boot_id() -> Option<[u64; 2]> {
    if !cfg!(target_os = "linux") {
        return None;
    }
    let text = fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()?;
    let digits: String = text.chars().filter(char::is_ascii_hexdigit).collect();
    let id = u128::from_str_radix(&digits, 16).ok()?;
    Some([(id >> 64) as u64, id as u64])
}

/// A file that was created, and opened twice.
pub(crate) struct Created {
    /// The lock is held as long as this is open, here or in a forked child.
    pub(crate) locked: File,
    /// The handle to map. A mapping keeps its file open, in a forked child as well, so it must not be
    /// made from the locked handle.
    pub(crate) to_map: File,
    pub(crate) path: PathBuf,
}

/// Creates the file at `path`, with `header` followed by zeros, and locks it.
///
/// It has its full length, and the first `reserved` bytes have their space on the disk. It is created
/// under another name and renamed when it is locked, so that a process that finds it at `path` finds
/// it with its header, and its owner alive.
pub(crate) fn create(path: &Path, header: &Header, reserved: &[Range<u64>]) -> io::Result<Created> {
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
    let [high, low] = header.file_id;
    let mut draft_name = std::ffi::OsString::from(".");
    draft_name.push(name);
    draft_name.push(format!(".{high:016x}{low:016x}.new"));
    let draft = dir.join(draft_name);
    let mut options = owner_options();
    options.write(true);
    let open_new = || open(options.clone().create_new(true), &draft);
    let locked = match open_new() {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            make_dir(dir).map_err(|error| explain("cannot make the directory of", error))?;
            open_new()
        }
        opened => opened,
    };
    let locked = locked.map_err(|error| explain("cannot make", error))?;
    let made = fill(&locked, header, reserved)
        .map_err(|error| explain("cannot reserve space for", error))
        .and_then(|()| {
            let to_map = open_to_map(&locked, &mut options, &draft)
                .map_err(|error| explain("cannot open", error))?;
            rename_new(&draft, &path).map_err(|error| explain("cannot give its name to", error))?;
            Ok(to_map)
        });
    match made {
        Ok(to_map) if is_same(&to_map.metadata()?, &locked.metadata()?) => Ok(Created {
            locked,
            to_map,
            path,
        }),
        Ok(_) => {
            let error = io::Error::other("another process replaced it");
            Err(explain("cannot make", error))
        }
        Err(error) => {
            // The first error is the one to report.
            let _ = fs::remove_file(&draft);
            Err(error)
        }
    }
}

fn fill(mut file: &File, header: &Header, reserved: &[Range<u64>]) -> io::Result<()> {
    lock(file)?;
    set_len(file, header.file_bytes())?;
    for range in reserved {
        reserve(file, range.clone())?;
    }
    let words = header.encode();
    let bytes: Vec<u8> = words.iter().flat_map(|word| word.to_ne_bytes()).collect();
    file.write_all(&bytes)
}

/// Opens a file for reading. It does not follow a symbolic link, and does not block on a pipe without
/// a writer.
pub(crate) fn open_to_read(path: &Path) -> io::Result<File> {
    regular(open(OpenOptions::new().read(true), path)?)
}

fn regular(file: File) -> io::Result<File> {
    if file.metadata()?.is_file() {
        Ok(file)
    } else {
        Err(Unreadable::NotARing.because("it is not a regular file"))
    }
}

/// Removes the file from its path. Does nothing if there is no file, or another file.
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

/// Whether the file is still the one at the path.
pub(crate) fn is_at(file: &File, path: &Path) -> io::Result<bool> {
    match fs::symlink_metadata(path) {
        Ok(there) => Ok(is_same(&there, &file.metadata()?)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

/// Waits until the space and the name of the file are on the disk.
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
        // This must not look like a ring file that exists already.
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

#[cfg(windows)]
fn open(options: &mut OpenOptions, path: &Path) -> io::Result<File> {
    use std::os::windows::fs::OpenOptionsExt;
    const FILE_FLAG_OPEN_REPARSE_POINT: u32 = 0x0020_0000;
    options
        .custom_flags(FILE_FLAG_OPEN_REPARSE_POINT)
        .open(path)
}

#[cfg(not(any(target_os = "linux", target_os = "macos", windows)))]
fn open(options: &mut OpenOptions, path: &Path) -> io::Result<File> {
    options.open(path)
}

/// The options to open a file for writing, or to claim it.
fn owner_options() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.read(true).write(cfg!(windows));
    #[cfg(windows)]
    {
        use std::os::windows::fs::OpenOptionsExt;
        const FILE_SHARE_READ: u32 = 1;
        const FILE_SHARE_DELETE: u32 = 4;
        options.share_mode(FILE_SHARE_READ | FILE_SHARE_DELETE);
    }
    options
}

/// Opens a file for reading and locks it. Returns `None` if another process holds its lock.
pub(crate) fn open_to_claim(path: &Path) -> io::Result<Option<File>> {
    let file = match open(&mut owner_options(), path) {
        Err(error) if is_sharing_violation(&error) => return Ok(None),
        opened => regular(opened?)?,
    };
    match lock(&file) {
        Ok(()) => Ok(Some(file)),
        Err(TryLockError::WouldBlock) => Ok(None),
        Err(TryLockError::Error(error)) => Err(error),
    }
}

/// Locks a file that was opened with [`owner_options`].
fn lock(file: &File) -> Result<(), TryLockError> {
    if cfg!(windows) {
        return Ok(());
    }
    file.try_lock()
}

/// Whether a process holds the lock on a file, and so is alive.
pub(crate) fn is_locked(file: &File, path: &Path) -> io::Result<bool> {
    if cfg!(windows) {
        return match OpenOptions::new().write(true).open(path) {
            Ok(_) => Ok(false),
            Err(error) if is_sharing_violation(&error) => Ok(true),
            Err(error) => Err(error),
        };
    }
    match file.try_lock_shared() {
        Ok(()) => file.unlock().map(|()| false),
        Err(TryLockError::WouldBlock) => Ok(true),
        Err(TryLockError::Error(error)) => Err(error),
    }
}

fn is_sharing_violation(error: &io::Error) -> bool {
    const ERROR_SHARING_VIOLATION: i32 = 32;
    cfg!(windows) && error.raw_os_error() == Some(ERROR_SHARING_VIOLATION)
}

#[cfg(not(windows))]
fn open_to_map(_: &File, options: &mut OpenOptions, path: &Path) -> io::Result<File> {
    open(options, path)
}

/// On Windows the owner itself can't open the file again, and there are no forked children.
#[cfg(windows)]
fn open_to_map(locked: &File, _: &mut OpenOptions, _: &Path) -> io::Result<File> {
    locked.try_clone()
}

/// Sets the length of a new file. Its bytes are zeros and take no space on the disk yet.
#[cfg(any(target_os = "linux", target_os = "macos"))]
fn set_len(file: &File, bytes: u64) -> io::Result<()> {
    use rustix::io::Errno;
    use rustix::process::{Resource, getrlimit};
    // Past this limit (`ulimit -f`) the system ends the process by SIGXFSZ.
    match getrlimit(Resource::Fsize).current {
        Some(most) if bytes > most => Err(Errno::FBIG.into()),
        _ => file.set_len(bytes),
    }
}

/// How often `fallocate` is called again because of a signal.
#[cfg(any(target_os = "linux", target_os = "macos"))]
const MAX_INTERRUPTIONS: usize = 100;

/// Reserves space on the disk for a range, so that writing to its mapping never fails.
///
/// The range must be within the file, and must not have been written to.
#[cfg(any(target_os = "linux", target_os = "macos"))]
pub(crate) fn reserve(file: &File, range: Range<u64>) -> io::Result<()> {
    use rustix::fs::{FallocateFlags, fallocate};
    use rustix::io::Errno;
    let bytes = range.end - range.start;
    #[cfg(test)]
    if crate::testing::DISK_IS_FULL.get() {
        return Err(Errno::NOSPC.into());
    }
    let mut tries = 0;
    let reserved = loop {
        match fallocate(file, FallocateFlags::empty(), range.start, bytes) {
            // A signal arrived.
            Err(Errno::INTR) if tries < MAX_INTERRUPTIONS => tries += 1,
            reserved => break reserved,
        }
    };
    match reserved {
        // The file system can't reserve space; writing zeros allocates it.
        Err(Errno::OPNOTSUPP | Errno::NOSYS | Errno::INVAL) => write_zeros(file, range),
        result => Ok(result?),
    }
}

#[cfg(any(target_os = "linux", target_os = "macos"))]
fn write_zeros(file: &File, range: Range<u64>) -> io::Result<()> {
    use std::os::unix::fs::FileExt;
    const ZEROS: [u8; 4096] = [0; 4096];
    let mut at = range.start;
    while at < range.end {
        let bytes = (range.end - at).min(ZEROS.len() as u64);
        file.write_all_at(&ZEROS[..bytes as usize], at)?;
        at += bytes;
    }
    Ok(())
}

#[cfg(not(any(target_os = "linux", target_os = "macos")))]
fn set_len(file: &File, bytes: u64) -> io::Result<()> {
    file.set_len(bytes)
}

#[cfg(not(any(target_os = "linux", target_os = "macos")))]
pub(crate) fn reserve(_: &File, _: Range<u64>) -> io::Result<()> {
    Ok(())
}

/// Renames a file, unless a file with the new name exists.
#[cfg(any(target_os = "linux", target_os = "macos"))]
fn rename_new(from: &Path, to: &Path) -> io::Result<()> {
    use rustix::fs::{CWD, RenameFlags, renameat_with};
    use rustix::io::Errno;
    match renameat_with(CWD, from, CWD, to, RenameFlags::NOREPLACE) {
        // The file system can't do this. `hard_link` never replaces a file.
        Err(Errno::INVAL | Errno::NOSYS | Errno::OPNOTSUPP) => {
            fs::hard_link(from, to)?;
            fs::remove_file(from)
        }
        result => Ok(result?),
    }
}

#[cfg(windows)]
#[allow(unsafe_code)]
fn rename_new(from: &Path, to: &Path) -> io::Result<()> {
    use std::os::windows::ffi::OsStrExt;
    #[link(name = "kernel32")]
    unsafe extern "system" {
        fn MoveFileExW(from: *const u16, to: *const u16, flags: u32) -> i32;
    }
    let wide = |path: &Path| -> Vec<u16> { path.as_os_str().encode_wide().chain([0]).collect() };
    let (from, to) = (wide(from), wide(to));
    // SAFETY: both strings end with a zero and live during the call. Without flags, the call replaces
    // no file.
    match unsafe { MoveFileExW(from.as_ptr(), to.as_ptr(), 0) } {
        0 => Err(io::Error::last_os_error()),
        _ => Ok(()),
    }
}

#[cfg(not(any(target_os = "linux", target_os = "macos", windows)))]
fn rename_new(from: &Path, to: &Path) -> io::Result<()> {
    fs::rename(from, to)
}
