//! The directory of dumps: written atomically, readable by its owner only, bounded in size.

mod dir;
mod file;
mod limit;
mod name;
mod retention;

use std::env;
use std::io;
use std::path::{Path, PathBuf};

use etcetera::BaseStrategy;
use flightrec_dump::Dump;

pub(crate) use dir::Dir;
#[cfg(feature = "crash-safe")]
pub(crate) use file::is_abandoned;
#[cfg(unix)]
pub(crate) use limit::max_file_bytes;
pub(crate) use retention::Retention;

#[derive(Clone)]
pub(crate) struct Store {
    /// The directory, and those where dumps go if it can't be written to.
    dirs: Vec<PathBuf>,
    /// The last of them. Other users can write to the directory that it is in.
    temporary: Option<PathBuf>,
    retention: Retention,
}

/// Where a dump was written.
pub(crate) struct Written {
    pub(crate) path: PathBuf,
    /// The directory that should have been written to, and why it was not.
    pub(crate) instead_of: Option<(PathBuf, io::Error)>,
}

impl Store {
    /// The given directory, or that of the program in the platform's state directory.
    pub(crate) fn new(app: &str, dir: Option<PathBuf>, retention: Retention) -> Store {
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

    /// The directories, the preferred one first.
    #[cfg(feature = "crash-safe")]
    pub(crate) fn dirs(&self) -> &[PathBuf] {
        &self.dirs
    }

    /// The directory in words, for an error message.
    pub(crate) fn describe(&self) -> String {
        let dirs: Vec<_> = self
            .dirs
            .iter()
            .map(|dir| dir.display().to_string())
            .collect();
        dirs.join(" or ")
    }

    /// Writes the dump to a new file.
    ///
    /// The file gets its name when it is complete and on the disk.
    pub(crate) fn write(&self, dump: &Dump) -> io::Result<Written> {
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
        file::write(&dir, &name, dump)?;
        // The dump is there. That old ones could not be removed does not make it fail.
        let _ = self.retention.apply(&dir, &name);
        Ok(dir.shown(name.as_ref()))
    }

    /// Makes one of the directories if it is missing, and opens it.
    pub(crate) fn make_dir(&self, path: &Path) -> io::Result<Dir> {
        let dir = Dir::make(path)?;
        if self.temporary.as_deref() == Some(path) && !dir.is_own() {
            let message = "another user has made that directory";
            return Err(io::Error::new(io::ErrorKind::PermissionDenied, message));
        }
        Ok(dir)
    }

    /// Replaces a dump that [`write`](Store::write) has written.
    pub(crate) fn replace(&self, path: &Path, dump: &Dump) -> io::Result<()> {
        let (Some(dir), Some(name)) = (
            path.parent(),
            path.file_name().and_then(|name| name.to_str()),
        ) else {
            return Err(io::ErrorKind::InvalidInput.into());
        };
        file::replace(&Dir::open(dir)?, name, dump)
    }

    /// Removes what processes left that were killed while they wrote a dump.
    pub(crate) fn remove_orphans(&self) {
        for dir in self.dirs.iter().filter_map(|dir| Dir::open(dir).ok()) {
            for name in dir.names().unwrap_or_default() {
                if file::is_orphan(&dir, name.as_ref()) {
                    let _ = dir.remove(name.as_ref());
                }
            }
        }
    }
}

/// The name of the newest dump.
fn newest(dir: &Dir) -> Option<String> {
    let names = dir.names().ok()?.into_iter();
    names.filter(|name| name::is_dump(name)).max()
}

/// `$XDG_STATE_HOME/<app>/flightrec` on Linux and macOS, `%LOCALAPPDATA%` on Windows.
fn default_dir(app: &str) -> Option<PathBuf> {
    let base = etcetera::choose_base_strategy().ok()?;
    // Windows has no state directory; its cache directory is the local one.
    let state = base.state_dir().unwrap_or_else(|| base.cache_dir());
    Some(state.join(app).join("flightrec"))
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
    Some(env::temp_dir().join(format!("flightrec-{user}-{app}")))
}
