//! Errors as text: reports, `{}`, `{:#}` and `{:?}`.

use crate::foreign_text::{ends_with_cause, escape, message_of};
use crate::repr::{Error, Inner, Kind, Note};
use crate::stack::StackOrigin;
use crate::trace::{Spot, StackTrace, stack_traces};
use crate::traverse::{End, Nodes};
use std::error::Error as StdError;
use std::fmt::{self, Debug, Display, Write};

/// The maximum number of errors in a report. Further ones are counted or marked as cut.
const MAX_SHOWN: usize = 1_000;

/// The maximum number of causes in one chain of a report.
const MAX_CAUSES: usize = 64;

/// The maximum number of stacks in a report.
const MAX_STACKS: usize = 100;

/// The maximum number of levels of joins in a report.
const MAX_NESTED: usize = 32;

/// An error as text for people: its message, its causes, joins as a tree, then the stacks.
///
/// ```text
/// census failed
/// caused by: 2 errors
/// ├─ parsing a/Cargo.toml
/// │  caused by: expected `=`
/// ╰─ reading b/Cargo.toml
///    caused by: Permission denied (os error 13)
///
/// stack of: expected `=`
///    0: census::parse
///       at src/main.rs:10
///       … 12 frames of the runtime hidden
/// propagated through: src/main.rs:10:5, src/main.rs:31:9
/// ```
///
/// A cause is left out if the message above ends with its message. Control characters in messages
/// and names are escaped, except newline and tab. A report shows at most 1,000 errors, 64 causes in a
/// chain, 32 levels of joins and 100 stacks, and says how many it leaves out.
#[derive(Clone)]
#[must_use = "a report does nothing unless it is printed"]
pub struct Report<'a> {
    error: &'a (dyn StdError + 'static),
    stacks: bool,
    all_frames: bool,
}

/// Returns the report of an error of any crate; see [`Report`].
///
/// # Examples
///
/// ```
/// use stackerr::{Error, err};
///
/// let both = Error::join([err!("a"), err!("b")]).unwrap().context("it failed");
/// assert_eq!(
///     stackerr::report(both.as_std()).stacks(false).to_string(),
///     "it failed\ncaused by: 2 errors\n├─ a\n╰─ b",
/// );
/// ```
pub fn report<'a>(error: &'a (dyn StdError + 'static)) -> Report<'a> {
    Report {
        error,
        stacks: true,
        all_frames: false,
    }
}

impl Report<'_> {
    /// Whether to show the stacks. The default is true.
    pub fn stacks(mut self, show: bool) -> Self {
        self.stacks = show;
        self
    }

    /// Whether to show frames of the runtime, too. The default is false: they are only counted.
    pub fn all_frames(mut self, show: bool) -> Self {
        self.all_frames = show;
        self
    }
}

impl Display for Report<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut page = Page {
            out: f,
            indent: String::new(),
            shown: 0,
        };
        page.chain(self.error, 0)?;
        if self.stacks {
            let traces = stack_traces(self.error);
            for trace in traces.iter().take(MAX_STACKS) {
                write_stack(f, trace, self.all_frames)?;
            }
            if traces.len() > MAX_STACKS {
                let more = traces.len() - MAX_STACKS;
                write!(f, "\n\n… {more} more stacks (cut)")?;
            }
        }
        Ok(())
    }
}

impl Debug for Report<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Display::fmt(self, f)
    }
}

struct Page<'a, 'f> {
    out: &'a mut fmt::Formatter<'f>,
    indent: String,
    shown: usize,
}

impl Page<'_, '_> {
    /// Writes the error, its causes one per line, and its join if there is one.
    fn chain(&mut self, error: &(dyn StdError + 'static), nested: usize) -> fmt::Result {
        let mut nodes = Nodes::new(error);
        let mut last: Option<String> = None;
        let mut causes = 0;
        for node in nodes.by_ref() {
            let message = match branches(node.error) {
                Some(errors) => format!("{} errors", errors.len()),
                None => message_of(node.error),
            };
            let Some(above) = &last else {
                self.message("", &message)?;
                last = Some(message);
                continue;
            };
            if ends_with_cause(above, &message) {
                continue;
            }
            if causes == MAX_CAUSES || self.shown >= MAX_SHOWN {
                self.line()?;
                return self.out.write_str("… more causes (cut)");
            }
            causes += 1;
            self.line()?;
            self.message("caused by: ", &message)?;
            last = Some(message);
        }
        match nodes.end() {
            End::Root => Ok(()),
            End::Join(errors) => self.branches(errors, nested),
            End::Repeats => {
                self.line()?;
                self.out.write_str("… the causes repeat (cut)")
            }
            End::TooLong => {
                self.line()?;
                self.out.write_str("… more causes (cut)")
            }
        }
    }

    fn branches(&mut self, errors: &[Error], nested: usize) -> fmt::Result {
        for (n, error) in errors.iter().enumerate() {
            self.line()?;
            let left = errors.len() - n;
            if nested >= MAX_NESTED || self.shown >= MAX_SHOWN {
                return write!(self.out, "╰─ … {left} more errors (cut)");
            }
            let (mark, below) = if left == 1 {
                ("╰─ ", "   ")
            } else {
                ("├─ ", "│  ")
            };
            self.out.write_str(mark)?;
            let len = self.indent.len();
            self.indent.push_str(below);
            self.chain(error.as_std(), nested + 1)?;
            self.indent.truncate(len);
        }
        Ok(())
    }

    /// Writes a message, with each of its lines indented.
    fn message(&mut self, lead: &str, text: &str) -> fmt::Result {
        self.shown += 1;
        self.out.write_str(lead)?;
        for (n, line) in escape(text).lines().enumerate() {
            if n > 0 {
                self.line()?;
            }
            self.out.write_str(line)?;
        }
        Ok(())
    }

    fn line(&mut self) -> fmt::Result {
        write!(self.out, "\n{}", self.indent)
    }
}

/// The errors of a join.
fn branches<'a>(error: &'a (dyn StdError + 'static)) -> Option<&'a [Error]> {
    error.downcast_ref::<Inner>().and_then(Inner::branches)
}

fn write_stack(f: &mut fmt::Formatter<'_>, trace: &StackTrace, all: bool) -> fmt::Result {
    write!(f, "\n\nstack of: ")?;
    for (n, line) in escape(trace.error()).lines().enumerate() {
        if n > 0 {
            f.write_str("\n          ")?;
        }
        f.write_str(line)?;
    }
    match trace.origin() {
        StackOrigin::Conversion => f.write_str(
            "\n          (captured where the error was converted, not where it was created)",
        )?,
        StackOrigin::Foreign => f.write_str("\n          (from the error's own backtrace)")?,
        _ => {}
    }
    let mut hidden = 0usize;
    for (n, frame) in trace.frames().iter().enumerate() {
        if frame.is_noise() && !all {
            hidden += 1;
            continue;
        }
        write_hidden(f, &mut hidden)?;
        write!(
            f,
            "\n{n:>4}: {}\n      at {}",
            escape(frame.name()),
            Spot(frame)
        )?;
    }
    write_hidden(f, &mut hidden)?;
    for (n, place) in trace.trail().iter().enumerate() {
        let lead = if n == 0 {
            "\npropagated through: "
        } else {
            ", "
        };
        write!(f, "{lead}{place}")?;
    }
    match trace.trail_dropped() {
        0 => Ok(()),
        more => write!(f, ", … {more} more"),
    }
}

fn write_hidden(f: &mut fmt::Formatter<'_>, hidden: &mut usize) -> fmt::Result {
    match std::mem::take(hidden) {
        0 => Ok(()),
        1 => f.write_str("\n      … 1 frame of the runtime hidden"),
        many => write!(f, "\n      … {many} frames of the runtime hidden"),
    }
}

/// Writes `outer: inner: innermost`, and a join as `[a; b: c]`.
fn one_line(
    error: &(dyn StdError + 'static),
    f: &mut fmt::Formatter<'_>,
    shown: &mut usize,
    nested: usize,
) -> fmt::Result {
    let mut nodes = Nodes::new(error);
    let mut last: Option<String> = None;
    let mut causes = 0;
    for node in nodes.by_ref() {
        let is_join = branches(node.error).is_some();
        let message = if is_join {
            String::new()
        } else {
            message_of(node.error)
        };
        if let Some(above) = &last {
            if !is_join && ends_with_cause(above, &message) {
                continue;
            }
            f.write_str(": ")?;
            if causes == MAX_CAUSES || *shown >= MAX_SHOWN {
                return f.write_str("… (cut)");
            }
            causes += 1;
        }
        *shown += 1;
        f.write_str(&message)?;
        last = Some(message);
    }
    match nodes.end() {
        End::Root => Ok(()),
        End::Repeats => f.write_str(": … (the causes repeat, cut)"),
        End::TooLong => f.write_str(": … (cut)"),
        End::Join(_) if nested >= MAX_NESTED => f.write_str("[… (cut)]"),
        End::Join(errors) => {
            f.write_char('[')?;
            for (n, error) in errors.iter().enumerate() {
                if n > 0 {
                    f.write_str("; ")?;
                }
                if *shown >= MAX_SHOWN {
                    write!(f, "… {} more", errors.len() - n)?;
                    break;
                }
                one_line(error.as_std(), f, shown, nested + 1)?;
            }
            f.write_char(']')
        }
    }
}

/// Writes the chain of each joined error, one per line. Joins in joins are flattened. It uses a list
/// instead of recursion, because joins may be nested deeply.
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
        one_line(error.as_std(), f, &mut 0, 0)?;
    }
    Ok(())
}

impl Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => f.pad(text),
            Self::Value(value) => Display::fmt(value, f),
        }
    }
}

impl Display for Inner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.kind {
            Kind::Message(note) | Kind::Context(note, _) => Display::fmt(note, f),
            Kind::Std(error) => Display::fmt(error, f),
            Kind::Boxed(error) => Display::fmt(error, f),
            #[cfg(feature = "anyhow")]
            Kind::Anyhow(error) => Display::fmt(error.as_std(), f),
            Kind::Join(errors) => lines(errors, f),
        }
    }
}

/// The report; with `{:#?}` the tree.
impl Debug for Inner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if f.alternate() {
            Debug::fmt(&crate::tree(self), f)
        } else {
            Display::fmt(&report(self), f)
        }
    }
}

impl Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if f.alternate() {
            one_line(self.as_std(), f, &mut 0, 0)
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
