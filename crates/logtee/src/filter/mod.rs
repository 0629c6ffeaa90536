//! What a sink wants.

mod adjustable;
#[cfg(feature = "env-filter")]
mod directives;
mod logic;

use std::fmt;
use std::sync::Arc;

use log::{LevelFilter, Metadata, Record};

pub use adjustable::{Adjustable, Handle, adjustable};
#[cfg(feature = "env-filter")]
pub use directives::{Directives, ParseError};
pub use logic::{And, Not, Or, not};

/// Decides which records a sink gets.
///
/// Three questions, from the cheapest to the dearest. An answer may let too much pass but never
/// too little: `max_level` and `enabled` say no only where `matches` would say no to every such
/// record.
///
/// A [`log::LevelFilter`] is a filter: that level and above. Closures become filters by
/// [`filter_fn`], and [`predicate`](crate::predicate) has ready-made ones.
pub trait Filter: Send + Sync {
    /// The most verbose level that could pass.
    fn max_level(&self) -> LevelFilter;

    /// Whether a record with this metadata may pass.
    fn enabled(&self, metadata: &Metadata<'_>) -> bool;

    /// Whether this record passes. Asks `enabled` by default.
    fn matches(&self, record: &Record<'_>) -> bool {
        self.enabled(record.metadata())
    }

    /// What passes both.
    fn and<F: Filter>(self, other: F) -> And<Self, F>
    where
        Self: Sized,
    {
        And(self, other)
    }

    /// What passes either.
    fn or<F: Filter>(self, other: F) -> Or<Self, F>
    where
        Self: Sized,
    {
        Or(self, other)
    }
}

/// That level and what is more severe.
impl Filter for LevelFilter {
    fn max_level(&self) -> LevelFilter {
        *self
    }

    #[inline]
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.level() <= *self
    }
}

impl<F: Filter + ?Sized> Filter for Box<F> {
    fn max_level(&self) -> LevelFilter {
        (**self).max_level()
    }

    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        (**self).enabled(metadata)
    }

    fn matches(&self, record: &Record<'_>) -> bool {
        (**self).matches(record)
    }
}

impl<F: Filter + ?Sized> Filter for Arc<F> {
    fn max_level(&self) -> LevelFilter {
        (**self).max_level()
    }

    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        (**self).enabled(metadata)
    }

    fn matches(&self, record: &Record<'_>) -> bool {
        (**self).matches(record)
    }
}

/// A closure as a [`Filter`]; made by [`filter_fn`].
#[derive(Clone, Copy)]
pub struct FilterFn<F> {
    function: F,
    max_level: LevelFilter,
}

/// Makes a filter of a closure that looks at the record.
///
/// # Examples
///
/// ```
/// let short = logtee::filter_fn(|record| record.args().as_str().is_some_and(|m| m.len() < 80))
///     .up_to(log::LevelFilter::Info);
/// # let _ = short;
/// ```
pub fn filter_fn<F>(function: F) -> FilterFn<F>
where
    F: Fn(&Record<'_>) -> bool + Send + Sync,
{
    FilterFn {
        function,
        max_level: LevelFilter::Trace,
    }
}

impl<F> FilterFn<F> {
    /// Asks the closure only about records of this level and above; all levels by default.
    #[must_use = "returns the changed filter"]
    pub fn up_to(self, max_level: LevelFilter) -> FilterFn<F> {
        FilterFn { max_level, ..self }
    }
}

impl<F> Filter for FilterFn<F>
where
    F: Fn(&Record<'_>) -> bool + Send + Sync,
{
    fn max_level(&self) -> LevelFilter {
        self.max_level
    }

    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.level() <= self.max_level
    }

    fn matches(&self, record: &Record<'_>) -> bool {
        record.level() <= self.max_level && (self.function)(record)
    }
}

impl<F> fmt::Debug for FilterFn<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FilterFn")
            .field("max_level", &self.max_level)
            .finish_non_exhaustive()
    }
}
