//! The error type.

use crate::chain::Chain;
use crate::inner::{Inner, Kind, Note};
use crate::report::Report;
use crate::stack::Stack;
use crate::trace::StackTraces;
use crate::trail::{Place, Trail};
use crate::tree::ErrorTree;
use crate::walk::{self, carries_stack};
use std::any::Any;
use std::borrow::Cow;
use std::error::Error as StdError;
use std::fmt::{self, Debug, Display};
use std::panic::Location;

/// Any error, with the stack of the place where it was born, the contexts it got on its way up,
/// and, if it is a join, several errors below it.
///
/// One pointer wide. Like `anyhow::Error` it is not itself a [`std::error::Error`], so that every
/// such error turns into one by `?`; it dereferences to one, and turns into a
/// `Box<dyn std::error::Error + Send + Sync>` that keeps everything.
///
/// # Printing
///
/// | format | what |
/// |---|---|
/// | `{}` | its own message; a join's messages, one a line |
/// | `{:#}` | the chain on one line: `outer: inner: innermost`; a join is `[a; b: c]` |
/// | `{:?}` | the whole report: causes, joins as a tree, stacks; see [`Report`] |
/// | `{:#?}` | the tree as a Rust struct |
///
/// # Examples
///
/// ```
/// use stackerr::ResultExt;
///
/// fn port(text: &str) -> Result<u16, stackerr::Error> {
///     let port = text.parse::<u16>().context("not a port")?;
///     Ok(port)
/// }
///
/// let err = port("http").unwrap_err();
/// assert_eq!(err.to_string(), "not a port");
/// assert_eq!(format!("{err:#}"), "not a port: invalid digit found in string");
/// assert_eq!(err.stack_traces().len(), 1);
/// ```
pub struct Error(pub(crate) Box<Inner>);

const _: () = assert!(size_of::<Error>() == size_of::<usize>());
const _: () = assert!(size_of::<Option<Error>>() == size_of::<usize>());

impl std::panic::UnwindSafe for Error {}
impl std::panic::RefUnwindSafe for Error {}

impl Error {
    /// An error of any std type. Takes the stack unless the error carries one.
    #[must_use]
    #[track_caller]
    pub fn new<E: StdError + Send + Sync + 'static>(error: E) -> Self {
        Self::foreign(
            Box::new(error),
            Some(std::any::type_name::<E>()),
            Location::caller(),
        )
    }

    /// An error that is only a message. Takes the stack.
    ///
    /// [`err!`](crate::err) formats one.
    ///
    /// # Examples
    ///
    /// ```
    /// let err = stackerr::Error::msg("no such job");
    /// assert_eq!(err.to_string(), "no such job");
    /// ```
    #[must_use]
    #[track_caller]
    pub fn msg(message: impl Into<Cow<'static, str>>) -> Self {
        Self(Box::new(Inner {
            kind: Kind::Message(message.into()),
            stack: Stack::capture(),
            trail: Trail::new(Location::caller()),
            type_name: None,
        }))
    }

    /// An error that somebody boxed. Takes the stack unless the error carries one; a box that an
    /// [`Error`] was turned into becomes that error again.
    #[must_use]
    #[track_caller]
    pub fn from_boxed(error: Box<dyn StdError + Send + Sync>) -> Self {
        Self::boxed_at(error, None, Location::caller())
    }

    /// One error of many, in order; `None` of none. One alone is not a join and stays itself.
    ///
    /// # Examples
    ///
    /// ```
    /// use stackerr::{Error, err};
    ///
    /// let both = Error::join([err!("first"), err!("second")]).unwrap();
    /// assert_eq!(both.to_string(), "first\nsecond");
    /// assert_eq!(both.errors().len(), 2);
    /// assert!(Error::join([]).is_none());
    /// ```
    #[must_use]
    #[track_caller]
    pub fn join(errors: impl IntoIterator<Item = Self>) -> Option<Self> {
        let mut errors: Vec<Self> = errors.into_iter().collect();
        let place = Location::caller();
        if errors.len() <= 1 {
            return errors.pop().map(|only| only.hop(place));
        }
        Some(Self(Box::new(Inner {
            kind: Kind::Join(errors),
            // Its branches have theirs.
            stack: None,
            trail: Trail::new(place),
            type_name: None,
        })))
    }

    /// Wraps the error in a context, which becomes its message. Takes no stack.
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
        Self(Box::new(Inner {
            kind: Kind::Context(Note::of(context), self),
            stack: None,
            trail: Trail::new(Location::caller()),
            type_name: None,
        }))
    }

    /// The stacks of all errors in this one, in the order of the joins; see [`StackTraces`].
    #[must_use]
    pub fn stack_traces(&self) -> StackTraces {
        crate::stack_traces(self.as_std())
    }

    /// The joined errors, in order and down to those that no join is in, each with the contexts
    /// that it alone has; the error itself if there is no join.
    #[must_use]
    pub fn errors(&self) -> Vec<&Self> {
        let mut leaves = Vec::new();
        let mut pending = vec![self];
        while let Some(error) = pending.pop() {
            match walk::first_join(error.as_std()) {
                Some(branches) => pending.extend(branches.iter().rev()),
                None => leaves.push(error),
            }
        }
        leaves
    }

    /// The error and its causes, outermost first; it ends at a join. Contexts come as errors of
    /// a private type, foreign errors as what they are.
    #[must_use]
    pub fn chain(&self) -> Chain<'_> {
        Chain::new(self.as_std())
    }

    /// The first error of that type among the error, its causes and every branch of its joins.
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
        walk::find(self.as_std())
    }

    /// Whether [`find`](Self::find) finds one.
    #[must_use]
    pub fn is<T: StdError + 'static>(&self) -> bool {
        self.find::<T>().is_some()
    }

    /// The error itself below its contexts, if it is of that type. Neither its causes nor the
    /// branches of a join are looked at; [`find`](Self::find) does.
    #[must_use]
    pub fn downcast_ref<T: StdError + 'static>(&self) -> Option<&T> {
        let mut inner = &*self.0;
        while let Kind::Context(_, below) = &inner.kind {
            inner = &below.0;
        }
        inner.carried()?.downcast_ref()
    }

    /// The cause, as std sees it: what is below a context, or the source of a foreign error.
    #[must_use]
    pub fn source(&self) -> Option<&(dyn StdError + 'static)> {
        StdError::source(&*self.0)
    }

    /// The error as a std error, for functions that take one.
    #[must_use]
    pub fn as_std(&self) -> &(dyn StdError + Send + Sync + 'static) {
        &*self.0
    }

    /// The error as a person should see it.
    pub fn report(&self) -> Report<'_> {
        Report::new(self.as_std())
    }

    /// Messages and places as a tree, for structured output.
    #[must_use]
    pub fn tree(&self) -> ErrorTree {
        crate::tree(self.as_std())
    }

    /// The error with another message, its own becoming no cause: for `None`, which has none.
    pub(crate) fn say<C: Display + Send + Sync + 'static>(mut self, message: C) -> Self {
        self.0.kind = match Note::of(message) {
            Note::Text(text) => Kind::Message(text),
            Note::Value(value) => Kind::Message(Cow::Owned(value.to_string())),
        };
        self
    }

    pub(crate) fn hop(mut self, place: Place) -> Self {
        self.0.trail.push(place);
        self
    }

    pub(crate) fn boxed_at(
        error: Box<dyn StdError + Send + Sync>,
        type_name: Option<&'static str>,
        place: Place,
    ) -> Self {
        match error.downcast::<Inner>() {
            Ok(inner) => Self(inner).hop(place),
            Err(error) => Self::foreign(error, type_name, place),
        }
    }

    fn foreign(
        error: Box<dyn StdError + Send + Sync>,
        type_name: Option<&'static str>,
        place: Place,
    ) -> Self {
        let stack = if carries_stack(&*error) {
            None
        } else {
            Stack::capture()
        };
        Self(Box::new(Inner {
            kind: Kind::Foreign(error),
            stack,
            trail: Trail::new(place),
            type_name,
        }))
    }
}

impl Note {
    /// Text is kept as it is; anything else is boxed.
    fn of<C: Display + Send + Sync + 'static>(context: C) -> Self {
        let mut context = Some(context);
        let any: &mut dyn Any = &mut context;
        if let Some(Some(text)) = any.downcast_ref::<Option<&'static str>>() {
            return Self::Text(Cow::Borrowed(text));
        }
        if let Some(text) = any.downcast_mut::<Option<String>>().and_then(Option::take) {
            return Self::Text(Cow::Owned(text));
        }
        match context {
            Some(value) => Self::Value(Box::new(value)),
            // Taken above, so returned above.
            None => Self::Text(Cow::Borrowed("")),
        }
    }
}

impl Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if f.alternate() {
            crate::report::one_line(self.as_std(), f)
        } else {
            Display::fmt(&self.0, f)
        }
    }
}

impl Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Debug::fmt(&self.0, f)
    }
}
