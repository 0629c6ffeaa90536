//! The ways into an `Error`, and out of it.

use crate::error::Error;
use crate::inner::{Inner, Kind};
use crate::stack::Stack;
use crate::trail::Trail;
use std::any::Any;
use std::borrow::Cow;
use std::error::Error as StdError;
use std::ops::Deref;
use std::panic::Location;

impl<E: StdError + Send + Sync + 'static> From<E> for Error {
    #[track_caller]
    fn from(error: E) -> Self {
        Self::new(error)
    }
}

impl From<Error> for Box<dyn StdError + Send + Sync> {
    fn from(error: Error) -> Self {
        error.0
    }
}

impl From<Error> for Box<dyn StdError + Send> {
    fn from(error: Error) -> Self {
        error.0
    }
}

impl From<Error> for Box<dyn StdError> {
    fn from(error: Error) -> Self {
        error.0
    }
}

impl Deref for Error {
    type Target = dyn StdError + Send + Sync + 'static;

    fn deref(&self) -> &Self::Target {
        &*self.0
    }
}

impl AsRef<dyn StdError + Send + Sync> for Error {
    fn as_ref(&self) -> &(dyn StdError + Send + Sync + 'static) {
        &*self.0
    }
}

impl AsRef<dyn StdError> for Error {
    fn as_ref(&self) -> &(dyn StdError + 'static) {
        &*self.0
    }
}

impl Error {
    /// Whatever can be returned as an error: std errors, boxes, text, an [`Error`], and (with
    /// feature `anyhow`, so that its own backtrace is used) an `anyhow::Error`.
    ///
    /// What carries a stack keeps it and no other is taken; an [`Error`], also one in a box, stays
    /// the same error.
    ///
    /// # Examples
    ///
    /// ```
    /// use stackerr::Error;
    ///
    /// let err = Error::wrap("just text");
    /// let boxed: Box<dyn std::error::Error + Send + Sync> = err.into();
    /// let again = Error::wrap(boxed);
    /// assert_eq!(again.to_string(), "just text");
    /// assert_eq!(again.stack_traces().len(), 1);
    /// ```
    #[must_use]
    #[track_caller]
    pub fn wrap<E: Into<Box<dyn StdError + Send + Sync>> + 'static>(error: E) -> Self {
        let place = Location::caller();
        let mut slot = Some(error);
        let any: &mut dyn Any = &mut slot;
        if let Some(own) = take::<Self>(any) {
            return own.hop(place);
        }
        #[cfg(feature = "anyhow")]
        if let Some(error) = take::<anyhow::Error>(any) {
            return crate::anyhow::wrap(error, place);
        }
        let text = take::<&'static str>(any)
            .map(Cow::Borrowed)
            .or_else(|| take::<String>(any).map(Cow::Owned));
        match (text, slot) {
            (None, Some(error)) => {
                Self::boxed_at(error.into(), Some(std::any::type_name::<E>()), place)
            }
            (text, _) => Self(Box::new(Inner {
                kind: Kind::Message(text.unwrap_or_default()),
                stack: Stack::capture(),
                trail: Trail::new(place),
                type_name: None,
            })),
        }
    }

    /// The error as a boxed std error, which keeps everything: see [`Error::from_boxed`].
    #[must_use]
    pub fn into_boxed(self) -> Box<dyn StdError + Send + Sync> {
        self.0
    }

    /// The foreign error of that type that this error carries.
    ///
    /// # Errors
    ///
    /// The error itself, unchanged, if it is a context, a join, or carries anything else.
    pub fn downcast<T: StdError + Send + Sync + 'static>(mut self) -> Result<T, Self> {
        match std::mem::replace(&mut self.0.kind, Kind::Message(Cow::Borrowed(""))) {
            Kind::Foreign(error) => match error.downcast::<T>() {
                Ok(error) => Ok(*error),
                Err(error) => {
                    self.0.kind = Kind::Foreign(error);
                    Err(self)
                }
            },
            #[cfg(feature = "anyhow")]
            Kind::Anyhow(error) => match (*error).downcast::<T>() {
                Ok(error) => Ok(error),
                Err(error) => {
                    self.0.kind = Kind::Anyhow(Box::new(error));
                    Err(self)
                }
            },
            kind => {
                self.0.kind = kind;
                Err(self)
            }
        }
    }
}

/// The value in an `Option<T>`, if the slot is one.
fn take<T: 'static>(slot: &mut dyn Any) -> Option<T> {
    slot.downcast_mut::<Option<T>>().and_then(Option::take)
}
