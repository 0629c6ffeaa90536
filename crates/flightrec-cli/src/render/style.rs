//! The colours. They are among the sixteen that every terminal has and that a user can configure.
//!
//! All text is printed with colours. The stream removes them if colours are off.

use anstyle::{AnsiColor, Style};

use flightrec_dump::Level;

pub(crate) const PLAIN: Style = Style::new();
pub(crate) const BOLD: Style = Style::new().bold();
pub(crate) const DIM: Style = Style::new().dimmed();
pub(crate) const ERROR: Style = AnsiColor::Red.on_default().bold();
pub(crate) const WARN: Style = AnsiColor::Yellow.on_default();
pub(crate) const ADDED: Style = AnsiColor::Green.on_default();
pub(crate) const PLACE: Style = AnsiColor::Cyan.on_default();

/// The colours of threads. Red and yellow are for levels.
const THREADS: [Style; 4] = [
    AnsiColor::Cyan.on_default(),
    AnsiColor::Magenta.on_default(),
    AnsiColor::Green.on_default(),
    AnsiColor::Blue.on_default(),
];

pub(crate) fn level(level: Level) -> Style {
    match level {
        Level::Error => ERROR,
        Level::Warn => WARN,
        Level::Info => AnsiColor::Green.on_default(),
        Level::Debug => AnsiColor::Blue.on_default(),
        Level::Trace => DIM,
    }
}

/// The colour of the n-th thread.
pub(crate) fn thread(n: usize) -> Style {
    THREADS[n % THREADS.len()]
}
