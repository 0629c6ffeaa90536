//! What we say to the user: a line on stderr, which may be closed.

use std::io::{self, Write};

/// Writes `flightrec: message` in one go, its control characters escaped.
pub(crate) fn line(message: &str) {
    let line = format!("flightrec: {}\n", logtee::escape::line(message));
    // Nobody can be told that stderr is gone.
    let _ = io::stderr().write_all(line.as_bytes());
}

/// Writes text of several lines, escaped by whoever made it.
pub(crate) fn text(text: &str) {
    let _ = io::stderr().write_all(format!("{text}\n").as_bytes());
}
