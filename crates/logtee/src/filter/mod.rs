//! Filters: the trait [`Filter`], levels, closures, and their combinations.

mod adjustable;
#[cfg(feature = "env-filter")]
mod directives;

use std::fmt;
use std::sync::Arc;

use log::{LevelFilter, Metadata, Record};

pub use adjustable::{Adjustable, Handle, adjustable};
#[cfg(feature = "env-filter")]
pub use directives::{Directives, ParseError};

/// Decides which records a sink gets.
///
/// A filter has three methods, from the cheapest to the most expensive. `max_level` and `enabled` are
/// hints: they may let too many records pass, but never too few. They may reject a level or metadata
/// only if `matches` rejects every such record.
///
/// A [`log::LevelFilter`] is a filter, which lets that level and more severe ones pass. Closures
/// become filters by [`filter_fn`], and [`predicate`](crate::predicate) has ready-made ones.
pub trait Filter: Send + Sync {
    /// The most verbose level that could pass.
    fn max_level(&self) -> LevelFilter;

    /// Whether a record with this metadata could pass.
    fn enabled(&self, metadata: &Metadata<'_>) -> bool;

    /// Whether this record passes. The default is [`enabled`](Filter::enabled).
    fn matches(&self, record: &Record<'_>) -> bool {
        self.enabled(record.metadata())
    }

    /// Makes a filter that lets a record pass if both filters do.
    fn and<F: Filter>(self, other: F) -> And<Self, F>
    where
        Self: Sized,
    {
        And(self, other)
    }

    /// Makes a filter that lets a record pass if at least one of the filters does.
    fn or<F: Filter>(self, other: F) -> Or<Self, F>
    where
        Self: Sized,
    {
        Or(self, other)
    }
}

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

/// Makes a filter of a closure that gets the record.
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
    /// Rejects records that are more verbose than this level without calling the closure. By default
    /// the closure gets all records.
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

/// Lets a record pass if both filters do; made by [`Filter::and`].
#[derive(Clone, Copy, Debug)]
pub struct And<A, B>(A, B);

impl<A: Filter, B: Filter> Filter for And<A, B> {
    fn max_level(&self) -> LevelFilter {
        self.0.max_level().min(self.1.max_level())
    }

    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        self.0.enabled(metadata) && self.1.enabled(metadata)
    }

    fn matches(&self, record: &Record<'_>) -> bool {
        self.0.matches(record) && self.1.matches(record)
    }
}

/// Lets a record pass if at least one of the filters does; made by [`Filter::or`].
#[derive(Clone, Copy, Debug)]
pub struct Or<A, B>(A, B);

impl<A: Filter, B: Filter> Filter for Or<A, B> {
    fn max_level(&self) -> LevelFilter {
        self.0.max_level().max(self.1.max_level())
    }

    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        self.0.enabled(metadata) || self.1.enabled(metadata)
    }

    fn matches(&self, record: &Record<'_>) -> bool {
        self.0.matches(record) || self.1.matches(record)
    }
}

/// Lets a record pass if a filter does not; made by [`not`].
#[derive(Clone, Copy, Debug)]
pub struct Not<F>(F);

/// Makes a filter that lets a record pass if `filter` does not.
///
/// It can't use the hints of `filter`, so it checks every record.
pub fn not<F: Filter>(filter: F) -> Not<F> {
    Not(filter)
}

impl<F: Filter> Filter for Not<F> {
    fn max_level(&self) -> LevelFilter {
        LevelFilter::Trace
    }

    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }

    fn matches(&self, record: &Record<'_>) -> bool {
        !self.0.matches(record)
    }
}
