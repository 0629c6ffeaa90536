//! One format for several writers.

use std::fmt;
use std::io::{self, Write};

use log::{LevelFilter, Metadata, Record};

use super::{Writer, with_buffer};
use crate::compose::Branch;
use crate::filter::Filter;
use crate::format::Format;
use crate::max_level;
use crate::sink::Sink;

/// Begins a sink that formats a record once and writes the line to every writer whose filter lets
/// the record pass. A record that no filter lets pass is not formatted.
///
/// # Examples
///
/// ```
/// use log::LevelFilter;
///
/// let sink = logtee::format_once(logtee::Json::new())
///     .writer(LevelFilter::Info, std::io::stdout())
///     .writer(LevelFilter::Debug, std::io::sink())
///     .build();
/// assert_eq!(logtee::Sink::max_level(&sink), LevelFilter::Debug);
/// ```
pub fn format_once<F: Format>(format: F) -> FormatOnceBuilder<F> {
    FormatOnceBuilder(FormatOnce {
        format,
        outputs: Vec::new(),
    })
}

/// Collects the writers of a [`FormatOnce`]; made by [`format_once`].
#[must_use = "a builder does nothing until it is built"]
pub struct FormatOnceBuilder<F>(FormatOnce<F>);

impl<F: Format> FormatOnceBuilder<F> {
    /// Adds a writer that gets the lines of the records which `filter` lets pass.
    pub fn writer(
        mut self,
        filter: impl Filter + 'static,
        writer: impl Write + Send + 'static,
    ) -> FormatOnceBuilder<F> {
        let writer: Box<dyn Write + Send> = Box::new(writer);
        let output = Branch::with_target(filter, Writer::new(writer));
        self.0.outputs.push(output);
        self
    }

    /// Builds the sink.
    pub fn build(self) -> FormatOnce<F> {
        self.0
    }
}

impl<F> fmt::Debug for FormatOnceBuilder<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FormatOnceBuilder")
            .field("writers", &self.0.outputs.len())
            .finish_non_exhaustive()
    }
}

/// A sink that formats once for several writers; made by [`format_once`].
///
/// Every writer gets the line, even if another writer or its filter fails or panics. The first
/// error is returned, and all of them are counted.
pub struct FormatOnce<F> {
    format: F,
    outputs: Vec<Output>,
}

type Output = Branch<Writer<Box<dyn Write + Send>>>;

impl<F> FormatOnce<F> {
    /// How many lines and flushes failed or panicked, for each writer in the order in which they
    /// were added.
    pub fn failures_by_writer(&self) -> Vec<u64> {
        self.outputs.iter().map(Branch::failures).collect()
    }
}

impl<F: Format> Sink for FormatOnce<F> {
    fn emit(&self, record: &Record<'_>) -> io::Result<()> {
        let generation = max_level::generation();
        with_buffer(|line| {
            let mut formatted = false;
            let mut result = Ok(());
            for output in &self.outputs {
                if !output.filter_admits(generation, record.level()) {
                    continue;
                }
                match output.filter_matches(record) {
                    Ok(true) => {}
                    Ok(false) => continue,
                    Err(error) => {
                        result = result.and(Err(error));
                        continue;
                    }
                }
                if !formatted {
                    self.format.format(record, line)?;
                    line.push(b'\n');
                    formatted = true;
                }
                let written = output.attempt("a writer panicked", |writer| {
                    writer.with(|writer| writer.write_all(line))
                });
                result = result.and(written);
            }
            result
        })
    }

    fn flush(&self) -> io::Result<()> {
        let mut result = Ok(());
        for output in &self.outputs {
            let flushed = output.attempt("a writer panicked while flushing", |writer| {
                writer.with(|writer| writer.flush())
            });
            result = result.and(flushed);
        }
        result
    }

    fn max_level(&self) -> LevelFilter {
        let levels = self.outputs.iter().map(Branch::filter_max_level);
        levels.max().unwrap_or(LevelFilter::Off)
    }

    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        let generation = max_level::generation();
        self.outputs
            .iter()
            .any(|output| output.filter_enabled(generation, metadata))
    }
}

impl<F> fmt::Debug for FormatOnce<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FormatOnce")
            .field("writers", &self.outputs.len())
            .finish_non_exhaustive()
    }
}
