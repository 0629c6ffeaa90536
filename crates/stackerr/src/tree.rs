//! Messages and places as a tree.

use crate::inner::Inner;
use crate::link::{Next, expand};
use crate::message::message_of;
use crate::trail::Place;
use std::error::Error as StdError;
use std::panic::Location;

/// Levels of a tree. As JSON each has two levels of brackets, and common parsers take 128.
const MAX_DEPTH: usize = 50;

/// Errors in a tree.
const MAX_NODES: usize = 10_000;

/// An error and what is below it: a cause, or the several errors of a join.
///
/// With feature `serde` it serialises to `{"message", "location", "sources"}`, `location` being
/// `{"file", "line", "column"}` or null.
///
/// At most 50 levels and 10,000 errors; what was left out is the message of a last source.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ErrorTree {
    /// The error's own message; of a join, how many errors it has.
    pub message: String,
    /// The type of the error, where it was known when the error was made.
    pub type_name: Option<&'static str>,
    /// Where the error was made or wrapped, if that was in this crate's sight.
    pub location: Option<&'static Location<'static>>,
    /// The cause, or a join's errors.
    pub sources: Vec<Self>,
}

/// The tree of an error of any crate; see [`ErrorTree`].
///
/// # Examples
///
/// ```
/// use stackerr::{Error, err};
///
/// let both = Error::join([err!("a"), err!("b").context("c")]).unwrap();
/// let tree = stackerr::tree(both.as_std());
/// assert_eq!(tree.message, "2 errors");
/// assert_eq!(tree.sources[1].message, "c");
/// assert_eq!(tree.sources[1].sources[0].message, "b");
/// ```
#[must_use]
pub fn tree(error: &(dyn StdError + 'static)) -> ErrorTree {
    let mut room = MAX_NODES;
    grow(error, MAX_DEPTH, &mut room)
}

fn grow(error: &(dyn StdError + 'static), levels: usize, room: &mut usize) -> ErrorTree {
    *room = room.saturating_sub(1);
    let mut node = ErrorTree {
        message: own_message(error),
        type_name: None,
        location: None,
        sources: Vec::new(),
    };
    let mut at = error;
    // The wrappers of one error share its message and so its node.
    for _ in 0..MAX_DEPTH {
        let (found, next) = expand(at);
        if let Some(found) = found {
            // The innermost knows the birth best.
            node.location = Some(found.trail.first());
            node.type_name = found.type_name.or(node.type_name);
        }
        match next {
            Next::Same(same) => {
                at = same;
                continue;
            }
            Next::End => {}
            Next::Cause(_) if levels <= 1 || *room == 0 => node.sources.push(cut("more causes")),
            Next::Cause(cause) => node.sources.push(grow(cause, levels - 1, room)),
            Next::Branches(_) if levels <= 1 => node.sources.push(cut("more errors")),
            Next::Branches(errors) => {
                node.sources.reserve(errors.len().min(*room + 1));
                for (n, error) in errors.iter().enumerate() {
                    if *room == 0 {
                        node.sources
                            .push(cut(&format!("{} more errors", errors.len() - n)));
                        break;
                    }
                    node.sources.push(grow(error.as_std(), levels - 1, room));
                }
            }
        }
        break;
    }
    node
}

/// The guarded message; of a join only how many errors it has, since they follow.
pub(crate) fn own_message(error: &(dyn StdError + 'static)) -> String {
    match error.downcast_ref::<Inner>().and_then(Inner::branches) {
        Some(errors) => format!("{} errors", errors.len()),
        None => message_of(error),
    }
}

fn cut(what: &str) -> ErrorTree {
    ErrorTree {
        message: format!("… ({what}, cut)"),
        type_name: None,
        location: None::<Place>,
        sources: Vec::new(),
    }
}
