//! Conversions into an `Error`, and out of it.

#[cfg(feature = "anyhow")]
use crate::anyhow_error::Carried;
#[cfg(feature = "anyhow")]
use crate::repr::Kind;
use crate::repr::{Error, Inner, Note};
#[cfg(feature = "anyhow")]
use crate::stack::{Stack, StackOrigin};
#[cfg(feature = "anyhow")]
use crate::trail::Place;
#[cfg(feature = "anyhow")]
use crate::traverse::carries_stack;
use std::any::Any;
use std::borrow::Cow;
use std::error::Error as StdError;
use std::ops::Deref;
use std::panic::Location;

type Boxed = Box<dyn StdError + Send + Sync>;

/// What `.stack()`, `.context()`, `join_errors()` and [`err!`](crate::err) accept: every std error,
/// [`Error`], text (`&'static str`, `String`, `Cow<'static, str>`), boxed errors, and containers
/// that convert into a boxed error and dereference to one, such as `anyhow::Error` and
/// `eyre::Report`.
///
/// `Via` distinguishes the kinds of types, so that one trait covers all of them. The compiler infers
/// it; a function with a bound on this trait takes it as a type parameter.
pub trait IntoError<Via>: Sized {
    /// Converts the value into an [`Error`]. Captures the stack unless the value carries one.
    #[track_caller]
    fn into_error(self) -> Error;
}

/// The `Via` of std errors.
#[derive(Debug)]
pub enum ViaStd {}

/// The `Via` of boxes and other containers.
#[derive(Debug)]
pub enum ViaBox {}

/// The `Via` of text.
#[derive(Debug)]
pub enum ViaText {}

impl<E: StdError + Send + Sync + 'static> IntoError<ViaStd> for E {
    #[track_caller]
    fn into_error(self) -> Error {
        Error::new(self)
    }
}

impl<E> IntoError<ViaBox> for E
where
    E: Into<Boxed> + Deref<Target = dyn StdError + Send + Sync> + 'static,
{
    #[track_caller]
    fn into_error(self) -> Error {
        Error::wrap(self)
    }
}

impl IntoError<ViaText> for &'static str {
    #[track_caller]
    fn into_error(self) -> Error {
        Error::msg(self)
    }
}

impl IntoError<ViaText> for String {
    #[track_caller]
    fn into_error(self) -> Error {
        Error::msg(self)
    }
}

impl IntoError<ViaText> for Cow<'static, str> {
    #[track_caller]
    fn into_error(self) -> Error {
        Error::text(self)
    }
}

impl Error {
    /// Converts a boxed error. Captures the stack unless the error carries one. A box that was made
    /// from an [`Error`] becomes that error again.
    #[must_use]
    #[track_caller]
    pub fn from_boxed(error: Box<dyn StdError + Send + Sync>) -> Self {
        Self::boxed(error, Location::caller())
    }

    /// Converts any value that converts into a boxed error: std errors, boxes, text, an [`Error`], and
    /// an `anyhow::Error` (with the feature `anyhow`, its own backtrace is used). It is for generic
    /// code, and for places where errors are only reported, such as `main`. Prefer [`Error::new`] for
    /// std errors, so that [`downcast_ref`](Self::downcast_ref) knows their type.
    ///
    /// An error that carries a stack keeps it, and no other is captured. An [`Error`] stays the same
    /// error, even if it is in a box.
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
            return wrap_anyhow(error, place);
        }
        let is_box = any.is::<Option<Boxed>>();
        let text = take::<&'static str>(any)
            .map(Cow::Borrowed)
            .or_else(|| take::<String>(any).map(Cow::Owned));
        match (text, slot) {
            (None, Some(error)) if is_box => Self::boxed(error.into(), place),
            (None, Some(error)) => {
                let error: Boxed = error.into();
                let is_ours = error.is::<Inner>();
                let error = Self::boxed(error, place);
                if is_ours {
                    error
                } else {
                    error.with_type(std::any::type_name::<E>())
                }
            }
            (text, _) => Self::message(Note::Text(text.unwrap_or_default()), place),
        }
    }

    /// Converts the error into a boxed std error that keeps everything; see
    /// [`Error::from_boxed`].
    #[must_use]
    pub fn into_boxed(self) -> Box<dyn StdError + Send + Sync> {
        self.0
    }

    /// The same as [`into_boxed`](Self::into_boxed), under anyhow's name.
    #[must_use]
    pub fn into_boxed_dyn_error(self) -> Box<dyn StdError + Send + Sync + 'static> {
        self.0
    }
}

/// Takes the value out of `slot` if it is an `Option<T>`.
fn take<T: 'static>(slot: &mut dyn Any) -> Option<T> {
    slot.downcast_mut::<Option<T>>().and_then(Option::take)
}

/// Keeps a stack of this crate if there is one in the chain. Otherwise uses anyhow's own backtrace, if
/// there is one (`RUST_BACKTRACE` was set) and it has names (the program was not stripped). Otherwise
/// captures the stack here.
#[cfg(feature = "anyhow")]
fn wrap_anyhow(error: anyhow::Error, place: Place) -> Error {
    use std::backtrace::BacktraceStatus;

    let root: &(dyn StdError + 'static) = error.as_ref();
    let error = if root.is::<Inner>() {
        match error.downcast::<Inner>() {
            Ok(inner) => return Error(Box::new(inner)).hop(place),
            Err(error) => error,
        }
    } else {
        error
    };
    if carries_stack(error.as_ref()) {
        let carried = Carried::without_backtrace(error);
        return Error::of(Kind::Anyhow(Box::new(carried)), None, place);
    }
    let has_backtrace = error.backtrace().status() == BacktraceStatus::Captured;
    let stack = Stack::capture(StackOrigin::Conversion);
    let (stack, spare) = if has_backtrace {
        (None, stack)
    } else {
        (stack, None)
    };
    let carried = Carried::new(error, spare);
    Error::of(Kind::Anyhow(Box::new(carried)), stack, place)
}

#[cfg(feature = "anyhow")]
impl From<Error> for anyhow::Error {
    /// Keeps everything: [`stack_traces`](crate::stack_traces) finds the stacks, even below contexts
    /// that anyhow adds.
    fn from(error: Error) -> Self {
        anyhow::Error::new(*error.0)
    }
}

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

/// A value that can be seen as a std error: every std error, [`Error`], and the trait objects.
///
/// It is the bound of functions that take `&err` of any kind. `anyhow::Error` does not implement
/// it: pass `Error::wrap(err)`, which keeps its backtrace, or `&*err`, which does not.
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
    /// Returns the error as a std error.
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
