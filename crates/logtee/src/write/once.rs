//! One format for several writers.

use std::fmt;
use std::io::{self, Write};
use std::sync::atomic::{AtomicUsize, Ordering};

use log::{LevelFilter, Metadata, Record};

use super::lock::Lock;
use super::scratch;
use crate::caught::caught;
use crate::filter::Filter;
use crate::format::Format;
use crate::gate::{self, Gate};
use crate::sink::Sink;

/// Begins a sink that formats a record once and writes the line to every writer whose filter
/// lets the record pass; nothing is formatted for nobody.
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
        self.0.outputs.push(Output {
            gate: Gate::new(),
            filter: Box::new(filter),
            writer: Lock::new(Box::new(writer)),
            failures: AtomicUsize::new(0),
        });
        self
    }

    /// The sink.
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
/// A writer that fails or panics harms no other one.
pub struct FormatOnce<F> {
    format: F,
    outputs: Vec<Output>,
}

struct Output {
    gate: Gate,
    filter: Box<dyn Filter>,
    writer: Lock<Box<dyn Write + Send>>,
    /// Relaxed: a count, which orders nothing.
    failures: AtomicUsize,
}

impl Output {
    fn admits(&self, generation: usize, level: log::Level) -> bool {
        let max_level = || self.filter.max_level();
        self.gate.admits(generation, level, max_level)
    }

    fn attempt(&self, work: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> io::Result<()> {
        let outcome = caught(|| work(&mut **self.writer.lock()?));
        let result = outcome.unwrap_or_else(|panic| {
            Err(io::Error::other(format!(
                "a writer panicked: {}",
                panic.message()
            )))
        });
        if result.is_err() {
            self.failures.fetch_add(1, Ordering::Relaxed);
        }
        result
    }
}

impl<F> FormatOnce<F> {
    /// How many lines and flushes failed, for each writer in the order in which they were added.
    pub fn failures_by_writer(&self) -> Vec<u64> {
        let count = |output: &Output| output.failures.load(Ordering::Relaxed) as u64;
        self.outputs.iter().map(count).collect()
    }
}

/// The first error is returned, after every writer had its turn; the others are counted.
impl<F: Format> Sink for FormatOnce<F> {
    fn emit(&self, record: &Record<'_>) -> io::Result<()> {
        let generation = gate::generation();
        scratch::with(|line| {
            let mut formatted = false;
            let mut result = Ok(());
            for output in &self.outputs {
                if !output.admits(generation, record.level()) || !output.filter.matches(record) {
                    continue;
                }
                if !formatted {
                    self.format.format(record, line)?;
                    line.push(b'\n');
                    formatted = true;
                }
                result = result.and(output.attempt(|writer| writer.write_all(line)));
            }
            result
        })
    }

    fn flush(&self) -> io::Result<()> {
        let mut result = Ok(());
        for output in &self.outputs {
            result = result.and(output.attempt(|writer| writer.flush()));
        }
        result
    }

    fn max_level(&self) -> LevelFilter {
        let levels = self.outputs.iter().map(|output| output.filter.max_level());
        levels.max().unwrap_or(LevelFilter::Off)
    }

    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        let generation = gate::generation();
        self.outputs.iter().any(|output| {
            output.admits(generation, metadata.level()) && output.filter.enabled(metadata)
        })
    }
}

impl<F> fmt::Debug for FormatOnce<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FormatOnce")
            .field("writers", &self.outputs.len())
            .finish_non_exhaustive()
    }
}
