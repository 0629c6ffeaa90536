//! The settings of a pipeline.

use std::fmt;
use std::io::Write;
use std::path::PathBuf;
use std::time::Duration;

use logredact::Redactor;

use crate::store::Retention;
use crate::write::{Callback, Notices};

/// The settings of a [`Pipeline`](crate::Pipeline). By default, dumps go to the program's directory,
/// secrets are masked by the default [`Redactor`], and names of functions are looked up.
pub struct Settings {
    /// The directory of dumps; see [`Store::new`](crate::store::Store::new) for the default.
    pub dir: Option<PathBuf>,
    /// How many dumps are kept in the directory.
    pub retention: Retention,
    /// If set, dumps go to this writer and not to the directory, one per line.
    pub writer: Option<Box<dyn Write + Send>>,
    /// Masks secrets.
    pub redactor: Redactor,
    /// Whether names of functions are looked up.
    pub symbolicate: bool,
    /// Whether every dump has the stacks of all threads.
    pub all_threads: bool,
    /// How long a dump waits for records that follow its trigger. It does not wait by default.
    pub look_ahead: Option<Duration>,
    /// Called with every dump.
    pub callbacks: Vec<Callback>,
    /// Where messages about dumps go.
    pub notices: Notices,
}

impl Default for Settings {
    fn default() -> Settings {
        Settings {
            dir: None,
            retention: Retention::default(),
            writer: None,
            redactor: Redactor::default(),
            symbolicate: true,
            all_threads: false,
            look_ahead: None,
            callbacks: Vec::new(),
            notices: Notices::Stderr,
        }
    }
}

impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Settings")
            .field("dir", &self.dir)
            .field("retention", &self.retention)
            .finish_non_exhaustive()
    }
}
