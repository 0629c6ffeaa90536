//! Running everything and keeping every failure.

use crate::error::Error;
use std::error::Error as StdError;
use std::panic::Location;

/// Collecting results without stopping at the first failure.
pub trait JoinExt<T, E>: IntoIterator<Item = Result<T, E>> + Sized {
    /// Runs the iterator to its end; all values, or all errors joined in order.
    ///
    /// # Errors
    ///
    /// The join of every error, or the only one itself; see [`Error::join`].
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

impl<I, T, E> JoinExt<T, E> for I
where
    I: IntoIterator<Item = Result<T, E>>,
    E: Into<Box<dyn StdError + Send + Sync>> + 'static,
{
    #[track_caller]
    fn join_errors<C: FromIterator<T>>(self) -> Result<C, Error> {
        let place = Location::caller();
        let mut results = self.into_iter();
        let mut errors = Vec::new();
        // No closure: it would hide the caller's place from the errors' trails.
        let mut values = Vec::new();
        loop {
            match results.next() {
                Some(Ok(value)) if errors.is_empty() => values.push(value),
                Some(Ok(_)) => {}
                Some(Err(error)) => {
                    values.clear();
                    errors.push(Error::wrap(error));
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
