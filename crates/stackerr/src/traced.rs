//! A std error that carries a stack, for use in your own enums.

use crate::probe::{self, Answer, Found};
use crate::stack::{Stack, StackOrigin};
use crate::trail::Trail;
use crate::traverse::carries_stack;
use std::error::Error as StdError;
use std::fmt::{self, Debug, Display};
use std::ops::Deref;
use std::panic::Location;
use std::sync::Arc;

/// A std error with a stack. It is a std error itself, so that an enum can hold it. It prints and
/// behaves like the error that it wraps. [`stack_traces`](crate::stack_traces) finds its stack anywhere
/// in a chain.
///
/// # Examples
///
/// ```
/// use stackerr::{ResultExt, Traced};
/// use std::num::ParseIntError;
///
/// #[derive(Debug, thiserror::Error)]
/// enum ConfigError {
///     #[error("the port is wrong")]
///     Port(#[from] Traced<ParseIntError>),
/// }
///
/// fn port(text: &str) -> Result<u16, ConfigError> {
///     Ok(text.parse().traced()?)
/// }
///
/// let err = port("http").unwrap_err();
/// let traces = stackerr::stack_traces(&err);
/// assert_eq!(traces.iter().next().unwrap().error(), "invalid digit found in string");
/// ```
pub struct Traced<E> {
    error: E,
    stack: Option<Arc<Stack>>,
    trail: Trail,
}

impl<E: StdError + 'static> Traced<E> {
    /// Wraps an error. Captures the stack unless the error carries one.
    #[must_use]
    #[track_caller]
    pub fn new(error: E) -> Self {
        let stack = if carries_stack(&error) {
            None
        } else {
            Stack::capture(StackOrigin::Creation)
        };
        Self {
            error,
            stack,
            trail: Trail::new(Location::caller()),
        }
    }
}

impl<E> Traced<E> {
    /// Returns the error without its stack.
    pub fn into_inner(self) -> E {
        self.error
    }

    /// Returns the error.
    pub fn inner(&self) -> &E {
        &self.error
    }
}

impl<E: StdError + 'static> From<E> for Traced<E> {
    #[track_caller]
    fn from(error: E) -> Self {
        Self::new(error)
    }
}

impl<E> Deref for Traced<E> {
    type Target = E;

    fn deref(&self) -> &E {
        &self.error
    }
}

impl<E: Display> Display for Traced<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.error.fmt(f)
    }
}

impl<E: Debug> Debug for Traced<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.error.fmt(f)
    }
}

impl<E: StdError + 'static> StdError for Traced<E> {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        if probe::is_probing() {
            probe::answer(Answer::Wraps(Found {
                stack: self.stack.clone(),
                trail: self.trail.clone(),
                type_name: Some(std::any::type_name::<E>()),
            }));
            return Some(&self.error);
        }
        self.error.source()
    }
}
