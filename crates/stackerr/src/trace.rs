//! Stack traces to look at: what each error with a stack has to show.

use crate::escape::escape;
use crate::frame::Frame;
use crate::message::message_of;
use crate::stack::{Origin, Stack};
use crate::trail::{Place, Trail};
use crate::walk::Walk;
use std::error::Error as StdError;
use std::fmt::{self, Display};
use std::panic::Location;
use std::sync::Arc;

/// The stack of one error, and the way the error took since.
#[derive(Clone, Debug)]
pub struct StackTrace {
    pub(crate) error: String,
    pub(crate) stack: Arc<Stack>,
    pub(crate) trail: Vec<Place>,
    pub(crate) trail_dropped: u32,
    pub(crate) type_name: Option<&'static str>,
}

impl StackTrace {
    /// The present stack of this thread, for a dump that no error asked for. Taken whatever
    /// [`set_capture`](crate::set_capture) says.
    #[must_use]
    #[track_caller]
    #[inline(never)]
    pub fn capture(message: impl Into<String>) -> Self {
        Self::at(message.into(), Stack::force(Origin::Birth))
    }

    /// The present stack inside a panic hook: it begins at the frame that panicked, the hook and
    /// the panic machinery above it being trimmed (where names are known).
    #[must_use]
    #[track_caller]
    #[inline(never)]
    pub fn capture_panic(message: impl Into<String>) -> Self {
        Self::at(message.into(), Stack::force(Origin::Panic))
    }

    #[track_caller]
    fn at(error: String, stack: Arc<Stack>) -> Self {
        Self {
            error,
            stack,
            trail: Trail::new(Location::caller()).places().collect(),
            trail_dropped: 0,
            type_name: None,
        }
    }

    /// The own message of the error that has the stack: not those of contexts that it got later.
    /// `<no message>` if it is empty, `<Display panicked>` if it could not be had.
    #[must_use]
    pub fn error(&self) -> &str {
        &self.error
    }

    /// The frames, innermost first: the first is the one where the error was born. The first call
    /// finds the names, for all clones of the trace.
    #[must_use]
    pub fn frames(&self) -> &[Frame] {
        self.stack.frames()
    }

    /// The instruction addresses as they were captured, innermost first: return addresses in this
    /// process, of which the first few are the capture itself. No names are looked up. Empty if the
    /// stack came as text (an anyhow backtrace).
    #[must_use]
    pub fn addresses(&self) -> &[usize] {
        self.stack.addresses()
    }

    /// The same trace with frames that have an address and a module, but no name, file or line:
    /// no names are looked up, now or later. All else stays, the trail too; and so do names that
    /// the stack came with (an anyhow backtrace).
    ///
    /// It is for those who find names elsewhere, and have none of the time and memory here that it
    /// takes. The frames of the capture itself are on top, since it takes names to tell them; see
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

    /// The places the error passed: where it was born, then each `?` into an
    /// [`Error`](crate::Error), context and join, known whatever was stripped. At most 32.
    #[must_use]
    pub fn trail(&self) -> &[&'static Location<'static>] {
        &self.trail
    }

    /// How many places of the trail were left out at its end.
    #[must_use]
    pub fn trail_dropped(&self) -> u32 {
        self.trail_dropped
    }

    /// The type of the error, where it was known when the stack was captured: its path as
    /// [`std::any::type_name`] has it.
    #[must_use]
    pub fn type_name(&self) -> Option<&'static str> {
        self.type_name
    }

    /// What the hook of [`set_birth_hook`](crate::set_birth_hook) said when the stack was captured.
    #[must_use]
    pub fn birth(&self) -> Option<u64> {
        self.stack.birth()
    }
}

/// The stacks of an error: one [`StackTrace`] for each error that has one, in the order of the
/// joins, none twice.
///
/// `Display` writes for each the error's message, then for each frame its name and, indented by a
/// tab, `file:line`; all frames, the runtime's too, so that nothing is lost. Where file and line
/// are unknown it is the module and the address in it. Traces are separated by a newline.
///
/// With feature `serde` it serialises to
/// `[{"error", "error_type", "frames": [{"name", "file", "line", "column", "address", "module",
/// "noise"}], "trail": [{"file", "line", "column"}]}]`: `error_type`, `file`, `line`, `column` and
/// `module` are null where unknown, `address` is a string `0x…` relative to the module, `noise` a
/// bool. A trace with a birth mark has the key `birth` too.
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
pub struct StackTraces(pub(crate) Vec<StackTrace>);

impl StackTraces {
    /// The present stack as the only one; see [`StackTrace::capture`].
    #[must_use]
    #[track_caller]
    #[inline(never)]
    pub fn capture(message: impl Into<String>) -> Self {
        Self(vec![StackTrace::capture(message)])
    }

    /// The present stack inside a panic hook; see [`StackTrace::capture_panic`].
    #[must_use]
    #[track_caller]
    #[inline(never)]
    pub fn capture_panic(message: impl Into<String>) -> Self {
        Self(vec![StackTrace::capture_panic(message)])
    }

    /// Each of them without names; see [`StackTrace::without_names`].
    #[must_use]
    pub fn without_names(&self) -> Self {
        self.iter().map(StackTrace::without_names).collect()
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether no error had a stack.
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

/// Some of several, say.
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

/// The stacks of an error of any crate: its own, its causes', and those in every branch of a join
/// of this crate, wherever in the chain the join is. Empty if there is none.
///
/// Foreign causes are followed for 20,000 links in one line of descent, so that a cycle ends.
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
    // Sorted: a hash set would be faster for thousands of stacks, and bring kilobytes.
    let mut seen: Vec<usize> = Vec::new();
    let mut traces = Vec::new();
    let mut walk = Walk::new(error);
    while let Some(node) = walk.next() {
        let Some(found) = &node.found else { continue };
        let Some(stack) = &found.stack else { continue };
        let address = Arc::as_ptr(stack).cast::<()>().addr();
        let Err(place) = seen.binary_search(&address) else {
            continue;
        };
        seen.insert(place, address);
        let (trail, trail_dropped) = walk.trail(&node);
        traces.push(StackTrace {
            error: message_of(node.error),
            stack: Arc::clone(stack),
            trail,
            trail_dropped,
            type_name: found.type_name,
        });
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

/// Where a frame is: `file:line`, or else the module and the address in it.
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
