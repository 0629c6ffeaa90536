//! A format and a writer as a sink.

use std::fmt;
use std::io::{self, Write};

use log::Record;

use super::lock::Lock;
use super::scratch;
use crate::format::Format;
use crate::sink::Sink;

/// Formats each record and writes it, with a newline, in one call to the writer.
///
/// The record is formatted before the writer is locked: a `Display` that logs, to this very
/// sink too, gets its line in first. A writer that logs to its own sink while it writes gets an
/// error for that record instead of a deadlock. The sink adds no buffer; a `BufWriter` as the
/// writer does, and [`flush`](Sink::flush) reaches it.
///
/// # Examples
///
/// ```
/// use logtee::{Json, Tee, WriteSink};
///
/// let file = std::io::sink(); // std::fs::File::options().append(true).open(path)?
/// let tee = Tee::builder()
///     .sink(log::LevelFilter::Debug, WriteSink::new(Json::new(), file))
///     .build();
/// # drop(tee);
/// ```
pub struct WriteSink<F, W> {
    format: F,
    writer: Lock<W>,
}

impl<F: Format, W: Write + Send> WriteSink<F, W> {
    /// Writes to `writer` in `format`.
    pub fn new(format: F, writer: W) -> WriteSink<F, W> {
        WriteSink {
            format,
            writer: Lock::new(writer),
        }
    }
}

impl<F: Format, W: Write + Send> Sink for WriteSink<F, W> {
    fn emit(&self, record: &Record<'_>) -> io::Result<()> {
        scratch::with(|line| {
            self.format.format(record, line)?;
            line.push(b'\n');
            self.writer.lock()?.write_all(line)
        })
    }

    fn flush(&self) -> io::Result<()> {
        self.writer.lock()?.flush()
    }
}

impl<F, W> fmt::Debug for WriteSink<F, W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WriteSink").finish_non_exhaustive()
    }
}
