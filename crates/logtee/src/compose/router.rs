//! Routing by content: each record goes to the sinks whose filter lets it pass.

use std::fmt;
use std::io;

use log::{LevelFilter, Metadata, Record};

use super::Branch;
use crate::filter::Filter;
use crate::max_level;
use crate::sink::{IntoSink, Sink};

/// Begins a router: every route that matches gets the record; if none matches, the sink of
/// [`otherwise`](RouterBuilder::otherwise) gets it.
///
/// # Examples
///
/// ```
/// use logtee::predicate::target_starts_with;
///
/// let sink = logtee::router()
///     .route(target_starts_with("db"), logtee::from_fn(|_| Ok(())))
///     .route(target_starts_with("http"), logtee::from_fn(|_| Ok(())))
///     .otherwise(logtee::stderr())
///     .build();
/// # drop(sink);
/// ```
pub fn router() -> RouterBuilder {
    RouterBuilder(Router {
        routes: Vec::new(),
        otherwise: None,
        first_only: false,
    })
}

/// Begins a router in which only the first route that matches gets the record; if none matches,
/// the sink of [`otherwise`](RouterBuilder::otherwise) gets it.
///
/// A route matches if its filter lets the record pass, even if its sink does not want the record.
pub fn first_match() -> RouterBuilder {
    let mut builder = router();
    builder.0.first_only = true;
    builder
}

/// Collects the routes of a [`Router`]; made by [`router`] or [`first_match`].
#[must_use = "a builder does nothing until it is built"]
pub struct RouterBuilder(Router);

impl RouterBuilder {
    /// Adds a route: records that `filter` lets pass go to `sink`.
    pub fn route<Kind>(
        mut self,
        filter: impl Filter + 'static,
        sink: impl IntoSink<Kind>,
    ) -> RouterBuilder {
        self.0.routes.push(Branch::new(filter, sink.into_sink()));
        self
    }

    /// Sets the sink for records that no route's filter lets pass; they are dropped by default.
    pub fn otherwise<Kind>(mut self, sink: impl IntoSink<Kind>) -> RouterBuilder {
        self.0.otherwise = Some(Branch::new(LevelFilter::Trace, sink.into_sink()));
        self
    }

    /// Builds the sink.
    pub fn build(self) -> Router {
        self.0
    }
}

impl fmt::Debug for RouterBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("RouterBuilder").field(&self.0).finish()
    }
}

/// Sends each record to the routes that match it; made by [`router`] or [`first_match`].
///
/// Every matching route gets the record, even if another one fails or panics. The first error is
/// returned.
pub struct Router {
    routes: Vec<Branch>,
    otherwise: Option<Branch>,
    first_only: bool,
}

impl Router {
    /// How many records and flushes failed or panicked, for each route in the order in which
    /// they were added. The sink of `otherwise` comes last.
    pub fn failures_by_route(&self) -> Vec<u64> {
        self.all().map(Branch::failures).collect()
    }

    fn all(&self) -> impl Iterator<Item = &Branch> {
        self.routes.iter().chain(&self.otherwise)
    }
}

impl Sink for Router {
    fn emit(&self, record: &Record<'_>) -> io::Result<()> {
        let generation = max_level::generation();
        let mut result = Ok(());
        let mut matched = false;
        for route in &self.routes {
            let wanted = route.admits(generation, record.level());
            // The filter must be evaluated even if the sink can't want the level, because the other
            // routes depend on whether it matches.
            if !wanted && !self.first_only && self.otherwise.is_none() {
                continue;
            }
            match route.filter_matches(record) {
                Ok(false) => continue,
                Ok(true) if wanted => result = result.and(route.emit_unfiltered(record)),
                Ok(true) => {}
                // A filter that panics does not match.
                Err(error) => {
                    result = result.and(Err(error));
                    continue;
                }
            }
            matched = true;
            if self.first_only {
                break;
            }
        }
        if !matched
            && let Some(otherwise) = &self.otherwise
            && otherwise.admits(generation, record.level())
        {
            result = result.and(otherwise.emit_unfiltered(record));
        }
        result
    }

    fn flush(&self) -> io::Result<()> {
        super::flush_all(self.all())
    }

    fn max_level(&self) -> LevelFilter {
        super::max_level(self.all())
    }

    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        super::any_enabled(self.all(), metadata)
    }

    /// `emit` checks the sinks itself.
    fn emit_if_enabled(&self, record: &Record<'_>) -> io::Result<()> {
        self.emit(record)
    }
}

impl fmt::Debug for Router {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Router")
            .field("routes", &self.routes.len())
            .field("first_only", &self.first_only)
            .finish_non_exhaustive()
    }
}
