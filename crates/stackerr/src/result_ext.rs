//! Methods for results, options and iterators.

use crate::convert::{IntoError, ViaStd};
use crate::repr::{Error, Note};
use crate::traced::Traced;
use std::error::Error as StdError;
use std::fmt::{self, Display};
use std::panic::Location;

mod sealed {
    pub trait Sealed {}
    impl<T, E> Sealed for Result<T, E> {}
    impl<T> Sealed for Option<T> {}
}

/// `.stack()`, `.context()` and `.with_context()` for a `Result` with any error and for an `Option`;
/// `.traced()` for your own enums.
///
/// It accepts the same errors as [`IntoError`]: std errors, boxes, text, [`Error`], and the errors of
/// anyhow and eyre. An error that carries a stack keeps it, and no other is captured.
///
/// # Examples
///
/// ```
/// use stackerr::ResultExt;
///
/// fn first(words: &[&str]) -> Result<i32, stackerr::Error> {
///     let word = words.first().context("no word")?;
///     word.parse().with_context(|| format!("{word:?} is no number"))
/// }
///
/// assert_eq!(first(&[]).unwrap_err().to_string(), "no word");
/// assert_eq!(first(&["x"]).unwrap_err().to_string(), "\"x\" is no number");
/// ```
pub trait ResultExt<T, E, Via = ViaStd>: sealed::Sealed + Sized {
    /// Converts the error into an [`Error`]. Captures the stack unless the error carries one.
    ///
    /// # Errors
    ///
    /// The converted error. A `None` becomes an error with the message `no value`.
    fn stack(self) -> Result<T, Error>;

    /// Converts the error into an [`Error`] like [`stack`](Self::stack), and adds a context, which
    /// becomes the message. A `None` becomes an error with this message. If the context is expensive
    /// to compute, use [`with_context`](Self::with_context).
    ///
    /// # Errors
    ///
    /// The error with its context.
    fn context<C: Display + Send + Sync + 'static>(self, context: C) -> Result<T, Error>;

    /// Converts the error into an [`Error`] like [`stack`](Self::stack), and adds the context that
    /// the function returns. The function is called only if there is an error.
    ///
    /// # Errors
    ///
    /// The error with its context.
    fn with_context<C, F>(self, context: F) -> Result<T, Error>
    where
        C: Display + Send + Sync + 'static,
        F: FnOnce() -> C;

    /// Wraps a std error in [`Traced`], which `?` converts into an enum with
    /// `#[from] Traced<E>`. Captures the stack unless the error carries one.
    ///
    /// # Errors
    ///
    /// The wrapped error.
    fn traced(self) -> Result<T, Traced<E>>
    where
        E: StdError + 'static;
}

impl<T, E, Via> ResultExt<T, E, Via> for Result<T, E>
where
    E: IntoError<Via>,
{
    #[track_caller]
    fn stack(self) -> Result<T, Error> {
        // No closures here: `#[track_caller]` would not see the caller through them.
        match self {
            Ok(value) => Ok(value),
            Err(error) => Err(error.into_error()),
        }
    }

    #[track_caller]
    fn context<C: Display + Send + Sync + 'static>(self, context: C) -> Result<T, Error> {
        match self {
            Ok(value) => Ok(value),
            Err(error) => Err(error.into_error().context(context)),
        }
    }

    #[track_caller]
    fn with_context<C, F>(self, context: F) -> Result<T, Error>
    where
        C: Display + Send + Sync + 'static,
        F: FnOnce() -> C,
    {
        match self {
            Ok(value) => Ok(value),
            Err(error) => Err(error.into_error().context(context())),
        }
    }

    #[track_caller]
    fn traced(self) -> Result<T, Traced<E>>
    where
        E: StdError + 'static,
    {
        match self {
            Ok(value) => Ok(value),
            Err(error) => Err(Traced::new(error)),
        }
    }
}

/// The error that a `None` becomes: `no value`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct NoValue;

impl Display for NoValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("no value")
    }
}

impl StdError for NoValue {}

impl<T> ResultExt<T, NoValue> for Option<T> {
    #[track_caller]
    fn stack(self) -> Result<T, Error> {
        match self {
            Some(value) => Ok(value),
            None => Err(Error::new(NoValue)),
        }
    }

    #[track_caller]
    fn context<C: Display + Send + Sync + 'static>(self, context: C) -> Result<T, Error> {
        match self {
            Some(value) => Ok(value),
            None => Err(no_value(Note::new(context))),
        }
    }

    #[track_caller]
    fn with_context<C, F>(self, context: F) -> Result<T, Error>
    where
        C: Display + Send + Sync + 'static,
        F: FnOnce() -> C,
    {
        match self {
            Some(value) => Ok(value),
            None => Err(no_value(Note::new(context()))),
        }
    }

    #[track_caller]
    fn traced(self) -> Result<T, Traced<NoValue>> {
        match self {
            Some(value) => Ok(value),
            None => Err(Traced::new(NoValue)),
        }
    }
}

/// A `None` has no message of its own that could become a cause.
#[track_caller]
fn no_value(note: Note) -> Error {
    Error::message(note, Location::caller()).with_type(std::any::type_name::<NoValue>())
}

/// Collecting results without stopping at the first failure.
pub trait JoinExt<T, E, Via = ViaStd>: IntoIterator<Item = Result<T, E>> + Sized {
    /// Runs the iterator to its end. Returns all values, or all errors joined in order.
    ///
    /// # Errors
    ///
    /// The join of all errors, or a single error unchanged; see [`Error::join`].
    ///
    /// # Examples
    ///
    /// ```
    /// use stackerr::JoinExt;
    ///
    /// let numbers = ["1", "2"].iter().map(|text| text.parse::<i32>());
    /// assert_eq!(numbers.join_errors::<Vec<_>>().unwrap(), [1, 2]);
    ///
    /// let numbers = ["1", "x", ""].iter().map(|text| text.parse::<i32>());
    /// let err = numbers.join_errors::<Vec<_>>().unwrap_err();
    /// assert_eq!(err.errors().len(), 2);
    /// ```
    fn join_errors<C: FromIterator<T>>(self) -> Result<C, Error>;
}

impl<I, T, E, Via> JoinExt<T, E, Via> for I
where
    I: IntoIterator<Item = Result<T, E>>,
    E: IntoError<Via>,
{
    #[track_caller]
    fn join_errors<C: FromIterator<T>>(self) -> Result<C, Error> {
        let place = Location::caller();
        let mut results = self.into_iter();
        let mut errors = Vec::new();
        let mut values = Vec::new();
        // No closure here: `#[track_caller]` would not see the caller through it.
        loop {
            match results.next() {
                Some(Ok(value)) if errors.is_empty() => values.push(value),
                Some(Ok(_)) => {}
                Some(Err(error)) => {
                    values.clear();
                    errors.push(error.into_error());
                }
                None => break,
            }
        }
        match Error::join(errors) {
            None => Ok(values.into_iter().collect()),
            Some(error) => Err(error.hop(place)),
        }
    }
}
