//! The lines that the recorder itself says to the user.

use std::fmt;
use std::io::{self, Write};

use forklock::ForkMutex;

/// Where the recorder's own lines go.
#[derive(Default)]
pub enum Notices {
    /// To stderr.
    #[default]
    Stderr,
    /// To stderr as the test harness captures it.
    Test,
    /// Nowhere.
    Off,
    /// To a writer of the program.
    Writer(ForkMutex<Box<dyn Write + Send>>),
}

impl Notices {
    /// Writes `flightrec: message` as one line, its control characters escaped.
    pub fn say(&self, message: &str) {
        let line = format!("flightrec: {}\n", logtee::escape::line(message));
        match self {
            Notices::Stderr => write_to_stderr(&line),
            Notices::Test => eprint!("{line}"),
            Notices::Off => {}
            Notices::Writer(writer) => {
                // There is nowhere left to report that a notice was lost.
                let _ = writer.with(|writer| {
                    writer.write_all(line.as_bytes())?;
                    writer.flush()
                });
            }
        }
    }

    /// Shows an error of the program to the user, on stderr wherever the recorder's own lines go.
    /// The text may have several lines, which are escaped already.
    pub fn show_error(&self, text: &str) {
        match self {
            Notices::Test => eprintln!("{text}"),
            _ => write_to_stderr(&format!("{text}\n")),
        }
    }
}

impl fmt::Debug for Notices {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Notices::Stderr => "Stderr",
            Notices::Test => "Test",
            Notices::Off => "Off",
            Notices::Writer(_) => "Writer",
        })
    }
}

/// There is nowhere left to report that stderr is closed.
#[cfg(unix)]
fn write_to_stderr(text: &str) {
    use std::fs::File;
    use std::os::fd::AsFd;
    // Without the lock of std's stderr. A thread may hold it that panics and waits for its dump, or
    // one that does not exist in this process, a forked child.
    match io::stderr().as_fd().try_clone_to_owned().map(File::from) {
        Ok(mut stderr) => {
            if !exceeds_file_limit(&stderr, text) {
                let _ = stderr.write_all(text.as_bytes());
            }
        }
        // The process has no file descriptors left.
        Err(_) => {
            let _ = io::stderr().write_all(text.as_bytes());
        }
    }
}

#[cfg(not(unix))]
fn write_to_stderr(text: &str) {
    let _ = io::stderr().write_all(text.as_bytes());
}

/// Whether stderr is a file that would become longer than the process may write (`ulimit -f`):
/// writing to it would raise SIGXFSZ.
#[cfg(unix)]
fn exceeds_file_limit(stderr: &std::fs::File, text: &str) -> bool {
    let Ok(metadata) = stderr.metadata() else {
        return false;
    };
    let after = metadata.len().saturating_add(text.len() as u64);
    metadata.is_file() && after > crate::store::max_file_bytes()
}
