//! The directory of dumps: written atomically, read by nobody else, never full.

mod file;
mod name;
mod retention;

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use etcetera::BaseStrategy;

use crate::dump::Dump;

#[cfg(feature = "crash-safe")]
pub(crate) use file::create_private as create_private_file;
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
        let Some(dir) = &self.dir else {
            return Err(io::Error::new(
                io::ErrorKind::NotFound,
                "there is no home directory",
            ));
        };
        create_private_dir(dir)?;
        let path = file::write(dir, &name::of(dump), |file| dump.write_to(file))?;
        // The dump is there; that old ones could not be removed is no failure of it.
        let _ = self.retention.apply(dir, &path);
        Ok(path)
    }
}

/// `$XDG_STATE_HOME/<app>/flightrec` on Linux and macOS, `%LOCALAPPDATA%` on Windows.
fn default_dir(app: &str) -> Option<PathBuf> {
    let base = etcetera::choose_base_strategy().ok()?;
    // Windows knows no state directory; its cache directory is the local one.
    let state = base.state_dir().unwrap_or_else(|| base.cache_dir());
    Some(state.join(name::component(app)).join("flightrec"))
}

/// Makes the directory if it is not there, for its owner alone.
pub(crate) fn create_private_dir(dir: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(dir)?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        // It may have been made by somebody else, or under a strange umask.
        let mode = fs::metadata(dir)?.permissions().mode();
        if mode & 0o777 != 0o700 {
            fs::set_permissions(dir, fs::Permissions::from_mode(0o700))?;
        }
    }
    Ok(())
}
