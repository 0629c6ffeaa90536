//! One bound for all that can be looked at as a std error.

use crate::error::Error;
use std::error::Error as StdError;

/// What can be looked at as a std error: every such error, [`Error`], and the trait objects.
///
/// It is for functions that take `&err` of whatever kind. `anyhow::Error` is not among them, for
/// the compiler can not be told that it will never be a std error itself: pass `&*err`.
///
/// # Examples
///
/// ```
/// use stackerr::AsStdError;
///
/// fn show<E: AsStdError + ?Sized>(error: &E) -> String {
///     stackerr::report(error.as_std_error()).stacks(false).to_string()
/// }
///
/// assert_eq!(show(&stackerr::err!("one")), "one");
/// assert_eq!(show(&std::fmt::Error), std::fmt::Error.to_string());
/// let boxed: Box<dyn std::error::Error + Send + Sync> = "two".into();
/// assert_eq!(show(&*boxed), "two");
/// ```
pub trait AsStdError {
    /// The error as a std error.
    fn as_std_error(&self) -> &(dyn StdError + 'static);
}

impl<E: StdError + 'static> AsStdError for E {
    fn as_std_error(&self) -> &(dyn StdError + 'static) {
        self
    }
}

impl AsStdError for Error {
    fn as_std_error(&self) -> &(dyn StdError + 'static) {
        self.as_std()
    }
}

impl AsStdError for dyn StdError + 'static {
    fn as_std_error(&self) -> &(dyn StdError + 'static) {
        self
    }
}

impl AsStdError for dyn StdError + Send + 'static {
    fn as_std_error(&self) -> &(dyn StdError + 'static) {
        self
    }
}

impl AsStdError for dyn StdError + Send + Sync + 'static {
    fn as_std_error(&self) -> &(dyn StdError + 'static) {
        self
    }
}
