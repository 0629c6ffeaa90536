//! A writer to stderr that the test harness captures.

use std::io::{self, Write};

/// A writer to stderr that the test harness captures, so that the text is shown for tests that fail.
///
/// # Examples
///
/// ```
/// use log::Record;
/// use logtee::{Sink, Text, WriteSink, testing::Captured};
///
/// let console = WriteSink::new(Text::new(), Captured);
/// console.emit(&Record::builder().args(format_args!("hello")).build())?;
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct Captured;

impl Write for Captured {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        eprint!("{}", String::from_utf8_lossy(bytes));
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
