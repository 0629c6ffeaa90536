//! How a process can be asked for a dump.

use serde::{Deserialize, Serialize};

/// Tells other programs of the same user how to ask a process for a dump. It is JSON in an anonymous file
/// among the open files of the process (`/proc/PID/fd`).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct Listening {
    /// The id of the process that wrote the file. A forked child inherits its parent's file.
    pub pid: u32,
    /// The program's name.
    pub app: String,
    /// The signals that make a dump.
    pub signals: Vec<i32>,
    /// The directories where a dump may be written, in the order in which they are tried. Empty if dumps
    /// go to a writer of the program.
    pub dirs: Vec<String>,
    /// Whether a dump is replaced by one with the names of functions shortly after it was written.
    pub names: bool,
}

impl Listening {
    /// The name of the file. Links to it in `/proc/PID/fd` begin with `/memfd:` and this name.
    pub const FILE: &str = "flightrec";
}
