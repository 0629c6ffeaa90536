//! Everything below an error, each once, in the order of the joins; without recursion.

use crate::error::Error;
use crate::inner::Inner;
use crate::link::{Found, MAX_LINKS, Next, expand};
use crate::trail::{MAX_PLACES, Place};
use std::error::Error as StdError;

/// One error that the walk met.
pub(crate) struct Node<'a> {
    pub(crate) error: &'a (dyn StdError + 'static),
    pub(crate) found: Option<Found>,
    /// The entry in [`Walk::hops`] of the nearest error above that has a trail.
    above: Option<usize>,
}

struct Pending<'a> {
    error: &'a (dyn StdError + 'static),
    above: Option<usize>,
    links: usize,
}

struct Hop {
    places: Vec<Place>,
    dropped: u32,
    above: Option<usize>,
}

/// The walk itself, outermost error first.
pub(crate) struct Walk<'a> {
    pending: Vec<Pending<'a>>,
    hops: Vec<Hop>,
}

impl<'a> Walk<'a> {
    pub(crate) fn new(error: &'a (dyn StdError + 'static)) -> Self {
        Self {
            pending: vec![Pending {
                error,
                above: None,
                links: 0,
            }],
            hops: Vec::new(),
        }
    }

    /// The places that the error passed, from its birth to the outermost error that holds it,
    /// and how many more there were.
    pub(crate) fn trail(&self, node: &Node<'_>) -> (Vec<Place>, u32) {
        let mut places = Vec::new();
        let mut dropped = 0u32;
        if let Some(found) = &node.found {
            places.extend(found.trail.places());
            dropped = found.trail.dropped();
        }
        let mut above = node.above;
        while let Some(hop) = above.and_then(|at| self.hops.get(at)) {
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
            above = hop.above;
        }
        (places, dropped)
    }
}

impl<'a> Iterator for Walk<'a> {
    type Item = Node<'a>;

    fn next(&mut self) -> Option<Node<'a>> {
        let Pending {
            error,
            above,
            links,
        } = self.pending.pop()?;
        let (found, next) = expand(error);
        let here = match &found {
            Some(found) => {
                self.hops.push(Hop {
                    places: found.trail.places().collect(),
                    dropped: found.trail.dropped(),
                    above,
                });
                Some(self.hops.len() - 1)
            }
            None => above,
        };
        // Our own structure is finite; only foreign links can go in circles.
        let links = if error.is::<Inner>() {
            links
        } else {
            links + 1
        };
        match next {
            Next::End => {}
            Next::Cause(below) | Next::Same(below) => {
                if links < MAX_LINKS {
                    self.pending.push(Pending {
                        error: below,
                        above: here,
                        links,
                    });
                }
            }
            Next::Branches(errors) => {
                self.pending
                    .extend(errors.iter().rev().map(|error| Pending {
                        error: error.as_std(),
                        above: here,
                        links,
                    }));
            }
        }
        Some(Node {
            error,
            found,
            above,
        })
    }
}

/// Whether anything below (or the error itself) has a stack already. Every conversion asks: a
/// plain chain costs no allocation.
pub(crate) fn carries_stack(error: &(dyn StdError + 'static)) -> bool {
    let mut error = error;
    for _ in 0..MAX_LINKS {
        let (found, next) = expand(error);
        if found.is_some_and(|found| found.stack.is_some()) {
            return true;
        }
        match next {
            Next::End => return false,
            Next::Cause(below) | Next::Same(below) => error = below,
            Next::Branches(_) => {
                return Walk::new(error)
                    .any(|node| node.found.is_some_and(|found| found.stack.is_some()));
            }
        }
    }
    false
}

/// The first error of that type, in the order of the walk.
pub(crate) fn find<'a, T: StdError + 'static>(
    error: &'a (dyn StdError + 'static),
) -> Option<&'a T> {
    Walk::new(error).find_map(|node| node.error.downcast_ref::<T>())
}

/// The branches of the first join on the way down, if there is one.
pub(crate) fn first_join<'a>(error: &'a (dyn StdError + 'static)) -> Option<&'a [Error]> {
    let mut error = error;
    let mut links = 0;
    while links < MAX_LINKS {
        match expand(error).1 {
            Next::End => return None,
            Next::Cause(below) | Next::Same(below) => {
                links += usize::from(!error.is::<Inner>());
                error = below;
            }
            Next::Branches(errors) => return Some(errors),
        }
    }
    None
}
