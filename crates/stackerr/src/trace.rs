//! Stack traces: the stack of each error that has one.

#[cfg(feature = "anyhow")]
use crate::anyhow_error;
use crate::foreign_text::{escape, message_of};
use crate::frame::Frame;
use crate::stack::{Stack, StackOrigin};
use crate::trail::Place;
use crate::traverse::{Walk, carries_stack};
use std::collections::HashSet;
use std::error::Error as StdError;
use std::fmt::{self, Display};
use std::panic::Location;
use std::sync::Arc;

/// The stack of one error, and the places through which the error was propagated.
#[derive(Clone, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct StackTrace {
    error: String,
    error_type: Option<&'static str>,
    origin: StackOrigin,
    #[cfg_attr(
        feature = "serde",
        serde(rename = "frames", serialize_with = "serialize_frames")
    )]
    stack: Arc<Stack>,
    #[cfg_attr(feature = "serde", serde(serialize_with = "serialize_trail"))]
    trail: Vec<Place>,
    #[cfg_attr(feature = "serde", serde(skip))]
    trail_dropped: u32,
    #[cfg_attr(feature = "serde", serde(skip_serializing_if = "Option::is_none"))]
    stamp: Option<u64>,
}

#[cfg(feature = "serde")]
fn serialize_frames<S: serde::Serializer>(
    stack: &Arc<Stack>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(stack.frames())
}

#[cfg(feature = "serde")]
fn serialize_trail<S: serde::Serializer>(
    trail: &[Place],
    serializer: S,
) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(trail.iter().copied().map(PlaceData::from))
}

/// The serialised form of a place.
#[cfg(feature = "serde")]
#[derive(serde::Serialize)]
pub(crate) struct PlaceData {
    file: &'static str,
    line: u32,
    column: u32,
}

#[cfg(feature = "serde")]
impl From<Place> for PlaceData {
    fn from(place: Place) -> Self {
        Self {
            file: place.file(),
            line: place.line(),
            column: place.column(),
        }
    }
}

impl StackTrace {
    /// Captures the current stack of this thread, regardless of [`set_capture`](crate::set_capture).
    /// It is for reports without an error.
    #[must_use]
    #[track_caller]
    #[inline(never)]
    pub fn capture(message: impl Into<String>) -> Self {
        Self::of(message.into(), Stack::force(StackOrigin::Caller))
    }

    /// Captures the current stack in a panic hook. If names are known, the trace begins at the function
    /// that panicked, without the hook and the functions of the panic itself.
    #[must_use]
    #[track_caller]
    #[inline(never)]
    pub fn capture_panic(message: impl Into<String>) -> Self {
        Self::of(message.into(), Stack::force(StackOrigin::Panic))
    }

    #[track_caller]
    pub(crate) fn of(error: String, stack: Arc<Stack>) -> Self {
        Self {
            error,
            error_type: None,
            origin: stack.origin(),
            stamp: stack.stamp(),
            stack,
            trail: vec![Location::caller()],
            trail_dropped: 0,
        }
    }

    /// The message of the error that has the stack, without contexts that were added later. It is
    /// `<no message>` if it is empty, and `<Display panicked>` if its `Display` panics.
    #[must_use]
    pub fn error(&self) -> &str {
        &self.error
    }

    /// Where the stack was captured.
    ///
    /// # Examples
    ///
    /// ```
    /// use stackerr::{Error, StackOrigin, err};
    ///
    /// let origin = |err: Error| err.stack_traces().iter().next().unwrap().origin();
    /// assert_eq!(origin(err!("created here")), StackOrigin::Creation);
    /// let boxed: Box<dyn std::error::Error + Send + Sync> = "created elsewhere".into();
    /// assert_eq!(origin(Error::from_boxed(boxed)), StackOrigin::Conversion);
    /// ```
    #[must_use]
    pub fn origin(&self) -> StackOrigin {
        self.origin
    }

    /// The frames, innermost first. The first call looks up the names, for all clones of the trace. The
    /// first lookup in a process reads its debug information, which may take tens of megabytes of memory.
    #[must_use]
    pub fn frames(&self) -> &[Frame] {
        self.stack.frames()
    }

    /// The captured return addresses in this process, innermost first; the first few belong to
    /// the capture itself. No names are looked up. Empty if the stack was read from text (an
    /// anyhow backtrace).
    #[must_use]
    pub fn addresses(&self) -> &[usize] {
        self.stack.addresses()
    }

    /// Returns the trace with frames that have an address and a module, but no name, file or line:
    /// no names are looked up, now or later. A stack that was read from text keeps its names.
    ///
    /// It is for programs that look up names elsewhere, because they lack the time or memory here. The
    /// frames of the capture are still on top, because they can be recognised only by their names; see
    /// [`machinery_on_top`](crate::machinery_on_top).
    ///
    /// # Examples
    ///
    /// ```
    /// let trace = stackerr::StackTrace::capture("here").without_names();
    /// assert!(trace.frames().iter().all(|frame| !frame.is_named() && frame.ip() != 0));
    /// ```
    #[must_use]
    pub fn without_names(&self) -> Self {
        Self {
            stack: self.stack.without_names(),
            ..self.clone()
        }
    }

    /// The places in the source code through which the error was propagated: where it was created,
    /// then each conversion by `?`, context and join. There are at most 32. They are known in a
    /// stripped program, too. Places in the standard library are left out.
    #[must_use]
    pub fn trail(&self) -> &[&'static Location<'static>] {
        &self.trail
    }

    /// How many places were left out at the end of the trail.
    #[must_use]
    pub fn trail_dropped(&self) -> u32 {
        self.trail_dropped
    }

    /// The type of the error, if it was known when the stack was captured: its path as returned by
    /// [`std::any::type_name`].
    #[must_use]
    pub fn type_name(&self) -> Option<&'static str> {
        self.error_type
    }

    /// The value that the function of [`set_capture_stamp`](crate::set_capture_stamp) returned when the
    /// stack was captured.
    #[must_use]
    pub fn stamp(&self) -> Option<u64> {
        self.stamp
    }

    /// The value that the function of [`set_capture_span`](crate::set_capture_span) returned when the
    /// stack was captured.
    #[must_use]
    pub fn span(&self) -> Option<u64> {
        self.stack.span().map(std::num::NonZeroU64::get)
    }
}

/// The stacks of an error: one [`StackTrace`] for each error that has one, in the order of the joins,
/// without duplicates.
///
/// For each trace, `Display` writes the error's message. Then it writes the name of each frame and,
/// indented by a tab, `file:line`, or the module and the address in it if file and line are unknown. It
/// writes all frames, including those of the runtime. Traces are separated by a newline.
///
/// With feature `serde` it serialises to
/// `[{"error", "error_type", "origin", "frames": [{"name", "file", "line", "column", "address",
/// "module", "noise"}], "trail": [{"file", "line", "column"}]}]`: `error_type`, `file`, `line`,
/// `column` and `module` are null if unknown, `origin` is the [`StackOrigin`] in lower case,
/// `address` is a string `0x…` relative to the module, `noise` is a bool. A trace with a stamp also has
/// the key `stamp`.
///
/// # Examples
///
/// ```
/// let err = stackerr::err!("connection refused");
/// let traces = err.stack_traces();
/// assert_eq!(traces.len(), 1);
/// assert!(traces.to_string().starts_with("connection refused\n"));
/// ```
#[derive(Clone, Debug, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(transparent))]
pub struct StackTraces(Vec<StackTrace>);

impl StackTraces {
    /// Captures the current stack as the only trace; see [`StackTrace::capture`].
    #[must_use]
    #[track_caller]
    #[inline(never)]
    pub fn capture(message: impl Into<String>) -> Self {
        Self(vec![StackTrace::capture(message)])
    }

    /// Captures the current stack in a panic hook; see [`StackTrace::capture_panic`].
    #[must_use]
    #[track_caller]
    #[inline(never)]
    pub fn capture_panic(message: impl Into<String>) -> Self {
        Self(vec![StackTrace::capture_panic(message)])
    }

    /// Returns all traces without names; see [`StackTrace::without_names`].
    #[must_use]
    pub fn without_names(&self) -> Self {
        self.iter().map(StackTrace::without_names).collect()
    }

    /// The number of traces.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are no traces, because no error had a stack.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The traces, in order.
    pub fn iter(&self) -> std::slice::Iter<'_, StackTrace> {
        self.0.iter()
    }
}

impl IntoIterator for StackTraces {
    type Item = StackTrace;
    type IntoIter = std::vec::IntoIter<StackTrace>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

impl FromIterator<StackTrace> for StackTraces {
    fn from_iter<I: IntoIterator<Item = StackTrace>>(traces: I) -> Self {
        Self(traces.into_iter().collect())
    }
}

impl<'a> IntoIterator for &'a StackTraces {
    type Item = &'a StackTrace;
    type IntoIter = std::slice::Iter<'a, StackTrace>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.iter()
    }
}

/// Returns the stacks of an error of any crate: its own, those of its causes, and those in every branch
/// of joins of this crate anywhere in the chain. Empty if there are none.
///
/// # Examples
///
/// ```
/// use stackerr::{Error, stack_traces};
///
/// let boxed: Box<dyn std::error::Error> = Error::msg("lost?").context("no").into();
/// assert_eq!(stack_traces(&*boxed).iter().next().unwrap().error(), "lost?");
/// assert!(stack_traces(&std::fmt::Error).is_empty());
/// ```
#[must_use]
pub fn stack_traces(error: &(dyn StdError + 'static)) -> StackTraces {
    if !carries_stack(error) {
        // The walk below allocates.
        return StackTraces::default();
    }
    let mut seen = HashSet::new();
    let mut traces = Vec::new();
    let mut walk = Walk::new(error);
    while let Some(node) = walk.next() {
        for found in node.found.iter().rev() {
            let Some(stack) = &found.stack else { continue };
            if !seen.insert(Arc::as_ptr(stack).cast::<()>()) {
                continue;
            }
            let (trail, trail_dropped) = walk.trail();
            traces.push(StackTrace {
                error: message_of(node.error),
                error_type: found.type_name,
                origin: stack.origin(),
                stamp: stack.stamp(),
                stack: Arc::clone(stack),
                trail,
                trail_dropped,
            });
        }
    }
    StackTraces(traces)
}

impl Display for StackTraces {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (n, trace) in self.0.iter().enumerate() {
            if n > 0 {
                f.write_str("\n")?;
            }
            Display::fmt(trace, f)?;
        }
        Ok(())
    }
}

impl Display for StackTrace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&escape(&self.error))?;
        for frame in self.frames() {
            write!(f, "\n{}\n\t{}", escape(frame.name()), Spot(frame))?;
        }
        Ok(())
    }
}

/// The place of a frame: `file:line`, or the module and the address in it.
pub(crate) struct Spot<'a>(pub(crate) &'a Frame);

impl Display for Spot<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let frame = self.0;
        match (frame.file(), frame.line()) {
            (Some(file), Some(line)) => write!(f, "{}:{line}", escape(file)),
            (Some(file), None) => f.write_str(&escape(file)),
            (None, _) => match frame.module() {
                Some(module) => write!(f, "{}+{:#x}", escape(module), frame.address()),
                None => write!(f, "{:#x}", frame.address()),
            },
        }
    }
}

#[cfg(feature = "anyhow")]
impl StackTraces {
    /// The stacks of an anyhow error: those that its causes carry or, if there are none, its own
    /// backtrace if that has names.
    ///
    /// # Examples
    ///
    /// ```
    /// use stackerr::StackTraces;
    ///
    /// let error = anyhow::Error::from(stackerr::err!("connection refused")).context("no server");
    /// assert_eq!(StackTraces::of_anyhow(&error).len(), 1);
    /// ```
    #[must_use]
    #[track_caller]
    pub fn of_anyhow(error: &anyhow::Error) -> Self {
        let carried = stack_traces(error.as_ref());
        if !carried.is_empty() {
            return carried;
        }
        let message = || message_of(error.root_cause());
        let own =
            anyhow_error::read(error.backtrace()).map(|stack| StackTrace::of(message(), stack));
        own.into_iter().collect()
    }
}
