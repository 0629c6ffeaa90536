//! Global state: the program's logger and `log::max_level`.
//!
//! [`Tee::install`] makes a tee the program's logger. It sets `log::max_level` to the most verbose level
//! that a sink wants. [`Handle::set`](crate::Handle::set) and [`reconfigured`] update it later.
//!
//! To set levels at run time, use [`adjustable`](crate::adjustable) filters instead of
//! `log::set_max_level`. The latter limits all sinks, even one that keeps DEBUG records for a bug
//! report. [`max_level_override`] tells whether a program has called it.

use std::error::Error;
use std::fmt;
use std::sync::OnceLock;

use log::{LevelFilter, Log, Metadata, Record};

use crate::max_level;
use crate::tee::Tee;

pub use crate::max_level::{max_level_override, reconfigured};

static INSTALLED: Installed = Installed(OnceLock::new());

/// The logger that is passed to `log`. The tee is stored in it only after that succeeded, so that the
/// tee is not lost if there is another logger.
struct Installed(OnceLock<Tee>);

impl Log for Installed {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        self.0.get().is_some_and(|tee| tee.enabled(metadata))
    }

    #[inline]
    fn log(&self, record: &Record<'_>) {
        if let Some(tee) = self.0.get() {
            tee.log(record);
        }
    }

    fn flush(&self) {
        if let Some(tee) = self.0.get() {
            Log::flush(tee);
        }
    }
}

/// The tee that is the program's logger, if [`Tee::install`] was called.
pub fn installed() -> Option<&'static Tee> {
    INSTALLED.0.get()
}

impl Tee {
    /// Makes this tee the program's logger, and sets `log::max_level` to the most verbose level that
    /// its sinks want.
    ///
    /// # Errors
    ///
    /// Fails if the program has a logger already. A process can have only one, and can't replace it.
    pub fn install(self) -> Result<(), InstallError> {
        log::set_logger(&INSTALLED).map_err(|_| InstallError {
            other_tee: installed().is_some(),
        })?;
        // Only one call gets here, so the cell is empty. `log::max_level` is still off.
        let _ = INSTALLED.0.set(self);
        max_level::set_max_level_by(|| installed().map_or(LevelFilter::Off, Tee::max_level));
        Ok(())
    }
}

/// Makes a guard that flushes the installed tee when it is dropped, for instance at the end of
/// `main`. The program's logger itself is never dropped.
///
/// # Examples
///
/// ```
/// let _flush = logtee::global::flush_on_drop();
/// // … the program …
/// ```
pub fn flush_on_drop() -> FlushGuard {
    FlushGuard(())
}

/// Flushes the installed tee when dropped; made by [`flush_on_drop`].
#[must_use = "the tee is flushed when the guard is dropped"]
#[derive(Debug)]
pub struct FlushGuard(());

impl Drop for FlushGuard {
    fn drop(&mut self) {
        if let Some(tee) = installed() {
            Log::flush(tee);
        }
    }
}

/// The tee could not be installed, because the program has a logger already.
///
/// Its `Debug` shows the same message as its `Display`, so that `expect` says what to do.
pub struct InstallError {
    other_tee: bool,
}

impl fmt::Display for InstallError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(if self.other_tee {
            "cannot install the tee: another Tee is this process's logger already, and `log` \
             allows only one; install once, at the start of `main`, and add all sinks to that Tee"
        } else {
            "cannot install the tee: this process has a logger already, which is not a Tee, and \
             `log` allows only one; look for a call such as `env_logger::init()` or \
             `log::set_logger`, remove it, and pass that logger to the Tee as a sink"
        })
    }
}

impl fmt::Debug for InstallError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "InstallError({:?})", self.to_string())
    }
}

impl Error for InstallError {}
