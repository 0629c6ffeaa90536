//! How dumps are made.

use std::fmt;
use std::io::Write;
use std::path::PathBuf;
use std::time::Duration;

use logredact::Redactor;

use crate::store::Retention;
use crate::write::{Callback, Notices};

/// How a program's dumps are made. By default they go to its directory, with all that a
/// [`Redactor`] masks by default, and with names.
pub struct Settings {
    /// The directory; see [`Store::new`](crate::store::Store::new).
    pub dir: Option<PathBuf>,
    /// Which dumps stay there.
    pub retention: Retention,
    /// Dumps go there instead, each as a line.
    pub writer: Option<Box<dyn Write + Send>>,
    /// What is masked.
    pub redactor: Redactor,
    /// Whether names are looked up.
    pub symbolicate: bool,
    /// Whether every dump has the stacks of all threads.
    pub all_threads: bool,
    /// How long a dump waits for records that follow its trigger.
    pub look_ahead: Option<Duration>,
    /// Who gets the dumps.
    pub callbacks: Vec<Callback>,
    /// Where lines about dumps go.
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
