//! What an `Error` points to.

use crate::error::Error;
use crate::probe::{self, Answer};
use crate::stack::Stack;
use crate::trail::Trail;
use std::borrow::Cow;
use std::error::Error as StdError;
use std::fmt::{self, Debug, Display};
use std::sync::Arc;

/// A std error that is never seen by its type from outside: an [`Error`] turned into a boxed std
/// error is this box, unchanged, and is recognised when it comes back.
pub(crate) struct Inner {
    pub(crate) kind: Kind,
    pub(crate) stack: Option<Arc<Stack>>,
    pub(crate) trail: Trail,
    /// The type of the error, where it was known when the error was made.
    pub(crate) type_name: Option<&'static str>,
}

pub(crate) enum Kind {
    Message(Cow<'static, str>),
    Foreign(Box<dyn StdError + Send + Sync>),
    #[cfg(feature = "anyhow")]
    Anyhow(Box<crate::anyhow::Carried>),
    Context(Note, Error),
    Join(Vec<Error>),
}

/// The message of a context; text costs no box of its own.
pub(crate) enum Note {
    Text(Cow<'static, str>),
    Value(Box<dyn Display + Send + Sync>),
}

impl Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => f.write_str(text),
            Self::Value(value) => Display::fmt(value, f),
        }
    }
}

impl Inner {
    /// The foreign error that this one merely carries, and whose message is also its own.
    pub(crate) fn carried(&self) -> Option<&(dyn StdError + 'static)> {
        match &self.kind {
            Kind::Foreign(error) => Some(&**error),
            #[cfg(feature = "anyhow")]
            Kind::Anyhow(error) => Some(error.as_std()),
            _ => None,
        }
    }

    /// The branches of a join.
    pub(crate) fn branches(&self) -> Option<&[Error]> {
        match &self.kind {
            Kind::Join(errors) => Some(errors),
            _ => None,
        }
    }

    /// The stack of this very error.
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

impl Display for Inner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.kind {
            Kind::Message(text) => f.write_str(text),
            Kind::Foreign(error) => Display::fmt(error, f),
            #[cfg(feature = "anyhow")]
            Kind::Anyhow(error) => Display::fmt(error.as_std(), f),
            Kind::Context(note, _) => Display::fmt(note, f),
            Kind::Join(errors) => lines(errors, f),
        }
    }
}

/// The messages of joined errors, one a line; joins in joins by a list of our own rather than by
/// recursion, however deep they are.
fn lines(errors: &[Error], f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let mut pending = vec![errors.iter()];
    let mut first = true;
    while let Some(branch) = pending.last_mut() {
        let Some(error) = branch.next() else {
            pending.pop();
            continue;
        };
        if let Some(errors) = error.0.branches() {
            pending.push(errors.iter());
            continue;
        }
        if !first {
            f.write_str("\n")?;
        }
        first = false;
        Display::fmt(error, f)?;
    }
    Ok(())
}

impl Debug for Inner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        crate::report::debug(self, f)
    }
}

impl StdError for Inner {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        if probe::is_asked() {
            probe::answer(Answer::Itself);
            return Some(self);
        }
        match &self.kind {
            Kind::Context(_, error) => Some(error.as_std()),
            // A carried error's message is already ours, and a join's are all in its own.
            Kind::Message(_) | Kind::Join(_) => None,
            _ => self.carried().and_then(StdError::source),
        }
    }
}

impl Drop for Inner {
    /// One loop instead of one call a level: ten thousand contexts must not exhaust the stack.
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
    match std::mem::replace(kind, Kind::Message(Cow::Borrowed(""))) {
        Kind::Context(_, error) => pending.push(error),
        Kind::Join(errors) => pending.extend(errors),
        _ => {}
    }
}
