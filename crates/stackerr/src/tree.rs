//! Messages and places as a tree.

use crate::foreign_text::message_of;
use crate::traverse::{End, Node, Nodes};
use std::error::Error as StdError;
use std::panic::Location;

/// The maximum number of levels of a tree. In JSON each has two levels of brackets, and common parsers
/// accept 128.
const MAX_DEPTH: usize = 50;

/// The maximum number of errors in a tree.
const MAX_NODES: usize = 10_000;

/// An error and the errors below it: a cause, or the errors of a join.
///
/// With feature `serde` it serialises to `{"message", "location", "sources"}`, where `location` is
/// `{"file", "line", "column"}` or null.
///
/// A tree has at most 50 levels and 10,000 errors. If errors are left out, the message of the last
/// source says so.
#[derive(Clone, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct ErrorTree {
    /// The error's own message; for a join, the number of errors.
    pub message: String,
    /// The type of the error, if it was known when the error was created.
    #[cfg_attr(feature = "serde", serde(skip))]
    pub type_name: Option<&'static str>,
    /// Where this crate first created, converted or wrapped the error, if it did.
    #[cfg_attr(feature = "serde", serde(serialize_with = "serialize_location"))]
    pub location: Option<&'static Location<'static>>,
    /// The cause, or a join's errors.
    pub sources: Vec<Self>,
}

#[cfg(feature = "serde")]
fn serialize_location<S: serde::Serializer>(
    location: &Option<&'static Location<'static>>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    serde::Serialize::serialize(&location.map(crate::trace::PlaceData::from), serializer)
}

/// Returns the tree of an error of any crate; see [`ErrorTree`].
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
    chain(error, MAX_DEPTH, &mut room)
}

/// The tree of one chain. It recurses only at joins, and the levels limit the depth.
fn chain(error: &(dyn StdError + 'static), levels: usize, room: &mut usize) -> ErrorTree {
    let mut nodes = Nodes::new(error);
    let mut trees = Vec::new();
    let mut ending = Vec::new();
    loop {
        let full = trees.len() >= levels || (*room == 0 && !trees.is_empty());
        let Some(node) = nodes.next() else { break };
        if full {
            ending.push(cut("more causes"));
            break;
        }
        *room = room.saturating_sub(1);
        trees.push(leaf(&node));
    }
    if ending.is_empty() {
        match nodes.end() {
            End::Root => {}
            End::Repeats => ending.push(cut("the causes repeat")),
            End::TooLong => ending.push(cut("more causes")),
            End::Join(errors) => {
                if let Some(join) = trees.last_mut() {
                    join.message = format!("{} errors", errors.len());
                }
                let levels = levels - trees.len();
                for (n, error) in errors.iter().enumerate() {
                    if levels == 0 {
                        ending.push(cut("more errors"));
                        break;
                    }
                    if *room == 0 {
                        ending.push(cut(&format!("{} more errors", errors.len() - n)));
                        break;
                    }
                    ending.push(chain(error.as_std(), levels, room));
                }
            }
        }
    }
    // From the innermost outwards.
    let mut below = ending;
    while let Some(mut tree) = trees.pop() {
        tree.sources = below;
        below = vec![tree];
    }
    below.pop().unwrap_or_else(|| cut("more causes"))
}

fn leaf(node: &Node<'_>) -> ErrorTree {
    ErrorTree {
        message: message_of(node.error),
        type_name: node.type_name(),
        location: node.place(),
        sources: Vec::new(),
    }
}

fn cut(what: &str) -> ErrorTree {
    ErrorTree {
        message: format!("… ({what}, cut)"),
        type_name: None,
        location: None,
        sources: Vec::new(),
    }
}
