//! Looking into an error of any crate.

use crate::walk;
use std::error::Error as StdError;

/// The joined errors of an error of any crate, in order and down to those that no join is in;
/// the error itself if there is no join. See [`Error::errors`](crate::Error::errors).
///
/// # Examples
///
/// ```
/// use stackerr::{Error, err};
///
/// let both = Error::join([err!("a"), err!("b")]).unwrap().context("wrapped");
/// let boxed: Box<dyn std::error::Error> = both.into();
/// let texts: Vec<_> = stackerr::errors(&*boxed).iter().map(|e| e.to_string()).collect();
/// assert_eq!(texts, ["a", "b"]);
/// ```
#[must_use]
pub fn errors<'a>(error: &'a (dyn StdError + 'static)) -> Vec<&'a (dyn StdError + 'static)> {
    let mut leaves = Vec::new();
    let mut pending = vec![error];
    while let Some(error) = pending.pop() {
        match walk::first_join(error) {
            Some(branches) => pending.extend(
                branches
                    .iter()
                    .rev()
                    .map(|error| error.as_std() as &(dyn StdError + 'static)),
            ),
            None => leaves.push(error),
        }
    }
    leaves
}

/// The first error of that type in an error of any crate, its causes, and every branch of its
/// joins. See [`Error::find`](crate::Error::find).
///
/// # Examples
///
/// ```
/// let boxed: Box<dyn std::error::Error> = stackerr::Error::new(std::fmt::Error).into();
/// assert!(stackerr::find::<std::fmt::Error>(&*boxed).is_some());
/// ```
#[must_use]
pub fn find<'a, T: StdError + 'static>(error: &'a (dyn StdError + 'static)) -> Option<&'a T> {
    walk::find(error)
}
