//! The places an error passed on its way up: Zig's error return trace, by `#[track_caller]`.

use std::panic::Location;

/// A place in the source, as `#[track_caller]` gives it.
pub(crate) type Place = &'static Location<'static>;

/// How many places one error remembers; further ones are counted.
pub(crate) const MAX_PLACES: usize = 32;

/// Where an error was born, and each hop that it made since.
#[derive(Clone, Debug)]
pub(crate) struct Trail {
    first: Place,
    rest: Vec<Place>,
    dropped: u32,
}

impl Trail {
    /// A trail that begins here; it allocates nothing.
    pub(crate) fn new(first: Place) -> Self {
        Self {
            first,
            rest: Vec::new(),
            dropped: 0,
        }
    }

    /// Adds a hop. A hop at the very same place twice in a row is one hop.
    pub(crate) fn push(&mut self, place: Place) {
        let last = self.rest.last().copied().unwrap_or(self.first);
        if self.dropped == 0 && last == place {
            return;
        }
        if 1 + self.rest.len() < MAX_PLACES {
            self.rest.push(place);
        } else {
            self.dropped = self.dropped.saturating_add(1);
        }
    }

    pub(crate) fn first(&self) -> Place {
        self.first
    }

    pub(crate) fn places(&self) -> impl Iterator<Item = Place> + '_ {
        std::iter::once(self.first).chain(self.rest.iter().copied())
    }

    pub(crate) fn dropped(&self) -> u32 {
        self.dropped
    }
}
