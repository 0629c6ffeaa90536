//! Formats records and writes them to an `io::Write`.

mod once;

use std::cell::Cell;
use std::fmt;
use std::io::{self, Write};

use forklock::{ForkMutex, LockError};
use log::Record;

use crate::format::Format;
use crate::sink::Sink;

pub use once::{FormatOnce, FormatOnceBuilder, format_once};

/// Formats each record and writes it, with a newline, in one call to the writer.
///
/// The record is formatted before the writer is locked. So a `Display` may log, even to this sink; its
/// line is written first. A writer that logs to its own sink while it writes gets an error for that
/// record, not a deadlock. The sink adds no buffer. If you want one, use a `BufWriter` as the writer;
/// [`flush`](Sink::flush) flushes it.
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
    writer: Writer<W>,
}

impl<F: Format, W: Write + Send> WriteSink<F, W> {
    /// Creates a sink that writes to `writer` in `format`.
    pub fn new(format: F, writer: W) -> WriteSink<F, W> {
        WriteSink {
            format,
            writer: Writer::new(writer),
        }
    }
}

impl<F: Format, W: Write + Send> Sink for WriteSink<F, W> {
    fn emit(&self, record: &Record<'_>) -> io::Result<()> {
        with_buffer(|line| {
            self.format.format(record, line)?;
            line.push(b'\n');
            self.writer.with(|writer| writer.write_all(line))
        })
    }

    fn flush(&self) -> io::Result<()> {
        self.writer.with(Write::flush)
    }
}

impl<F, W> fmt::Debug for WriteSink<F, W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WriteSink").finish_non_exhaustive()
    }
}

/// A writer behind a lock.
struct Writer<W>(ForkMutex<Locked<W>>);

struct Locked<W> {
    writer: W,
    /// This process was forked while another thread was writing. In the child, the writer's state is
    /// unknown, and locks inside it (such as that of `std::io::stderr`) may be held for good.
    abandoned: bool,
}

impl<W> Writer<W> {
    fn new(writer: W) -> Writer<W> {
        Writer(ForkMutex::new(Locked {
            writer,
            abandoned: false,
        }))
    }

    fn with<R>(&self, work: impl FnOnce(&mut W) -> io::Result<R>) -> io::Result<R> {
        let mut locked = match self.0.lock() {
            Ok(locked) => locked,
            Err(LockError::Orphaned(mut locked)) => {
                locked.abandoned = true;
                locked
            }
            Err(_) => {
                return Err(io::Error::new(
                    io::ErrorKind::Deadlock,
                    "the writer logs to its own sink while it writes; that record is dropped",
                ));
            }
        };
        if locked.abandoned {
            return Err(io::Error::new(
                io::ErrorKind::ResourceBusy,
                "this process was forked while another thread was writing to this sink; its \
                 records are dropped here",
            ));
        }
        work(&mut locked.writer)
    }
}

thread_local! {
    static BUFFER: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
}

/// The largest buffer that a thread keeps between records, in bytes.
const MAX_KEPT: usize = 64 * 1024;

/// Calls `work` with an empty buffer: the thread's own, or a new one if that is in use (a `Display`
/// that logs) or destroyed (the destructor of a thread-local that logs).
fn with_buffer<R>(work: impl FnOnce(&mut Vec<u8>) -> R) -> R {
    let mut buffer = BUFFER.try_with(Cell::take).unwrap_or_default();
    buffer.clear();
    let result = work(&mut buffer);
    if buffer.capacity() <= MAX_KEPT {
        let _ = BUFFER.try_with(|cell| cell.set(buffer));
    }
    result
}
