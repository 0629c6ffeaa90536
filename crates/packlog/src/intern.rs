//! Numbers for the places that log: a module path and a file name, which are `&'static str`s.
//!
//! A table of fixed size, found by address, read without a lock. Nothing is ever removed, which
//! the bound allows for: a program has a few hundred source files. When the table, or the
//! neighbourhood of a place in it, is full, the texts are written out instead.

use crossbeam_utils::atomic::AtomicCell;

const SLOTS: usize = 2048;
const PROBES: usize = 16;

/// A module and the file that it stands in; macros and inline modules make several of a file.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) module: &'static str,
    pub(crate) file: &'static str,
}

impl Place {
    /// Whether both are the same strings, not merely equal ones.
    #[inline]
    fn is(&self, other: &Place) -> bool {
        std::ptr::eq(self.module, other.module) && std::ptr::eq(self.file, other.file)
    }

    #[inline]
    fn start(&self) -> usize {
        // Fibonacci hashing; the addresses alone, for two strings at one address are rare.
        let [module, file] = [self.module, self.file].map(|text| text.as_ptr() as usize as u64);
        ((module ^ file.rotate_left(32)).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 53) as usize
    }
}

/// All zeros, so that it takes no room in the program's file. A slot never waits for another thread:
/// a signal handler may log while this thread is setting the same slot.
static TABLE: [AtomicCell<Option<&'static Place>>; SLOTS] =
    [const { AtomicCell::new(None) }; SLOTS];

/// The number of a place, if it has or can get one.
#[inline]
pub(crate) fn number(module: &'static str, file: &'static str) -> Option<u16> {
    let place = Place { module, file };
    let start = place.start();
    match TABLE[start % SLOTS].load() {
        Some(known) if known.is(&place) => Some((start % SLOTS) as u16),
        _ => find_or_claim(start, place),
    }
}

/// Its number in one of the slots from `start` on, in which it has or finds a place.
fn find_or_claim(start: usize, place: Place) -> Option<u16> {
    let mut new = None;
    let mut is_in = |slot: &AtomicCell<Option<&'static Place>>| {
        let known = slot.load().or_else(|| {
            let new = *new.get_or_insert_with(|| &*Box::leak(Box::new(place)));
            slot.compare_exchange(None, Some(new)).err().flatten()
        });
        // None if the slot has just become that of `place`.
        known.is_none_or(|known| known.is(&place))
    };
    (0..PROBES)
        .map(|probe| (start + probe) % SLOTS)
        .find(|slot| is_in(&TABLE[*slot]))
        .map(|slot| slot as u16)
}

/// What [`number`] gave a number to.
pub(crate) fn place(number: u16) -> Option<Place> {
    TABLE.get(usize::from(number))?.load().copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_bounded_and_never_confuses_two_places() {
        let long: &'static str = Box::leak("x".repeat(3 * SLOTS).into_boxed_str());
        let mut full = false;
        for at in 0..long.len() {
            let (module, file) = (&long[at..at + 1], &long[at / 2..at / 2 + 1]);
            match number(module, file) {
                Some(number_of) => {
                    let found = place(number_of).unwrap();
                    assert!(std::ptr::eq(found.module, module));
                    assert!(std::ptr::eq(found.file, file));
                    assert_eq!(
                        number(module, file),
                        Some(number_of),
                        "a number is for good"
                    );
                }
                None => full = true,
            }
        }
        assert!(
            full,
            "three times as many places as slots cannot all have fitted"
        );
    }
    #[test]
    fn a_module_of_two_files_and_a_file_of_two_modules_are_told_apart() {
        let place = |module, file| Place { module, file };
        let places = [
            place("one::module", "one.rs"),
            place("one::module", "another.rs"),
            place("another::module", "one.rs"),
        ];
        // As if they had the same place in the table.
        let numbers = places.map(|place| find_or_claim(17, place).unwrap());
        for (number, known) in numbers.iter().zip(&places) {
            let found = super::place(*number).unwrap();
            assert_eq!((found.module, found.file), (known.module, known.file));
        }
    }
}
