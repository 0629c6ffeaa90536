//! And, or, not.

use log::{LevelFilter, Metadata, Record};

use super::Filter;

/// What both filters let pass; made by [`Filter::and`].
#[derive(Clone, Copy, Debug)]
pub struct And<A, B>(pub(super) A, pub(super) B);

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

/// What either filter lets pass; made by [`Filter::or`].
#[derive(Clone, Copy, Debug)]
pub struct Or<A, B>(pub(super) A, pub(super) B);

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

/// What a filter keeps back; made by [`not`].
#[derive(Clone, Copy, Debug)]
pub struct Not<F>(F);

/// Lets pass what `filter` keeps back.
pub fn not<F: Filter>(filter: F) -> Not<F> {
    Not(filter)
}

/// `enabled` and `max_level` of a filter say what may pass, which leaves open what does not: so
/// everything may pass the opposite, until it is asked about a record.
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
