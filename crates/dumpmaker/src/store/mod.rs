//! The directory of a program's dumps: private files, written atomically, bounded in number and size.
//!
//! ```
//! use dumpmaker::store::{Retention, Store};
//! use flightrec_dump::{Dump, SCHEMA};
//!
//! # let dir = tempfile::tempdir().unwrap();
//! # let dir = Some(dir.path().join("my-tool/flightrec"));
//! let store = Store::new("my-tool", dir, Retention::default());
//! let mut dump = Dump::default();
//! dump.schema = SCHEMA.to_owned();
//! dump.app = "my-tool".to_owned();
//! let written = store.write(&dump)?;
//! assert!(written.path.is_file());
//! # Ok::<(), std::io::Error>(())
//! ```
//!
//! - **Atomic.** A dump is written to a temporary file, synced, and hard-linked to its name. It never
//!   replaces another dump. The temporary file of a killed process is removed later: file locks show
//!   whether a process still writes it.
//! - **Private.** On Unix, the directory has mode 0700 and files have mode 0600. A symbolic link in
//!   place of the directory is followed only if it belongs to the user. If another directory takes its
//!   place while it is in use, no files are written there. Files that root creates in another user's
//!   directory (under `sudo`) get the owner of that directory.
//! - **Bounded.** By default, 10 dumps and 50 MiB are kept. Dumps with the same fingerprint as a newer
//!   dump are removed first, then the oldest.
//!
//! A file name contains the time, the kind of failure, the process id and a number:
//! `20261123T003015.123456Z-error-4711-0.json`. The order by name is the order by age, even if the clock
//! was set back.
//!
//! Without file locks, abandoned temporary files are not removed. Without hard links, the file is renamed
//! after a check that the name is free.

mod atomic;
mod dir;
mod file_size_limit;
mod name;
mod retention;
mod test_dir;

use std::env;
use std::io;
use std::path::{Path, PathBuf};

#[cfg(windows)]
use etcetera::BaseStrategy;
use flightrec_dump::Dump;

pub use dir::Dir;
pub use file_size_limit::max_file_bytes;
pub use name::{component, is_dump_name};
pub use retention::Retention;
pub use test_dir::TestDir;

/// The directory of one program's dumps, and the directories that are tried if it is not writable.
#[derive(Clone, Debug)]
pub struct Store {
    /// In the order in which they are tried.
    dirs: Vec<PathBuf>,
    /// The last directory. Other users can write to its parent.
    temporary: Option<PathBuf>,
    retention: Retention,
}

/// A dump that was written.
#[derive(Debug)]
#[non_exhaustive]
pub struct Written {
    /// The path of the file.
    pub path: PathBuf,
    /// If the file is not in the preferred directory: that directory and the error.
    pub instead_of: Option<(PathBuf, io::Error)>,
}

impl Store {
    /// Creates the store for dumps of the program `app`. Nothing is written before the first dump.
    ///
    /// Dumps go to `dir`, by default to `<app>/flightrec` in [`state_dir`]. If it is not writable, they
    /// go to `$STATE_DIRECTORY/flightrec` (of a systemd service), or else, on Linux and Windows, to a
    /// private directory in the directory for temporary files. Characters of `app` that are not allowed
    /// in file names are replaced.
    #[must_use]
    pub fn new(app: &str, dir: Option<PathBuf>, retention: Retention) -> Store {
        let app = name::component(app);
        let preferred = dir.or_else(|| default_dir(&app));
        let mut dirs: Vec<_> = preferred.into_iter().collect();
        dirs.extend(service_dir());
        let temporary = temporary_dir(&app);
        dirs.extend(temporary.clone());
        Store {
            dirs,
            temporary,
            retention,
        }
    }

    /// Returns the directories in the order in which they are tried.
    #[must_use]
    pub fn dirs(&self) -> &[PathBuf] {
        &self.dirs
    }

    /// Returns the directories as text, for error messages.
    #[must_use]
    pub fn describe(&self) -> String {
        let dirs: Vec<_> = self
            .dirs
            .iter()
            .map(|dir| dir.display().to_string())
            .collect();
        dirs.join(" or ")
    }

    /// Writes the dump to a new file, then removes old dumps; see [`Retention`].
    ///
    /// The file gets its name when it is complete and synced.
    ///
    /// # Errors
    ///
    /// If no directory is writable: returns the error of the preferred one.
    pub fn write(&self, dump: &Dump) -> io::Result<Written> {
        let mut instead_of = None;
        for dir in &self.dirs {
            match self.write_in(dir, dump) {
                Ok(path) => return Ok(Written { path, instead_of }),
                Err(error) => {
                    instead_of.get_or_insert((dir.clone(), error));
                }
            }
        }
        Err(instead_of.map_or_else(|| io::ErrorKind::NotFound.into(), |(_, error)| error))
    }

    fn write_in(&self, dir: &Path, dump: &Dump) -> io::Result<PathBuf> {
        let dir = self.open_or_create(dir)?;
        let name = name::new(dump, newest(&dir).as_deref());
        atomic::write(&dir, &name, dump)?;
        // The dump is written, even if old ones cannot be removed.
        let _ = self.retention.apply(&dir, &name);
        Ok(dir.display_path(name.as_ref()))
    }

    /// Opens one of [`dirs`](Store::dirs); creates it if it is missing.
    ///
    /// # Errors
    ///
    /// If it cannot be created or opened, or if it is the one for temporary files and belongs to another
    /// user.
    pub fn open_or_create(&self, path: &Path) -> io::Result<Dir> {
        let dir = Dir::open_or_create(path)?;
        if self.temporary.as_deref() == Some(path) && !dir.is_own() {
            let message = "the directory belongs to another user";
            return Err(io::Error::new(io::ErrorKind::PermissionDenied, message));
        }
        Ok(dir)
    }

    /// Replaces a dump that [`write`](Store::write) has written.
    ///
    /// # Errors
    ///
    /// If the new file cannot be written or renamed. The old file is then unchanged.
    pub fn replace(&self, path: &Path, dump: &Dump) -> io::Result<()> {
        let (Some(dir), Some(name)) = (
            path.parent(),
            path.file_name().and_then(|name| name.to_str()),
        ) else {
            return Err(io::ErrorKind::InvalidInput.into());
        };
        atomic::replace(&Dir::open(dir)?, name, dump)
    }

    /// Removes the temporary files of processes that were killed while they wrote a dump.
    /// [`write`](Store::write) also removes those in the directory that it writes to.
    pub fn remove_orphans(&self) {
        for dir in self.dirs.iter().filter_map(|dir| Dir::open(dir).ok()) {
            for name in dir.names().unwrap_or_default() {
                if dir.is_orphan(name.as_ref()) {
                    let _ = dir.remove(name.as_ref());
                }
            }
        }
    }
}

/// Returns the name of the newest dump.
fn newest(dir: &Dir) -> Option<String> {
    let names = dir.names().ok()?.into_iter();
    names.filter(|name| is_dump_name(name)).max()
}

/// Returns the user's directory for the state of programs: `$XDG_STATE_HOME` or `~/.local/state` on
/// Linux and macOS, `%LOCALAPPDATA%` on Windows. Variables that are not an absolute path are ignored.
/// Returns `None` if there is no home directory.
#[must_use]
pub fn state_dir() -> Option<PathBuf> {
    #[cfg(windows)]
    {
        // Windows has no state directory. `cache_dir` is `%LOCALAPPDATA%`.
        Some(etcetera::choose_base_strategy().ok()?.cache_dir())
    }
    #[cfg(not(windows))]
    {
        // The XDG specification requires this for its variable. A relative home directory would depend
        // on the current directory.
        let absolute = |dir: Option<PathBuf>| dir.filter(|dir| dir.is_absolute());
        absolute(env::var_os("XDG_STATE_HOME").map(PathBuf::from))
            .or_else(|| Some(absolute(env::home_dir())?.join(".local/state")))
    }
}

/// The directory of a program's dumps in [`state_dir`].
fn default_dir(app: &str) -> Option<PathBuf> {
    Some(state_dir()?.join(app).join("flightrec"))
}

/// The directory that systemd gives to a service with `StateDirectory=`.
fn service_dir() -> Option<PathBuf> {
    let dirs = env::var_os("STATE_DIRECTORY")?;
    let first = env::split_paths(&dirs).next()?;
    first.is_absolute().then(|| first.join("flightrec"))
}

/// A directory of this user in the directory for temporary files.
fn temporary_dir(app: &str) -> Option<PathBuf> {
    #[cfg(unix)]
    let user = dir::own_uid()?;
    #[cfg(not(unix))]
    let user = 0;
    let mut dir = env::temp_dir();
    if cfg!(unix) && !dir.is_absolute() {
        dir = PathBuf::from("/tmp");
    }
    Some(dir.join(format!("flightrec-{user}-{app}")))
}
