//! One link of the structure below an error: what it carries, and what comes next.

use crate::error::Error;
use crate::inner::{Inner, Kind};
use crate::probe::{self, Answer};
use crate::stack::Stack;
use crate::trail::Trail;
use std::error::Error as StdError;
use std::sync::Arc;

/// What an error of this crate knows beyond being an error.
pub(crate) struct Found {
    pub(crate) stack: Option<Arc<Stack>>,
    pub(crate) trail: Trail,
    pub(crate) type_name: Option<&'static str>,
}

/// What is below an error.
pub(crate) enum Next<'a> {
    /// Nothing.
    End,
    /// Its cause.
    Cause(&'a (dyn StdError + 'static)),
    /// The same error again, one wrapper less: its message is not to be shown twice.
    Same(&'a (dyn StdError + 'static)),
    /// The errors that were joined.
    Branches(&'a [Error]),
}

/// Links that lead from one foreign error to the next are followed no further than this in one
/// line of descent, so that a cycle ends.
pub(crate) const MAX_LINKS: usize = 20_000;

/// Looks one link down.
pub(crate) fn expand<'a>(error: &'a (dyn StdError + 'static)) -> (Option<Found>, Next<'a>) {
    if let Some(inner) = error.downcast_ref::<Inner>() {
        let found = Found {
            stack: inner.own_stack(),
            trail: inner.trail.clone(),
            type_name: inner.type_name,
        };
        let next = match &inner.kind {
            Kind::Context(_, below) => Next::Cause(below.as_std()),
            Kind::Join(errors) => Next::Branches(errors),
            _ => inner.carried().map_or(Next::End, Next::Same),
        };
        return (Some(found), next);
    }
    match probe::source(error) {
        (Some(same), Some(Answer::Itself)) => (None, Next::Same(same)),
        (Some(same), Some(Answer::Wraps(found))) => (Some(found), Next::Same(same)),
        (Some(cause), None) => (None, Next::Cause(cause)),
        (None, Some(Answer::Wraps(found))) => (Some(found), Next::End),
        (None, _) => (None, Next::End),
    }
}
