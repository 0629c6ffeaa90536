//! What we say to the user: a line on stderr, which may be closed.

use std::io::{self, Write};

/// Writes `flightrec: message` in one go, its control characters escaped.
pub(crate) fn line(message: &str) {
    write(&format!("flightrec: {}\n", logtee::escape::line(message)));
}

/// Writes text of several lines, escaped by whoever made it.
pub(crate) fn text(text: &str) {
    write(&format!("{text}\n"));
}

/// Nobody can be told that stderr is gone.
#[cfg(unix)]
fn write(text: &str) {
    use std::fs::File;
    use std::os::fd::AsFd;
    // Not through the lock of std's stderr: it may be held by a thread that panics and waits for
    // what it has dumped, or by one that this process, a forked child, does not have.
    match io::stderr().as_fd().try_clone_to_owned().map(File::from) {
        Ok(mut stderr) => {
            if !would_end_the_process(&stderr, text) {
                let _ = stderr.write_all(text.as_bytes());
            }
        }
        // No file can be opened any more.
        Err(_) => {
            let _ = io::stderr().write_all(text.as_bytes());
        }
    }
}

#[cfg(not(unix))]
fn write(text: &str) {
    let _ = io::stderr().write_all(text.as_bytes());
}

/// Whether stderr is a file that may get no longer: writing to it raises SIGXFSZ.
#[cfg(unix)]
fn would_end_the_process(stderr: &std::fs::File, text: &str) -> bool {
    let Ok(metadata) = stderr.metadata() else {
        return false;
    };
    let after = metadata.len().saturating_add(text.len() as u64);
    metadata.is_file() && after > crate::store::max_file_bytes()
}
