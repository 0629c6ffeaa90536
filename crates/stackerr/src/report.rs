//! The error as a person should see it.

use crate::error::Error;
use crate::escape::escape;
use crate::link::{Next, expand};
use crate::message::message_of;
use crate::trace::{Spot, StackTrace, stack_traces};
use crate::tree::own_message;
use std::error::Error as StdError;
use std::fmt::{self, Debug, Display, Write};

/// Errors that a report shows; further ones are counted or said to be cut.
const MAX_SHOWN: usize = 1_000;

/// Stacks that a report shows.
const MAX_STACKS: usize = 100;

/// Joins in joins that a report indents.
const MAX_NESTED: usize = 32;

/// An error as a person should see it: its message, its causes, joins as a tree, then the stacks.
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
/// way up: src/main.rs:10:5, src/main.rs:31:9
/// ```
///
/// Control characters in messages and names are escaped, newline and tab excepted. At most 1,000
/// errors, 32 levels of joins and 100 stacks are shown, and what is left out is said.
#[derive(Clone)]
#[must_use = "a report does nothing unless it is printed"]
pub struct Report<'a> {
    error: &'a (dyn StdError + 'static),
    stacks: bool,
    all_frames: bool,
}

/// The report of an error of any crate; see [`Report`].
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
    Report::new(error)
}

impl<'a> Report<'a> {
    pub(crate) fn new(error: &'a (dyn StdError + 'static)) -> Self {
        Self {
            error,
            stacks: true,
            all_frames: false,
        }
    }

    /// Whether to show the stacks; true by default.
    pub fn stacks(mut self, show: bool) -> Self {
        self.stacks = show;
        self
    }

    /// Whether to show frames of the runtime too; false by default: they are counted.
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
        page.error(self.error, 0)?;
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

/// `{:?}` and `{:#?}` of an error.
pub(crate) fn debug(error: &(dyn StdError + 'static), f: &mut fmt::Formatter<'_>) -> fmt::Result {
    if f.alternate() {
        Debug::fmt(&crate::tree(error), f)
    } else {
        Display::fmt(&Report::new(error), f)
    }
}

struct Page<'a, 'f> {
    out: &'a mut fmt::Formatter<'f>,
    indent: String,
    shown: usize,
}

impl Page<'_, '_> {
    /// The error, its causes one a line, and its join if there is one.
    fn error(&mut self, error: &(dyn StdError + 'static), nested: usize) -> fmt::Result {
        self.message("", error)?;
        let mut at = error;
        let mut same = 0;
        loop {
            match expand(at).1 {
                Next::End => return Ok(()),
                Next::Same(below) if same < MAX_SHOWN => {
                    same += 1;
                    at = below;
                }
                Next::Cause(cause) if self.shown < MAX_SHOWN => {
                    self.line()?;
                    self.message("caused by: ", cause)?;
                    at = cause;
                }
                Next::Same(_) | Next::Cause(_) => {
                    self.line()?;
                    return self.out.write_str("… more causes (cut)");
                }
                Next::Branches(errors) => return self.branches(errors, nested),
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
            self.error(error.as_std(), nested + 1)?;
            self.indent.truncate(len);
        }
        Ok(())
    }

    /// A message, each of its lines indented.
    fn message(&mut self, lead: &str, error: &(dyn StdError + 'static)) -> fmt::Result {
        self.shown += 1;
        self.out.write_str(lead)?;
        let text = own_message(error);
        for (n, line) in escape(&text).lines().enumerate() {
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

fn write_stack(f: &mut fmt::Formatter<'_>, trace: &StackTrace, all: bool) -> fmt::Result {
    write!(f, "\n\nstack of: ")?;
    for (n, line) in escape(trace.error()).lines().enumerate() {
        if n > 0 {
            f.write_str("\n          ")?;
        }
        f.write_str(line)?;
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
    f.write_str("\nway up: ")?;
    for (n, place) in trace.trail().iter().enumerate() {
        let comma = if n > 0 { ", " } else { "" };
        write!(f, "{comma}{place}")?;
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

/// `outer: inner: innermost`, a join as `[a; b: c]`; what would break the line is escaped.
pub(crate) fn one_line(
    error: &(dyn StdError + 'static),
    f: &mut fmt::Formatter<'_>,
) -> fmt::Result {
    let mut shown = 0;
    chain_on_line(error, f, &mut shown, 0)
}

fn chain_on_line(
    error: &(dyn StdError + 'static),
    f: &mut fmt::Formatter<'_>,
    shown: &mut usize,
    nested: usize,
) -> fmt::Result {
    let mut at = error;
    let mut first = true;
    let mut same = false;
    loop {
        let next = expand(at).1;
        if !same {
            if !first {
                f.write_str(": ")?;
            }
            first = false;
            if *shown >= MAX_SHOWN {
                return f.write_str("… (cut)");
            }
            *shown += 1;
            if !matches!(next, Next::Branches(_)) {
                f.write_str(&message_of(at))?;
            }
        }
        match next {
            Next::End => return Ok(()),
            Next::Same(below) => (at, same) = (below, true),
            Next::Cause(cause) => (at, same) = (cause, false),
            Next::Branches(_) if nested >= MAX_NESTED => return f.write_str("[… (cut)]"),
            Next::Branches(errors) => {
                f.write_char('[')?;
                for (n, error) in errors.iter().enumerate() {
                    if n > 0 {
                        f.write_str("; ")?;
                    }
                    if *shown >= MAX_SHOWN {
                        write!(f, "… {} more", errors.len() - n)?;
                        break;
                    }
                    chain_on_line(error.as_std(), f, shown, nested + 1)?;
                }
                return f.write_char(']');
            }
        }
    }
}
