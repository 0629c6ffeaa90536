//! The representation of an [`Error`].

#[cfg(feature = "anyhow")]
use crate::anyhow_error::Carried;
use crate::probe::{self, Answer};
use crate::stack::Stack;
use crate::trail::Trail;
use std::any::Any;
use std::borrow::Cow;
use std::error::Error as StdError;
use std::fmt::Display;
use std::sync::Arc;

/// Any error, with the stack of the place where it was created and the contexts that were added to it.
/// A join holds several errors.
///
/// It is one pointer wide. Like `anyhow::Error` it does not implement [`std::error::Error`], so
/// that `?` can convert every such error; it dereferences to one, and converts into a
/// `Box<dyn std::error::Error + Send + Sync>` that keeps everything.
///
/// # Printing
///
/// | format | output |
/// |---|---|
/// | `{}` | its own message; for a join the chain of each error, one per line |
/// | `{:#}` | the chain on one line: `outer: inner: innermost`; a join is `[a; b: c]` |
/// | `{:?}` | the whole report: causes, joins as a tree, stacks; see [`Report`](crate::Report) |
/// | `{:#?}` | the [`ErrorTree`](crate::ErrorTree) as a Rust struct |
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
// Transparent, so that it may be passed through functions of the C ABI.
#[repr(transparent)]
pub struct Error(pub(crate) Box<Inner>);

const _: () = assert!(size_of::<Error>() == size_of::<usize>());
const _: () = assert!(size_of::<Option<Error>>() == size_of::<usize>());

impl std::panic::UnwindSafe for Error {}
impl std::panic::RefUnwindSafe for Error {}

/// A std error of a private type. An [`Error`] that is converted into a boxed std error becomes this
/// box, unchanged, and is recognised when it is converted back.
pub(crate) struct Inner {
    pub(crate) kind: Kind,
    pub(crate) stack: Option<Arc<Stack>>,
    pub(crate) trail: Trail,
    /// The type of the error, if it was known when the error was created.
    pub(crate) type_name: Option<&'static str>,
}

pub(crate) enum Kind {
    Message(Note),
    /// A std error whose type was known when it was converted.
    Std(Box<dyn AnyError>),
    /// An error that was boxed before it was converted.
    Boxed(Box<dyn StdError + Send + Sync>),
    #[cfg(feature = "anyhow")]
    Anyhow(Box<Carried>),
    Context(Note, Error),
    Join(Vec<Error>),
}

/// A std error that can be downcast to any type.
pub(crate) trait AnyError: StdError + Any + Send + Sync {}

impl<E: StdError + Send + Sync + 'static> AnyError for E {}

/// A message or context that can be downcast to any type.
pub(crate) trait AnyDisplay: Display + Any + Send + Sync {}

impl<T: Display + Send + Sync + 'static> AnyDisplay for T {}

/// The value of a message or of a context. Text needs no box of its own.
pub(crate) enum Note {
    Text(Cow<'static, str>),
    Value(Box<dyn AnyDisplay>),
}

impl Note {
    pub(crate) const EMPTY: Self = Self::Text(Cow::Borrowed(""));

    pub(crate) fn new<T: Display + Send + Sync + 'static>(value: T) -> Self {
        let mut slot = Some(value);
        let any: &mut dyn Any = &mut slot;
        if let Some(Some(text)) = any.downcast_ref::<Option<&'static str>>() {
            return Self::Text(Cow::Borrowed(text));
        }
        if let Some(text) = any.downcast_mut::<Option<String>>().and_then(Option::take) {
            return Self::Text(Cow::Owned(text));
        }
        match slot {
            Some(value) => Self::Value(Box::new(value)),
            // Only a `String` is taken out, and that case has returned.
            None => Self::EMPTY,
        }
    }

    pub(crate) fn as_any(&self) -> &dyn Any {
        match self {
            Self::Text(Cow::Borrowed(text)) => text,
            Self::Text(Cow::Owned(text)) => text,
            Self::Value(value) => &**value,
        }
    }

    pub(crate) fn as_any_mut(&mut self) -> &mut dyn Any {
        match self {
            Self::Text(Cow::Borrowed(text)) => text,
            Self::Text(Cow::Owned(text)) => text,
            Self::Value(value) => &mut **value,
        }
    }

    pub(crate) fn into_any(self) -> Box<dyn Any> {
        match self {
            Self::Text(Cow::Borrowed(text)) => Box::new(text),
            Self::Text(Cow::Owned(text)) => Box::new(text),
            Self::Value(value) => value,
        }
    }
}

impl Inner {
    /// The foreign error that this one wraps, and whose message it has.
    pub(crate) fn carried(&self) -> Option<&(dyn StdError + 'static)> {
        match &self.kind {
            Kind::Std(error) => Some(&**error),
            Kind::Boxed(error) => Some(&**error),
            #[cfg(feature = "anyhow")]
            Kind::Anyhow(error) => Some(error.as_std()),
            _ => None,
        }
    }

    /// The errors of a join.
    pub(crate) fn branches(&self) -> Option<&[Error]> {
        match &self.kind {
            Kind::Join(errors) => Some(errors),
            _ => None,
        }
    }

    /// The stack of this error itself.
    pub(crate) fn own_stack(&self) -> Option<Arc<Stack>> {
        if let Some(stack) = &self.stack {
            return Some(Arc::clone(stack));
        }
        #[cfg(feature = "anyhow")]
        if let Kind::Anyhow(error) = &self.kind {
            return error.stack();
        }
        None
    }
}

impl StdError for Inner {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        if probe::is_probing() {
            probe::answer(Answer::Itself);
            return Some(self);
        }
        match &self.kind {
            // The foreign error, not the private type around it, so that code that walks the chain
            // can downcast it.
            Kind::Context(_, error) => Some(error.0.carried().unwrap_or(&*error.0)),
            // The message of a join contains the messages of its errors.
            Kind::Message(_) | Kind::Join(_) => None,
            _ => self.carried().and_then(StdError::source),
        }
    }
}

impl Drop for Inner {
    /// Drops in a loop instead of by recursion: ten thousand contexts must not overflow the stack.
    fn drop(&mut self) {
        let mut pending = Vec::new();
        take_children(&mut self.kind, &mut pending);
        while let Some(mut error) = pending.pop() {
            take_children(&mut error.0.kind, &mut pending);
        }
    }
}

fn take_children(kind: &mut Kind, pending: &mut Vec<Error>) {
    if !matches!(kind, Kind::Context(..) | Kind::Join(_)) {
        return;
    }
    match std::mem::replace(kind, Kind::Message(Note::EMPTY)) {
        Kind::Context(_, error) => pending.push(error),
        Kind::Join(errors) => pending.extend(errors),
        _ => {}
    }
}
