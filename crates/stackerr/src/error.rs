//! Creates errors, and inspects them.

use crate::fmt::Report;
use crate::repr::{Error, Inner, Kind, Note};
use crate::stack::{Stack, StackOrigin};
use crate::trace::StackTraces;
use crate::trail::{Place, Trail};
use crate::traverse::{self, Chain, carries_stack};
use crate::tree::ErrorTree;
use std::any::Any;
use std::borrow::Cow;
use std::error::Error as StdError;
use std::fmt::{Debug, Display};
use std::panic::Location;

impl Error {
    /// Converts a std error. Captures the stack unless the error carries one.
    #[must_use]
    #[track_caller]
    pub fn new<E: StdError + Send + Sync + 'static>(error: E) -> Self {
        let stack = if carries_stack(&error) {
            None
        } else {
            Stack::capture(StackOrigin::Creation)
        };
        Self::of(Kind::Std(Box::new(error)), stack, Location::caller())
            .with_type(std::any::type_name::<E>())
    }

    /// Creates an error that is only a message. Captures the stack.
    ///
    /// [`err!`](crate::err) formats one.
    ///
    /// # Examples
    ///
    /// ```
    /// use stackerr::Error;
    ///
    /// let err = Error::msg("no such job");
    /// assert_eq!(err.to_string(), "no such job");
    /// let parsed = "x".parse::<u8>().map_err(Error::msg);
    /// assert_eq!(parsed.unwrap_err().to_string(), "invalid digit found in string");
    /// ```
    #[must_use]
    #[track_caller]
    pub fn msg<M: Display + Send + Sync + 'static>(message: M) -> Self {
        Self::message(Note::new(message), Location::caller())
    }

    /// Joins errors into one, in order. Returns `None` if there are none, and a single error unchanged.
    /// Accepts everything that `?` converts.
    ///
    /// # Examples
    ///
    /// ```
    /// use stackerr::{Error, err};
    ///
    /// let both = Error::join([err!("first"), err!("second")]).unwrap();
    /// assert_eq!(both.to_string(), "first\nsecond");
    /// assert_eq!(both.errors().len(), 2);
    ///
    /// let failures: Vec<std::io::Error> = Vec::new();
    /// assert!(Error::join(failures).is_none());
    /// ```
    #[must_use]
    #[track_caller]
    pub fn join<I>(errors: I) -> Option<Self>
    where
        I: IntoIterator,
        I::Item: Into<Self>,
    {
        let mut errors: Vec<Self> = errors.into_iter().map(Into::into).collect();
        let place = Location::caller();
        if errors.len() <= 1 {
            return errors.pop().map(|only| only.hop(place));
        }
        // A join has no stack of its own; its errors have theirs.
        Some(Self::of(Kind::Join(errors), None, place))
    }

    /// Adds a context, which becomes the message; the error becomes its cause. Captures nothing.
    ///
    /// # Examples
    ///
    /// ```
    /// let err = stackerr::err!("connection refused").context("fetching the index");
    /// assert_eq!(format!("{err:#}"), "fetching the index: connection refused");
    /// ```
    #[must_use]
    #[track_caller]
    pub fn context<C: Display + Send + Sync + 'static>(self, context: C) -> Self {
        Self::of(
            Kind::Context(Note::new(context), self),
            None,
            Location::caller(),
        )
    }

    /// Returns the stacks of all errors in this one, in the order of the joins; see
    /// [`StackTraces`].
    #[must_use]
    pub fn stack_traces(&self) -> StackTraces {
        crate::stack_traces(self.as_std())
    }

    /// Returns the leaves of all joins, left to right; the error itself if it has no join. A leaf
    /// keeps the contexts that were added before it was joined.
    #[must_use]
    pub fn errors(&self) -> Vec<&Self> {
        let mut leaves = Vec::new();
        let mut pending = vec![self];
        while let Some(error) = pending.pop() {
            match traverse::first_join(error.as_std()) {
                Some(errors) => pending.extend(errors.iter().rev()),
                None => leaves.push(error),
            }
        }
        leaves
    }

    /// Returns the error and its causes, outermost first. The chain ends at a join. Messages and
    /// contexts are errors of a private type, foreign errors keep their own type.
    #[must_use]
    pub fn chain(&self) -> Chain<'_> {
        Chain::new(self.as_std())
    }

    /// Returns the last error of the [`chain`](Self::chain).
    #[must_use]
    pub fn root_cause(&self) -> &(dyn StdError + 'static) {
        self.chain().next_back().unwrap_or(self.as_std())
    }

    /// Returns the first error of type `T` among the error, its causes and every branch of its
    /// joins. [`downcast_ref`](Self::downcast_ref) searches only the error itself.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::num::ParseIntError;
    /// use stackerr::{Error, err};
    ///
    /// let parse = Error::new("x".parse::<i32>().unwrap_err()).context("reading");
    /// let both = Error::join([err!("other"), parse]).unwrap();
    /// assert!(both.find::<ParseIntError>().is_some());
    /// assert!(both.find::<std::io::Error>().is_none());
    /// ```
    #[must_use]
    pub fn find<T: StdError + 'static>(&self) -> Option<&T> {
        traverse::find(self.as_std())
    }

    /// Returns all errors of type `T` among the error, its causes and every branch of its joins.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::num::ParseIntError;
    /// use stackerr::JoinExt;
    ///
    /// let numbers = ["1", "x", ""].map(|text| text.parse::<i32>());
    /// let err = numbers.join_errors::<Vec<_>>().unwrap_err();
    /// assert_eq!(err.find_all::<ParseIntError>().len(), 2);
    /// ```
    #[must_use]
    pub fn find_all<T: StdError + 'static>(&self) -> Vec<&T> {
        traverse::find_all(self.as_std()).collect()
    }

    /// Returns whether [`downcast_ref`](Self::downcast_ref) finds a value of type `T`, like anyhow's
    /// `is`. Causes and the errors of a join are not searched; see [`find`](Self::find).
    #[must_use]
    pub fn is<T>(&self) -> bool
    where
        T: Display + Debug + Send + Sync + 'static,
    {
        self.downcast_ref::<T>().is_some()
    }

    /// Returns the error as a value of type `T`: the outermost context of that type or, if there is
    /// none, the message or the foreign error below all contexts. Causes of a foreign error and the
    /// errors of a join are not searched; see [`find`](Self::find).
    ///
    /// A message or context has the type that was passed: `&'static str` for literals, `String` for
    /// formatted text. An error that was in a box before it was converted is found as
    /// `Box<dyn std::error::Error + Send + Sync>`, or by `find`.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::num::ParseIntError;
    /// use stackerr::{Error, err};
    ///
    /// let err = Error::new("x".parse::<i32>().unwrap_err()).context("reading");
    /// assert!(err.downcast_ref::<ParseIntError>().is_some());
    /// assert_eq!(err.downcast_ref::<&str>(), Some(&"reading"));
    /// let job = std::env::args().count();
    /// assert!(err!("job {job}").downcast_ref::<String>().is_some());
    /// ```
    #[must_use]
    pub fn downcast_ref<T>(&self) -> Option<&T>
    where
        T: Display + Debug + Send + Sync + 'static,
    {
        let mut at = self;
        loop {
            if let Some(value) = at.own_ref::<T>() {
                return Some(value);
            }
            match &at.0.kind {
                Kind::Context(_, below) => at = below,
                _ => return None,
            }
        }
    }

    /// Returns the error as a mutable value of type `T`, which is found in the same way as by
    /// [`downcast_ref`](Self::downcast_ref).
    #[must_use]
    pub fn downcast_mut<T>(&mut self) -> Option<&mut T>
    where
        T: Display + Debug + Send + Sync + 'static,
    {
        let mut at = self;
        while at.own_ref::<T>().is_none() {
            match &mut at.0.kind {
                Kind::Context(_, below) => at = below,
                _ => return None,
            }
        }
        match &mut at.0.kind {
            Kind::Message(note) | Kind::Context(note, _) => note.as_any_mut().downcast_mut(),
            Kind::Std(error) => {
                let any: &mut dyn Any = &mut **error;
                any.downcast_mut()
            }
            Kind::Boxed(error) => (error as &mut dyn Any).downcast_mut(),
            #[cfg(feature = "anyhow")]
            Kind::Anyhow(error) => error.error.downcast_mut(),
            Kind::Join(_) => None,
        }
    }

    /// Converts the error into a value of type `T`, which is found in the same way as by
    /// [`downcast_ref`](Self::downcast_ref). Everything else in the error is dropped: other contexts, and
    /// the stack.
    ///
    /// # Errors
    ///
    /// Returns the error itself, unchanged, if there is no value of type `T`.
    pub fn downcast<T>(mut self) -> Result<T, Self>
    where
        T: Display + Debug + Send + Sync + 'static,
    {
        let mut at = &mut self;
        while at.own_ref::<T>().is_none() {
            match &mut at.0.kind {
                Kind::Context(_, below) => at = below,
                _ => return Err(self),
            }
        }
        match std::mem::replace(&mut at.0.kind, Kind::Message(Note::EMPTY)).into_own() {
            Ok(value) => Ok(value),
            Err(kind) => {
                at.0.kind = kind;
                Err(self)
            }
        }
    }

    /// The value of this error itself, not of one below a context.
    fn own_ref<T>(&self) -> Option<&T>
    where
        T: Display + Debug + Send + Sync + 'static,
    {
        match &self.0.kind {
            Kind::Message(note) | Kind::Context(note, _) => note.as_any().downcast_ref(),
            Kind::Std(error) => {
                let any: &dyn Any = &**error;
                any.downcast_ref()
            }
            Kind::Boxed(error) => (error as &dyn Any).downcast_ref(),
            #[cfg(feature = "anyhow")]
            Kind::Anyhow(error) => error.error.downcast_ref(),
            Kind::Join(_) => None,
        }
    }

    /// Returns the cause, like [`std::error::Error::source`]: the error below a context, or the source
    /// of a foreign error. Returns `None` for a message and for a join.
    #[must_use]
    pub fn source(&self) -> Option<&(dyn StdError + 'static)> {
        StdError::source(&*self.0)
    }

    /// Returns the error as a std error, for functions that take one.
    #[must_use]
    pub fn as_std(&self) -> &(dyn StdError + Send + Sync + 'static) {
        &*self.0
    }

    /// Returns the error as text for people; see [`Report`].
    pub fn report(&self) -> Report<'_> {
        crate::report(self.as_std())
    }

    /// Returns messages and places as a tree, for structured output.
    #[must_use]
    pub fn tree(&self) -> ErrorTree {
        crate::tree(self.as_std())
    }

    #[track_caller]
    pub(crate) fn text(text: Cow<'static, str>) -> Self {
        Self::message(Note::Text(text), Location::caller())
    }

    pub(crate) fn message(note: Note, place: Place) -> Self {
        let stack = Stack::capture(StackOrigin::Creation);
        Self::of(Kind::Message(note), stack, place)
    }

    /// Converts a boxed error, or one from another container that converts into a box.
    pub(crate) fn boxed(error: Box<dyn StdError + Send + Sync>, place: Place) -> Self {
        match error.downcast::<Inner>() {
            Ok(inner) => Self(inner).hop(place),
            Err(error) => {
                let stack = if carries_stack(&*error) {
                    None
                } else {
                    Stack::capture(StackOrigin::Conversion)
                };
                Self::of(Kind::Boxed(error), stack, place)
            }
        }
    }

    pub(crate) fn of(kind: Kind, stack: Option<std::sync::Arc<Stack>>, place: Place) -> Self {
        Self(Box::new(Inner {
            kind,
            stack,
            trail: Trail::new(place),
            type_name: None,
        }))
    }

    pub(crate) fn with_type(mut self, name: &'static str) -> Self {
        self.0.type_name = Some(name);
        self
    }

    /// Adds a place to the trail.
    pub(crate) fn hop(mut self, place: Place) -> Self {
        self.0.trail.push(place);
        self
    }
}

impl Kind {
    /// Takes out the value of type `T`. The caller must know that it exists.
    fn into_own<T>(self) -> Result<T, Self>
    where
        T: Display + Debug + Send + Sync + 'static,
    {
        let any: Box<dyn Any> = match self {
            Self::Message(note) | Self::Context(note, _) => note.into_any(),
            Self::Std(error) => error,
            Self::Boxed(error) => Box::new(error),
            #[cfg(feature = "anyhow")]
            Self::Anyhow(mut error) => match error.error.downcast() {
                Ok(value) => return Ok(value),
                Err(back) => {
                    error.error = back;
                    return Err(Self::Anyhow(error));
                }
            },
            kind @ Self::Join(_) => return Err(kind),
        };
        match any.downcast::<T>() {
            Ok(value) => Ok(*value),
            Err(_) => Err(Self::Message(Note::EMPTY)),
        }
    }
}
