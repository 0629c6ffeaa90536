//! Fan-out: every sink whose filter lets the record pass gets it.

use std::fmt;
use std::io;

use log::{LevelFilter, Log, Metadata, Record};

use crate::branch::Branch;
use crate::context;
use crate::filter::Filter;
use crate::gate;
use crate::sink::Sink;

/// Hands each record to every sink whose filter lets it pass.
///
/// A `Tee` is a [`log::Log`]: [`install`](Tee::install) makes it the program's logger, but it
/// serves as well without globals, by reference or in an `Arc`: `log::info!(logger: tee, "…")`.
/// (The macros ask `log::max_level` even so, which is off until somebody calls
/// `log::set_max_level`.) To nest one composition in
/// another use [`fanout`], or [`into_sink`](Tee::into_sink): seen as a mere `Log`, a `Tee` can
/// tell neither what it could ever want nor that flushing failed.
///
/// A sink that fails or panics is counted and harms no other sink, nor the program. With
/// `panic = "abort"` a panic ends the program all the same.
///
/// # Examples
///
/// ```
/// use log::{LevelFilter, Log};
///
/// let tee = logtee::Tee::builder()
///     .sink(LevelFilter::Info, logtee::from_fn(|_| Ok(())))
///     .sink(LevelFilter::Debug, logtee::from_fn(|_| Err(std::io::Error::other("full"))))
///     .build();
/// assert_eq!(tee.max_level(), LevelFilter::Debug);
///
/// tee.log(&log::Record::builder().level(log::Level::Info).build());
/// assert_eq!(tee.failures(), 1);
/// ```
pub struct Tee(Fanout);

impl Tee {
    /// Begins a tee without sinks.
    pub fn builder() -> TeeBuilder {
        TeeBuilder {
            branches: Vec::new(),
        }
    }

    /// The most verbose level that any of the sinks wants through its filter.
    pub fn max_level(&self) -> LevelFilter {
        self.0.max_level()
    }

    /// Whether any sink may want a record with this metadata.
    pub fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        self.0.enabled(metadata)
    }

    /// Flushes every sink.
    ///
    /// # Errors
    ///
    /// The first sink's error; the others are flushed all the same, and their errors counted in
    /// [`failures`](Tee::failures).
    pub fn flush(&self) -> io::Result<()> {
        self.0.flush()
    }

    /// How many records and flushes failed or panicked, over all sinks.
    pub fn failures(&self) -> u64 {
        self.0.failures()
    }

    /// The same for each sink, in the order in which they were added.
    pub fn failures_by_sink(&self) -> Vec<u64> {
        self.0.failures_by_sink()
    }

    /// The same fan-out as a [`Sink`], to nest in another composition.
    pub fn into_sink(self) -> Fanout {
        self.0
    }
}

impl Log for Tee {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        self.0.enabled(metadata)
    }

    #[inline]
    fn log(&self, record: &Record<'_>) {
        if context::in_use() {
            // Errors are counted by the branches; there is nobody to tell.
            return context::join(record, |record| drop(self.0.emit(record)));
        }
        let generation = gate::generation();
        for branch in &self.0.branches {
            if branch.admits(generation, record.level())
                && let Some(Err(error)) = branch.emit(record)
            {
                drop(error);
            }
        }
    }

    fn flush(&self) {
        drop(self.0.flush());
    }
}

impl fmt::Debug for Tee {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tee")
            .field("sinks", &self.0.branches.len())
            .field("max_level", &self.max_level())
            .field("failures", &self.failures())
            .finish_non_exhaustive()
    }
}

/// A fan-out as a [`Sink`]: what [`Tee`] is, for use inside other compositions.
pub struct Fanout {
    branches: Vec<Branch>,
}

impl Fanout {
    /// How many records and flushes failed or panicked, over all sinks.
    pub fn failures(&self) -> u64 {
        self.branches.iter().map(Branch::failures).sum()
    }

    /// The same for each sink, in the order in which they were added.
    pub fn failures_by_sink(&self) -> Vec<u64> {
        self.branches.iter().map(Branch::failures).collect()
    }
}

/// The first error is returned, after every sink had its turn; the others are counted.
impl Sink for Fanout {
    fn emit(&self, record: &Record<'_>) -> io::Result<()> {
        let generation = gate::generation();
        let mut result = Ok(());
        for branch in &self.branches {
            if branch.admits(generation, record.level())
                && let Some(outcome) = branch.emit(record)
            {
                result = result.and(outcome);
            }
        }
        result
    }

    fn flush(&self) -> io::Result<()> {
        let mut result = Ok(());
        for branch in &self.branches {
            result = result.and(branch.flush());
        }
        result
    }

    fn max_level(&self) -> LevelFilter {
        let levels = self.branches.iter().map(Branch::max_level);
        levels.max().unwrap_or(LevelFilter::Off)
    }

    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        let generation = gate::generation();
        let mut branches = self.branches.iter();
        branches.any(|branch| branch.enabled(generation, metadata))
    }
}

impl fmt::Debug for Fanout {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Fanout")
            .field("sinks", &self.branches.len())
            .finish_non_exhaustive()
    }
}

/// Collects the sinks of a [`Tee`]; made by [`Tee::builder`] or [`fanout`].
#[must_use = "a builder does nothing until it is built or installed"]
pub struct TeeBuilder {
    branches: Vec<Branch>,
}

/// Begins a fan-out; the same as [`Tee::builder`], ended by
/// [`build_sink`](TeeBuilder::build_sink) when it is to be nested.
pub fn fanout() -> TeeBuilder {
    Tee::builder()
}

impl TeeBuilder {
    /// Adds a sink that gets the records which `filter` lets pass.
    pub fn sink(mut self, filter: impl Filter + 'static, sink: impl Sink + 'static) -> TeeBuilder {
        self.branches.push(Branch::new(filter, sink));
        self
    }

    /// A logger for use without globals, or for [`Tee::install`].
    pub fn build(self) -> Tee {
        Tee(self.build_sink())
    }

    /// The fan-out as a [`Sink`], to nest in another composition.
    pub fn build_sink(self) -> Fanout {
        Fanout {
            branches: self.branches,
        }
    }

    /// Builds the tee and makes it the program's logger: `build().install()`.
    ///
    /// # Errors
    ///
    /// When the program has a logger already; see [`Tee::install`].
    pub fn install(self) -> Result<(), crate::InstallError> {
        self.build().install()
    }
}

impl fmt::Debug for TeeBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TeeBuilder")
            .field("sinks", &self.branches.len())
            .finish_non_exhaustive()
    }
}
