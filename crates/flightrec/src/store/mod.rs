//! The directory of dumps: written atomically, read by nobody else, never full.

mod dir;
mod file;
mod limit;
mod name;
mod retention;

use std::io;
use std::path::{Path, PathBuf};

use etcetera::BaseStrategy;

use crate::dump::Dump;

pub(crate) use dir::Dir;
#[cfg(feature = "crash-safe")]
pub(crate) use file::is_abandoned;
#[cfg(unix)]
pub(crate) use limit::max_file_bytes;
pub(crate) use retention::Retention;

#[derive(Clone)]
pub(crate) struct Store {
    dir: Option<PathBuf>,
    retention: Retention,
}

impl Store {
    /// The given directory, or that of the program in the platform's state directory.
    pub(crate) fn new(app: &str, dir: Option<PathBuf>, retention: Retention) -> Store {
        Store {
            dir: dir.or_else(|| default_dir(app)),
            retention,
        }
    }

    /// Where dumps are, if there is such a place.
    #[cfg(feature = "crash-safe")]
    pub(crate) fn path(&self) -> Option<&Path> {
        self.dir.as_deref()
    }

    pub(crate) fn dir(&self) -> &Path {
        self.dir
            .as_deref()
            .unwrap_or(Path::new("(no home directory)"))
    }

    /// Writes the dump to a new file and returns its path.
    ///
    /// The file gets its name only when it is whole and on the disk.
    pub(crate) fn write(&self, dump: &Dump) -> io::Result<PathBuf> {
        let Some(path) = &self.dir else {
            return Err(io::Error::new(
                io::ErrorKind::NotFound,
                "there is no home directory",
            ));
        };
        let dir = Dir::make(path)?;
        let name = name::of(dump, newest(&dir).as_deref());
        file::write(&dir, &name, |file| dump.write(file))?;
        // The dump is there; that old ones could not be removed is no failure of it.
        let _ = self.retention.apply(&dir, &name);
        Ok(dir.shown(name.as_ref()))
    }

    /// Removes what processes left that were killed while they wrote a dump.
    pub(crate) fn clear_up(&self) {
        let Some(Ok(dir)) = self.dir.as_deref().map(Dir::open) else {
            return;
        };
        for name in dir.names().unwrap_or_default() {
            if file::is_orphan(&dir, name.as_ref()) {
                let _ = dir.remove(name.as_ref());
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
    // Windows knows no state directory; its cache directory is the local one.
    let state = base.state_dir().unwrap_or_else(|| base.cache_dir());
    Some(state.join(name::component(app)).join("flightrec"))
}
