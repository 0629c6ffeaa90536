//! By content: each record to the sinks whose filter it matches.

use std::fmt;
use std::io;

use log::{LevelFilter, Metadata, Record};

use crate::branch::Branch;
use crate::filter::Filter;
use crate::gate;
use crate::sink::Sink;

/// Begins a router: every route that matches gets the record, and if none does, the catch-all.
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

/// Begins a router whose first route that matches gets the record, and no other; if none does,
/// the catch-all.
///
/// A route counts as matching when its filter lets the record pass, whether or not its sink
/// then wants it.
pub fn first_match() -> RouterBuilder {
    let mut builder = router();
    builder.0.first_only = true;
    builder
}

/// Collects the routes of a [`Router`]; made by [`router`] or [`first_match`].
#[must_use = "a builder does nothing until it is built"]
pub struct RouterBuilder(Router);

impl RouterBuilder {
    /// Adds a route: what `filter` lets pass goes to `sink`.
    pub fn route(
        mut self,
        filter: impl Filter + 'static,
        sink: impl Sink + 'static,
    ) -> RouterBuilder {
        self.0.routes.push(Branch::new(filter, sink));
        self
    }

    /// Where records go that no route's filter lets pass; nowhere by default.
    pub fn otherwise(mut self, sink: impl Sink + 'static) -> RouterBuilder {
        self.0.otherwise = Some(Branch::new(LevelFilter::Trace, sink));
        self
    }

    /// The sink.
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
/// The first error is returned, after every matching route had its turn; a route that fails or
/// panics harms no other.
pub struct Router {
    routes: Vec<Branch>,
    otherwise: Option<Branch>,
    first_only: bool,
}

impl Router {
    /// How many records and flushes failed or panicked, for each route in the order in which
    /// they were added, the catch-all last.
    pub fn failures_by_route(&self) -> Vec<u64> {
        self.all().map(Branch::failures).collect()
    }

    fn all(&self) -> impl Iterator<Item = &Branch> {
        self.routes.iter().chain(&self.otherwise)
    }
}

impl Sink for Router {
    fn emit(&self, record: &Record<'_>) -> io::Result<()> {
        let generation = gate::generation();
        let mut result = Ok(());
        let mut matched = false;
        for route in &self.routes {
            // A route's level also says what its sink wants, so a record that the sink is sure
            // to drop must still be asked of the filter where that decides the others' turn.
            let wanted = route.admits(generation, record.level());
            if !wanted && !self.first_only && self.otherwise.is_none() {
                continue;
            }
            let outcome = if wanted {
                route.emit(record)
            } else {
                route.lets_pass(record).then_some(Ok(()))
            };
            if let Some(outcome) = outcome {
                matched = true;
                result = result.and(outcome);
                if self.first_only {
                    return result;
                }
            }
        }
        if !matched
            && let Some(otherwise) = &self.otherwise
            && otherwise.admits(generation, record.level())
            && let Some(outcome) = otherwise.emit(record)
        {
            result = outcome;
        }
        result
    }

    fn flush(&self) -> io::Result<()> {
        let mut result = Ok(());
        for route in self.all() {
            result = result.and(route.flush());
        }
        result
    }

    fn max_level(&self) -> LevelFilter {
        self.all()
            .map(Branch::max_level)
            .max()
            .unwrap_or(LevelFilter::Off)
    }

    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        let generation = gate::generation();
        self.all().any(|route| route.enabled(generation, metadata))
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
