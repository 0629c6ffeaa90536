//! Fan-out: a record goes to every sink whose filter lets it pass.

use std::fmt;
use std::io;

use log::{Level, LevelFilter, Log, Metadata, Record};

use crate::compose::{self, Branch};
use crate::context;
use crate::filter::Filter;
use crate::max_level::{self, CachedOnly};
use crate::sink::{IntoSink, Sink};

/// Passes each record to every sink whose filter lets it pass.
///
/// A `Tee` is a [`log::Log`]. [`install`](Tee::install) makes it the program's logger. It can also be
/// used without globals, by reference or in an `Arc`: `log::info!(logger: tee, "…")`. (The macros check
/// `log::max_level` even then, which is off until `log::set_max_level` is called.)
///
/// To nest a fan-out in another composition use [`fanout`] or [`into_sink`](Tee::into_sink). A
/// `Tee` that is passed as a logger can't report its `max_level` or the errors of flushing.
///
/// If a sink fails or panics, the failure is counted; neither the other sinks nor the program are
/// affected. With `panic = "abort"` a panic still ends the program.
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
    /// Returns a builder for a tee, without sinks.
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
    /// Returns the first error. The other sinks are still flushed, and all errors are counted in
    /// [`failures`](Tee::failures).
    pub fn flush(&self) -> io::Result<()> {
        self.0.flush()
    }

    /// How many records and flushes failed or panicked, over all sinks.
    pub fn failures(&self) -> u64 {
        self.0.failures()
    }

    /// How many records and flushes failed or panicked, for each sink in the order in which they
    /// were added.
    pub fn failures_by_sink(&self) -> Vec<u64> {
        self.0.failures_by_sink()
    }

    /// Converts this into a [`Sink`], to nest it in another composition.
    pub fn into_sink(self) -> Fanout {
        self.0
    }

    /// Not inlined, so that the path of a record that only one sink wants is short.
    #[inline(never)]
    fn log_to_each(&self, record: &Record<'_>) {
        if context::in_use() {
            return context::join(record, |record| drop(self.0.emit(record)));
        }
        let generation = max_level::generation();
        if let Some(branch) = self.0.only(generation, record.level()) {
            return drop(branch.emit_unfiltered(record));
        }
        for branch in self.0.branches() {
            if branch.admits(generation, record.level())
                && let Some(Err(error)) = branch.emit(record)
            {
                drop(error);
            }
        }
    }
}

impl Log for Tee {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        self.0.enabled(metadata)
    }

    #[inline]
    fn log(&self, record: &Record<'_>) {
        // `Log` returns no errors; the branches count them.
        match self.0.known_only(max_level::generation(), record.level()) {
            Some(branch) => drop(branch.emit_unfiltered(record)),
            None => self.log_to_each(record),
        }
    }

    fn flush(&self) {
        drop(self.0.flush());
    }
}

impl fmt::Debug for Tee {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tee")
            .field("sinks", &self.0.branches().count())
            .field("max_level", &self.max_level())
            .field("failures", &self.failures())
            .finish_non_exhaustive()
    }
}

/// A fan-out as a [`Sink`], for use inside other compositions; made by [`fanout`].
///
/// Every sink gets the record, even if another one fails or panics. The first error is returned,
/// and all of them are counted.
pub struct Fanout {
    /// At most [`CachedOnly::MAX`] branches, so that neither `MAX` nor a stale answer is a position.
    first: Vec<Branch>,
    rest: Vec<Branch>,
    only: CachedOnly,
}

impl Fanout {
    fn new(mut branches: Vec<Branch>) -> Fanout {
        let rest = branches.split_off(branches.len().min(CachedOnly::MAX));
        Fanout {
            first: branches,
            rest,
            only: CachedOnly::new(),
        }
    }

    fn branches(&self) -> impl Iterator<Item = &Branch> {
        self.first.iter().chain(&self.rest)
    }

    /// The cached answer of [`only`](Fanout::only), if there is one.
    #[inline]
    fn known_only(&self, generation: usize, level: Level) -> Option<&Branch> {
        self.first.get(self.only.known(generation, level))
    }

    /// The only branch that could want the level, if its filter is a plain level. Most records of a
    /// program have such a level.
    fn only(&self, generation: usize, level: Level) -> Option<&Branch> {
        let find = || self.find_only(generation, level);
        self.first.get(self.only.get(generation, level, find))
    }

    #[cold]
    fn find_only(&self, generation: usize, level: Level) -> usize {
        let branches = self.branches().enumerate();
        let mut wanting = branches.filter(|(_, branch)| branch.admits(generation, level));
        match (wanting.next(), wanting.next()) {
            // The key-values of contexts must be added first.
            _ if context::in_use() => CachedOnly::MAX,
            (Some((only, branch)), None) if branch.filters_by_level() => only,
            _ => CachedOnly::MAX,
        }
    }

    /// How many records and flushes failed or panicked, over all sinks.
    pub fn failures(&self) -> u64 {
        self.branches().map(Branch::failures).sum()
    }

    /// How many records and flushes failed or panicked, for each sink in the order in which they
    /// were added.
    pub fn failures_by_sink(&self) -> Vec<u64> {
        self.branches().map(Branch::failures).collect()
    }
}

impl Sink for Fanout {
    fn emit(&self, record: &Record<'_>) -> io::Result<()> {
        let generation = max_level::generation();
        let mut result = Ok(());
        for branch in self.branches() {
            if branch.admits(generation, record.level())
                && let Some(outcome) = branch.emit(record)
            {
                result = result.and(outcome);
            }
        }
        result
    }

    fn flush(&self) -> io::Result<()> {
        compose::flush_all(self.branches())
    }

    fn max_level(&self) -> LevelFilter {
        compose::max_level(self.branches())
    }

    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        compose::any_enabled(self.branches(), metadata)
    }

    /// `emit` checks the sinks itself.
    fn emit_if_enabled(&self, record: &Record<'_>) -> io::Result<()> {
        self.emit(record)
    }
}

impl fmt::Debug for Fanout {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Fanout")
            .field("sinks", &self.branches().count())
            .finish_non_exhaustive()
    }
}

/// Collects the sinks of a [`Tee`] or [`Fanout`]; made by [`Tee::builder`] or [`fanout`].
#[must_use = "a builder does nothing until it is built or installed"]
pub struct TeeBuilder {
    branches: Vec<Branch>,
}

/// Returns a builder for a fan-out that is nested in another composition. End it with
/// [`build_sink`](TeeBuilder::build_sink).
///
/// # Examples
///
/// ```
/// use log::LevelFilter;
///
/// let both = logtee::fanout()
///     .sink(LevelFilter::Info, logtee::stderr())
///     .sink(LevelFilter::Debug, logtee::from_fn(|_| Ok(())))
///     .build_sink();
/// let sink = logtee::pipe(logtee::enrich("service", "census")).to(both);
/// # drop(sink);
/// ```
pub fn fanout() -> TeeBuilder {
    Tee::builder()
}

impl TeeBuilder {
    /// Adds a sink that gets the records which `filter` lets pass.
    ///
    /// The sink is a [`Sink`] or a [`log::Log`].
    pub fn sink<Kind>(
        mut self,
        filter: impl Filter + 'static,
        sink: impl IntoSink<Kind>,
    ) -> TeeBuilder {
        self.branches.push(Branch::new(filter, sink.into_sink()));
        self
    }

    /// Builds a logger, for use without globals or for [`Tee::install`].
    pub fn build(self) -> Tee {
        Tee(self.build_sink())
    }

    /// Builds a [`Sink`], to nest in another composition.
    pub fn build_sink(self) -> Fanout {
        Fanout::new(self.branches)
    }

    /// Builds the tee and makes it the program's logger.
    ///
    /// # Errors
    ///
    /// Fails if the program has a logger already; see [`Tee::install`].
    pub fn install(self) -> Result<(), crate::InstallError> {
        self.build().install()
    }

    /// Builds the tee and makes it the program's logger.
    ///
    /// # Panics
    ///
    /// Panics if the program has a logger already, with a message that says what to do.
    #[track_caller]
    pub fn init(self) {
        if let Err(error) = self.install() {
            panic!("{error}");
        }
    }
}

impl fmt::Debug for TeeBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TeeBuilder")
            .field("sinks", &self.branches.len())
            .finish_non_exhaustive()
    }
}
