//! The colours, of the sixteen that every terminal has and its user has chosen.
//!
//! Everything is printed with them; the stream takes them out where they don't belong.

use anstyle::{AnsiColor, Style};

use crate::select::Level;

pub(crate) const PLAIN: Style = Style::new();
pub(crate) const BOLD: Style = Style::new().bold();
pub(crate) const DIM: Style = Style::new().dimmed();
pub(crate) const ERROR: Style = AnsiColor::Red.on_default().bold();
pub(crate) const WARN: Style = AnsiColor::Yellow.on_default();
pub(crate) const PLACE: Style = AnsiColor::Cyan.on_default();

/// Threads are told apart by these; red and yellow are the levels'.
const THREADS: [Style; 4] = [
    AnsiColor::Cyan.on_default(),
    AnsiColor::Magenta.on_default(),
    AnsiColor::Green.on_default(),
    AnsiColor::Blue.on_default(),
];

pub(crate) fn level(level: Option<Level>) -> Style {
    match level {
        Some(Level::Error) => ERROR,
        Some(Level::Warn) => WARN,
        Some(Level::Info) => AnsiColor::Green.on_default(),
        Some(Level::Debug) => AnsiColor::Blue.on_default(),
        Some(Level::Trace) => DIM,
        None => PLAIN,
    }
}

/// The colour of the n-th thread.
pub(crate) fn thread(n: usize) -> Style {
    THREADS[n % THREADS.len()]
}
