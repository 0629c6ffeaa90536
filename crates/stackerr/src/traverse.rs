//! The traversal of an error: its chain, the wrappers in it, and the joins below it.
//!
//! It never recurses, ends on every input, and calls foreign code only through guards.

use crate::probe::{self, Answer, Found};
use crate::repr::{Error, Inner, Kind};
use crate::trail::{MAX_PLACES, Place};
use std::error::Error as StdError;
use std::fmt::{self, Debug};

type Dyn<'a> = &'a (dyn StdError + 'static);

/// The maximum number of foreign links that are followed in one chain.
const MAX_LINKS: usize = 20_000;

/// How a chain ends.
#[derive(Clone, Copy)]
pub(crate) enum End<'a> {
    /// At an error without a cause.
    Root,
    /// At a join, which has several causes.
    Join(&'a [Error]),
    /// At an error that occurred before: `source()` is cyclic.
    Repeats,
    /// At the maximum length.
    TooLong,
}

/// One error of a chain. A wrapper and the error that it wraps are two links.
struct Link<'a> {
    error: Dyn<'a>,
    /// What it carries, if it is an error of this crate.
    found: Option<Found>,
    /// Whether the next link is the same error with one wrapper less, rather than its cause.
    is_wrapper: bool,
}

/// The links of a chain, outermost first.
struct Links<'a> {
    next: Option<Dyn<'a>>,
    end: End<'a>,
    foreign: usize,
    /// Brent's algorithm: an earlier link to compare with, renewed at each power of two.
    earlier: Option<Dyn<'a>>,
    power: usize,
}

impl<'a> Links<'a> {
    fn new(error: Dyn<'a>) -> Self {
        Self {
            next: Some(error),
            end: End::Root,
            foreign: 0,
            earlier: None,
            power: 1,
        }
    }

    /// Moves on to the next error unless the chain must end. Errors of this crate form no cycles and
    /// need no limit.
    fn go_on(&mut self, from: Dyn<'a>, to: Dyn<'a>) {
        if !from.is::<Inner>() {
            self.foreign += 1;
            // Two errors with the same address and the same vtable behave the same.
            #[allow(ambiguous_wide_pointer_comparisons)]
            let repeats = |earlier: Dyn<'_>| std::ptr::eq(earlier, to);
            if self.earlier.is_some_and(repeats) {
                self.end = End::Repeats;
                return;
            }
            if self.foreign >= MAX_LINKS {
                self.end = End::TooLong;
                return;
            }
            if self.foreign == self.power {
                self.power *= 2;
                self.earlier = Some(to);
            }
        }
        self.next = Some(to);
    }
}

impl<'a> Iterator for Links<'a> {
    type Item = Link<'a>;

    fn next(&mut self) -> Option<Link<'a>> {
        let error = self.next.take()?;
        if let Some(inner) = error.downcast_ref::<Inner>() {
            let mut is_wrapper = false;
            match &inner.kind {
                Kind::Context(_, below) => self.go_on(error, below.as_std()),
                Kind::Join(errors) => self.end = End::Join(errors),
                _ => {
                    if let Some(carried) = inner.carried() {
                        is_wrapper = true;
                        self.go_on(error, carried);
                    }
                }
            }
            let found = Some(Found {
                stack: inner.own_stack(),
                trail: inner.trail.clone(),
                type_name: inner.type_name,
            });
            return Some(Link {
                error,
                found,
                is_wrapper,
            });
        }
        let (below, answer) = probe::source(error);
        if let Some(below) = below {
            self.go_on(error, below);
        }
        let is_wrapper = answer.is_some() && self.next.is_some();
        let found = match answer {
            Some(Answer::Wraps(found)) => Some(found),
            Some(Answer::Itself) | None => None,
        };
        Some(Link {
            error,
            found,
            is_wrapper,
        })
    }
}

/// One error of a chain. Wrappers that add no message ([`Traced`](crate::Traced), a boxed
/// [`Error`]) and the error that they wrap are one node.
pub(crate) struct Node<'a> {
    /// The error without its wrappers.
    pub(crate) error: Dyn<'a>,
    /// What its wrappers carry, outermost first.
    pub(crate) found: Vec<Found>,
}

impl Node<'_> {
    /// The place where the error was created or first converted.
    pub(crate) fn place(&self) -> Option<Place> {
        let mut places = self.found.iter().rev().flat_map(|it| it.trail.places());
        places.next()
    }

    pub(crate) fn type_name(&self) -> Option<&'static str> {
        self.found.iter().rev().find_map(|found| found.type_name)
    }
}

/// The nodes of a chain, outermost first.
pub(crate) struct Nodes<'a>(Links<'a>);

impl<'a> Nodes<'a> {
    pub(crate) fn new(error: Dyn<'a>) -> Self {
        Self(Links::new(error))
    }

    /// How the chain ends, once there are no more nodes.
    pub(crate) fn end(&self) -> End<'a> {
        self.0.end
    }
}

impl<'a> Iterator for Nodes<'a> {
    type Item = Node<'a>;

    fn next(&mut self) -> Option<Node<'a>> {
        let mut found = Vec::new();
        loop {
            let link = self.0.next()?;
            found.extend(link.found);
            if !link.is_wrapper {
                return Some(Node {
                    error: link.error,
                    found,
                });
            }
        }
    }
}

/// All nodes below an error, each once, in the order of the joins.
pub(crate) struct Walk<'a> {
    /// The chains that are not finished, the innermost join last.
    pending: Vec<(Dyn<'a>, Option<usize>)>,
    chain: Option<Nodes<'a>>,
    /// The trail of the last node that has one, with the index of the next trail outwards.
    trails: Vec<Hop>,
    above: Option<usize>,
}

struct Hop {
    places: Vec<Place>,
    dropped: u32,
    above: Option<usize>,
}

impl<'a> Walk<'a> {
    pub(crate) fn new(error: Dyn<'a>) -> Self {
        Self {
            pending: vec![(error, None)],
            chain: None,
            trails: Vec::new(),
            above: None,
        }
    }

    /// The places through which the last returned node was propagated, and how many places were
    /// dropped.
    pub(crate) fn trail(&self) -> (Vec<Place>, u32) {
        let mut places: Vec<Place> = Vec::new();
        let mut dropped = 0u32;
        let mut at = self.above;
        while let Some(hop) = at.and_then(|at| self.trails.get(at)) {
            for &place in &hop.places {
                if dropped == 0 && places.last() == Some(&place) {
                    continue;
                }
                if places.len() < MAX_PLACES {
                    places.push(place);
                } else {
                    dropped = dropped.saturating_add(1);
                }
            }
            dropped = dropped.saturating_add(hop.dropped);
            at = hop.above;
        }
        (places, dropped)
    }
}

impl<'a> Iterator for Walk<'a> {
    type Item = Node<'a>;

    fn next(&mut self) -> Option<Node<'a>> {
        loop {
            if let Some(chain) = &mut self.chain {
                if let Some(node) = chain.next() {
                    for found in &node.found {
                        self.trails.push(Hop {
                            places: found.trail.places().collect(),
                            dropped: found.trail.dropped(),
                            above: self.above,
                        });
                        self.above = Some(self.trails.len() - 1);
                    }
                    return Some(node);
                }
                if let End::Join(errors) = chain.end() {
                    let branches = errors.iter().rev();
                    self.pending
                        .extend(branches.map(|error| (error.as_std() as Dyn<'a>, self.above)));
                }
            }
            let (error, above) = self.pending.pop()?;
            self.chain = Some(Nodes::new(error));
            self.above = above;
        }
    }
}

/// Whether the error or any error below it has a stack. A chain without joins needs no allocation.
pub(crate) fn carries_stack(error: Dyn<'_>) -> bool {
    let has_stack = |found: &Found| found.stack.is_some();
    let mut links = Links::new(error);
    for link in links.by_ref() {
        if link.found.as_ref().is_some_and(has_stack) {
            return true;
        }
    }
    match links.end {
        End::Join(errors) => errors
            .iter()
            .any(|error| Walk::new(error.as_std()).any(|node| node.found.iter().any(has_stack))),
        _ => false,
    }
}

/// The errors of type `T`, in the order of the walk, with wrappers before the errors that they wrap.
pub(crate) fn find_all<'a, T: StdError + 'static>(error: Dyn<'a>) -> impl Iterator<Item = &'a T> {
    let mut pending = vec![error];
    let mut links: Option<Links<'a>> = None;
    std::iter::from_fn(move || {
        loop {
            if let Some(chain) = &mut links {
                match chain.next() {
                    Some(link) => match link.error.downcast_ref::<T>() {
                        Some(error) => return Some(error),
                        None => continue,
                    },
                    None => {
                        if let End::Join(errors) = chain.end {
                            let branches = errors.iter().rev();
                            pending.extend(branches.map(|error| error.as_std() as Dyn<'a>));
                        }
                    }
                }
            }
            links = Some(Links::new(pending.pop()?));
        }
    })
}

/// The errors of the first join in the chain, if there is one.
pub(crate) fn first_join<'a>(error: Dyn<'a>) -> Option<&'a [Error]> {
    let mut links = Links::new(error);
    links.by_ref().for_each(drop);
    match links.end {
        End::Join(errors) => Some(errors),
        _ => None,
    }
}

/// Returns the leaves of the joins in an error of any crate, left to right; the error itself if it
/// has no join. See [`Error::errors`](crate::Error::errors).
///
/// # Examples
///
/// ```
/// use stackerr::{Error, err};
///
/// let both = Error::join([err!("a"), err!("b")]).unwrap().context("wrapped");
/// let boxed: Box<dyn std::error::Error> = both.into();
/// let texts: Vec<_> = stackerr::errors(&*boxed).iter().map(|e| e.to_string()).collect();
/// assert_eq!(texts, ["a", "b"]);
/// ```
#[must_use]
pub fn errors<'a>(error: &'a (dyn StdError + 'static)) -> Vec<&'a (dyn StdError + 'static)> {
    let mut leaves = Vec::new();
    let mut pending = vec![error];
    while let Some(error) = pending.pop() {
        match first_join(error) {
            Some(errors) => pending.extend(errors.iter().rev().map(|it| it.as_std() as Dyn<'a>)),
            None => leaves.push(error),
        }
    }
    leaves
}

/// Returns whether the error itself, not one of its causes, is an error of this crate. The `{:?}` of
/// such an error looks up the names of its stack.
///
/// # Examples
///
/// ```
/// assert!(stackerr::is_own(stackerr::err!("no").as_std()));
/// assert!(!stackerr::is_own(&std::fmt::Error));
/// ```
#[must_use]
pub fn is_own(error: &(dyn StdError + 'static)) -> bool {
    error.is::<Inner>()
}

/// Returns the first error of type `T` in an error of any crate: the error itself, its causes, and
/// every branch of its joins. See [`Error::find`](crate::Error::find).
///
/// # Examples
///
/// ```
/// let boxed: Box<dyn std::error::Error> = stackerr::Error::new(std::fmt::Error).into();
/// assert!(stackerr::find::<std::fmt::Error>(&*boxed).is_some());
/// ```
#[must_use]
pub fn find<'a, T: StdError + 'static>(error: &'a (dyn StdError + 'static)) -> Option<&'a T> {
    find_all(error).next()
}

/// The iterator of [`Error::chain`](crate::Error::chain): the error, then its cause, and so on.
///
/// It ends at a join, which has several causes, at a cycle of `source()`, and after 20,000 foreign
/// errors. Wrappers that add no message of their own ([`Traced`](crate::Traced), a boxed
/// [`Error`](crate::Error)) are replaced by the error that they wrap.
#[derive(Clone, Default)]
pub struct Chain<'a>(std::vec::IntoIter<&'a (dyn StdError + 'static)>);

impl<'a> Chain<'a> {
    /// The chain of an error of any crate.
    #[must_use]
    pub fn new(error: &'a (dyn StdError + 'static)) -> Self {
        let errors: Vec<_> = Nodes::new(error).map(|node| node.error).collect();
        Self(errors.into_iter())
    }
}

impl<'a> Iterator for Chain<'a> {
    type Item = &'a (dyn StdError + 'static);

    fn next(&mut self) -> Option<Self::Item> {
        self.0.next()
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.0.size_hint()
    }
}

impl DoubleEndedIterator for Chain<'_> {
    fn next_back(&mut self) -> Option<Self::Item> {
        self.0.next_back()
    }
}

impl ExactSizeIterator for Chain<'_> {}
impl std::iter::FusedIterator for Chain<'_> {}

impl Debug for Chain<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.0.as_slice()).finish()
    }
}
