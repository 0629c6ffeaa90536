//! The program's logger: at most one tee, found without a detour through the heap.

use std::error::Error;
use std::fmt;
use std::sync::OnceLock;

use log::{Log, Metadata, Record};

use crate::gate;
use crate::tee::Tee;

static INSTALLED: OnceLock<Tee> = OnceLock::new();

/// What `log` holds: it stands before the tee does, so that a tee is not lost when another
/// logger was there first.
struct Global;

impl Log for Global {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        INSTALLED.get().is_some_and(|tee| tee.enabled(metadata))
    }

    #[inline]
    fn log(&self, record: &Record<'_>) {
        if let Some(tee) = INSTALLED.get() {
            tee.log(record);
        }
    }

    fn flush(&self) {
        if let Some(tee) = INSTALLED.get() {
            Log::flush(tee);
        }
    }
}

/// The tee that is the program's logger, if [`Tee::install`] made one so.
pub fn installed() -> Option<&'static Tee> {
    INSTALLED.get()
}

impl Tee {
    /// Makes this tee the program's logger, and sets `log::max_level` to what its sinks want.
    ///
    /// # Errors
    ///
    /// When the program has a logger already. `log` knows one for a whole process and keeps
    /// whoever came first.
    pub fn install(self) -> Result<(), InstallError> {
        log::set_logger(&Global).map_err(|_| InstallError(()))?;
        // Only one call can have got this far, so the place is free. The level is still off.
        let _ = INSTALLED.set(self);
        gate::reconfigured();
        Ok(())
    }
}

/// Makes a guard that flushes the [installed] tee when it is dropped, at the end of `main` say:
/// the program's logger itself is never dropped.
///
/// # Examples
///
/// ```
/// let _flush = logtee::flush_on_drop();
/// // … the program …
/// ```
pub fn flush_on_drop() -> FlushGuard {
    FlushGuard(())
}

/// Flushes the program's tee when dropped; made by [`flush_on_drop`].
#[must_use = "dropped at once, the guard flushes at once"]
#[derive(Debug)]
pub struct FlushGuard(());

impl Drop for FlushGuard {
    fn drop(&mut self) {
        if let Some(tee) = installed() {
            Log::flush(tee);
        }
    }
}

/// The program has a logger already.
#[derive(Debug)]
pub struct InstallError(());

impl fmt::Display for InstallError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(
            "cannot install the tee: this process already has a logger, for `log::set_logger` \
             was called before (by an earlier install, or an init() such as env_logger's); \
             remove that call and pass that logger to the tee as a sink, or install the tee first",
        )
    }
}

impl Error for InstallError {}
