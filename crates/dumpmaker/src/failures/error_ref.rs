//! The argument of `dump_error`: a reference to an error of any crate.

use std::error::Error as StdError;

use stackerr::StackTraces;

/// A reference to an error: every type that implements [`std::error::Error`], trait objects of it,
/// [`stackerr::Error`], and with the feature `anyhow` [`anyhow::Error`](https://docs.rs/anyhow).
///
/// The type parameter keeps these implementations apart. It is always inferred.
pub trait ErrorRef<Source> {
    /// Returns the error as a trait object.
    fn as_std_error(&self) -> &(dyn StdError + 'static);

    /// Returns the stacks that the error and its causes carry.
    fn stack_traces(&self) -> StackTraces {
        stackerr::stack_traces(self.as_std_error())
    }
}

/// Marks errors that implement [`std::error::Error`].
#[derive(Debug)]
pub enum Std {}
/// Marks trait objects of [`std::error::Error`].
#[derive(Debug)]
pub enum Object {}
/// Marks errors of `stackerr`.
#[derive(Debug)]
pub enum Stackerr {}
/// Marks errors of `anyhow`.
#[cfg(feature = "anyhow")]
#[derive(Debug)]
pub enum Anyhow {}

impl<E: StdError + 'static> ErrorRef<Std> for E {
    fn as_std_error(&self) -> &(dyn StdError + 'static) {
        self
    }
}

macro_rules! objects {
    ($($object:ty),*) => {$(
        impl ErrorRef<Object> for $object {
            fn as_std_error(&self) -> &(dyn StdError + 'static) {
                self
            }
        }

        impl ErrorRef<Object> for Box<$object> {
            fn as_std_error(&self) -> &(dyn StdError + 'static) {
                &**self
            }
        }
    )*};
}
objects!(
    dyn StdError + 'static,
    dyn StdError + Send + 'static,
    dyn StdError + Send + Sync + 'static
);

impl ErrorRef<Stackerr> for stackerr::Error {
    fn as_std_error(&self) -> &(dyn StdError + 'static) {
        self.as_std()
    }
}

#[cfg(feature = "anyhow")]
impl ErrorRef<Anyhow> for anyhow::Error {
    fn as_std_error(&self) -> &(dyn StdError + 'static) {
        self.as_ref()
    }

    fn stack_traces(&self) -> StackTraces {
        StackTraces::of_anyhow(self)
    }
}
