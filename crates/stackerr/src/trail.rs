//! The places in the source code through which an error was propagated.

use std::panic::Location;

use crate::foreign_text::contains;

/// A place in the source code, from `#[track_caller]`.
pub(crate) type Place = &'static Location<'static>;

/// How many places one error stores. Further ones are only counted.
pub(crate) const MAX_PLACES: usize = 32;

/// The place where an error was created, and the places of later conversions and contexts.
#[derive(Clone, Debug)]
pub(crate) struct Trail {
    first: Place,
    rest: Vec<Place>,
    dropped: u32,
}

impl Trail {
    /// Allocates nothing.
    pub(crate) fn new(first: Place) -> Self {
        Self {
            first,
            rest: Vec::new(),
            dropped: 0,
        }
    }

    /// Adds a place. The same place twice in a row counts once.
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

    /// The places, without those in the standard library: `#[track_caller]` returns such a place for a
    /// function that is passed by name, as in `map_err(Error::new)`.
    pub(crate) fn places(&self) -> impl Iterator<Item = Place> + '_ {
        std::iter::once(self.first)
            .chain(self.rest.iter().copied())
            .filter(|place| !is_in_std(place.file()))
    }

    pub(crate) fn dropped(&self) -> u32 {
        self.dropped
    }
}

/// Whether a file belongs to the standard library: `/rustc/HASH/library/…`, or its sources in a
/// toolchain.
fn is_in_std(file: &str) -> bool {
    let file = file.replace('\\', "/");
    (file.starts_with("/rustc/") && contains(&file, "/library/"))
        || contains(&file, "/lib/rustlib/src/rust/library/")
}

#[cfg(test)]
mod tests {
    use super::is_in_std;

    #[test]
    fn only_files_of_the_standard_library_are_left_out() {
        for file in [
            "/rustc/59807616e1fa2540724bfbac14d7976d7e4a3860/library/core/src/ops/function.rs",
            "/rustc/59807616e1fa2540724bfbac14d7976d7e4a3860\\library\\core\\src\\option.rs",
            "/home/u/.rustup/toolchains/x/lib/rustlib/src/rust/library/core/src/result.rs",
        ] {
            assert!(is_in_std(file), "{file}");
        }
        for file in ["src/main.rs", "/home/u/library/src/lib.rs", "/rustc/x.rs"] {
            assert!(!is_in_std(file), "{file}");
        }
    }
}
