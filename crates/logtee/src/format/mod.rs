//! Formats a record as one line of text.

mod civil;
mod json;
mod text;
mod time;
mod value;

use std::io;

use log::Record;

pub use json::Json;
pub use text::{Logfmt, Text};
pub use time::Time;

pub(crate) use value::{FAILED, each_pair};

/// Turns a record into bytes.
///
/// The formats of this crate make one line of every record, whatever it contains: see
/// [`escape`](crate::escape). Your own format should do so, too.
///
/// # Examples
///
/// ```
/// use std::io::Write;
///
/// struct Bare;
///
/// impl logtee::Format for Bare {
///     fn format(&self, record: &log::Record<'_>, out: &mut Vec<u8>) -> std::io::Result<()> {
///         let message = record.args().to_string();
///         write!(out, "{} {}", record.level(), logtee::escape::line(&message))
///     }
/// }
/// # let _ = logtee::WriteSink::new(Bare, std::io::sink());
/// ```
pub trait Format: Send + Sync {
    /// Appends the record to `out`, without a newline at the end.
    ///
    /// # Errors
    ///
    /// Fails if the record can't be formatted. The record is then not written.
    fn format(&self, record: &Record<'_>, out: &mut Vec<u8>) -> io::Result<()>;
}

impl<F: Format + ?Sized> Format for Box<F> {
    fn format(&self, record: &Record<'_>, out: &mut Vec<u8>) -> io::Result<()> {
        (**self).format(record, out)
    }
}
