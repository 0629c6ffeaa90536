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
//!   replaces another dump. A temporary file of a process that was killed is removed later; file locks tell
//!   whether its process still runs.
//! - **Private.** The directory has mode 0700 and files have mode 0600, with any umask. Symbolic links of
//!   other users are not followed, and a directory that is replaced while it is in use gets no files. What
//!   root creates in another user's directory (under `sudo`) belongs to that user.
//! - **Bounded.** By default, 10 dumps and 50 MiB are kept. Dumps of failures that a newer dump repeats are
//!   removed first, then the oldest.
//!
//! The file name holds the time, the kind of failure, the process id and a number:
//! `20261123T003015.123456Z-error-4711-0.json`. Sorted by name, dumps are sorted by age, even if the clock
//! was put back.
//!
//! On systems without file locks or hard links the store does what it can: abandoned temporary files stay,
//! and a name is checked before the file is renamed.

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

/// The directory of one program's dumps, and those where they go if it can't be written to.
#[derive(Clone, Debug)]
pub struct Store {
    /// In the order in which they are tried.
    dirs: Vec<PathBuf>,
    /// The last of them. Other users can write to its parent.
    temporary: Option<PathBuf>,
    retention: Retention,
}

/// Where a dump was written.
#[derive(Debug)]
#[non_exhaustive]
pub struct Written {
    /// The file.
    pub path: PathBuf,
    /// The preferred directory and why it could not be written to, if the file is in another one.
    pub instead_of: Option<(PathBuf, io::Error)>,
}

impl Store {
    /// Dumps of the program `app` go to `dir`, or by default to `<app>/flightrec` in
    /// [`state_dir`]. If that can't be written to, they go to `$STATE_DIRECTORY/flightrec` (of a
    /// systemd service), or else to a private directory below the one for temporary files.
    ///
    /// Nothing is created before the first dump. Characters of `app` that don't belong in a file
    /// name are replaced.
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

    /// The directories in the order in which they are tried.
    #[must_use]
    pub fn dirs(&self) -> &[PathBuf] {
        &self.dirs
    }

    /// The directories in words, for an error message.
    #[must_use]
    pub fn describe(&self) -> String {
        let dirs: Vec<_> = self
            .dirs
            .iter()
            .map(|dir| dir.display().to_string())
            .collect();
        dirs.join(" or ")
    }

    /// Writes the dump to a new file, then removes old dumps by the rule of [`Retention`].
    ///
    /// The file gets its name when it is complete and on the disk.
    ///
    /// # Errors
    ///
    /// Returns the error of the preferred directory if no directory can be written to.
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
        let dir = self.make_dir(dir)?;
        let name = name::of(dump, newest(&dir).as_deref());
        atomic::write(&dir, &name, dump)?;
        // The dump is there. That old ones could not be removed does not make it fail.
        let _ = self.retention.apply(&dir, &name);
        Ok(dir.shown(name.as_ref()))
    }

    /// Opens one of [`dirs`](Store::dirs), and creates it if it is missing.
    ///
    /// # Errors
    ///
    /// Returns the errors of creating and opening it. Fails if another user has made the directory
    /// below the one for temporary files.
    pub fn make_dir(&self, path: &Path) -> io::Result<Dir> {
        let dir = Dir::make(path)?;
        if self.temporary.as_deref() == Some(path) && !dir.is_own() {
            let message = "another user has made that directory";
            return Err(io::Error::new(io::ErrorKind::PermissionDenied, message));
        }
        Ok(dir)
    }

    /// Replaces a dump that [`write`](Store::write) has written.
    ///
    /// # Errors
    ///
    /// Returns the errors of writing the new file and of renaming it. The old one is then still
    /// there.
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
    /// [`write`](Store::write) does it, too.
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

/// The name of the newest dump.
fn newest(dir: &Dir) -> Option<String> {
    let names = dir.names().ok()?.into_iter();
    names.filter(|name| is_dump_name(name)).max()
}

/// The directory below which programs keep their state: `$XDG_STATE_HOME` or `~/.local/state` on
/// Linux and macOS, `%LOCALAPPDATA%` on Windows. `None` if there is no home directory. Variables that
/// hold no absolute path are ignored.
#[must_use]
pub fn state_dir() -> Option<PathBuf> {
    #[cfg(windows)]
    {
        // Windows has no state directory; its cache directory is the local one.
        Some(etcetera::choose_base_strategy().ok()?.cache_dir())
    }
    #[cfg(not(windows))]
    {
        // The XDG specification says so for its variable. A relative home would be below whatever
        // directory the program is in.
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

/// A directory of this user below the one for temporary files.
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
