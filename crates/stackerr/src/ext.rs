//! Methods for the results and options of others.

use crate::error::Error;
use crate::traced::Traced;
use std::error::Error as StdError;
use std::fmt::{self, Display};

type Boxed = Box<dyn StdError + Send + Sync>;

mod sealed {
    pub trait Sealed {}
    impl<T, E> Sealed for Result<T, E> {}
    impl<T> Sealed for Option<T> {}
}

/// Stack and context for a `Result` of any error, and for an `Option`.
///
/// Any error: a std error, a box of one, text, [`Error`] itself, and anyhow's. What carries a stack
/// keeps it and no other is taken.
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
pub trait ResultExt<T, E>: sealed::Sealed + Sized {
    /// Turns the error into an [`Error`], taking the stack if it has none.
    ///
    /// # Errors
    ///
    /// The error; `no value` for a `None`.
    fn stack(self) -> Result<T, Error>;

    /// The same, and wraps it in a context, which becomes its message. A `None` becomes an error
    /// with this message.
    ///
    /// # Errors
    ///
    /// The error in its context.
    fn context<C: Display + Send + Sync + 'static>(self, context: C) -> Result<T, Error>;

    /// The same; the context is made only if there is an error.
    ///
    /// # Errors
    ///
    /// The error in its context.
    fn with_context<C, F>(self, context: F) -> Result<T, Error>
    where
        C: Display + Send + Sync + 'static,
        F: FnOnce() -> C;

    /// Wraps a std error in [`Traced`], so that `?` reaches an enum's `#[from]`.
    ///
    /// # Errors
    ///
    /// The error with its stack.
    fn traced(self) -> Result<T, Traced<E>>
    where
        E: StdError + 'static;
}

impl<T, E: Into<Boxed> + 'static> ResultExt<T, E> for Result<T, E> {
    #[track_caller]
    fn stack(self) -> Result<T, Error> {
        match self {
            Ok(value) => Ok(value),
            Err(error) => Err(Error::wrap(error)),
        }
    }

    #[track_caller]
    fn context<C: Display + Send + Sync + 'static>(self, context: C) -> Result<T, Error> {
        match self {
            Ok(value) => Ok(value),
            Err(error) => Err(Error::wrap(error).context(context)),
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
            Err(error) => Err(Error::wrap(error).context(context())),
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
            None => Err(Error::new(NoValue).say(context)),
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
            None => Err(Error::new(NoValue).say(context())),
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
