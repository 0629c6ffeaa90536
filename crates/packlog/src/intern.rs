//! Numbers for the places that log: a module path and a file name, which are `&'static str`s.
//!
//! A table of fixed size, found by address, read without a lock. Nothing is ever removed, which
//! the bound allows for: a program has a few hundred source files. When the table, or the
//! neighbourhood of a place in it, is full, the texts are written out instead.

use std::cell::UnsafeCell;
use std::mem::MaybeUninit;
use std::sync::atomic::AtomicU8;
use std::sync::atomic::Ordering::{Acquire, Relaxed, Release};

const SLOTS: usize = 2048;
const PROBES: usize = 16;

/// A module and the file that it stands in; macros and inline modules make several of a file.
#[derive(Clone, Copy)]
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

/// A place, which is set once. Nobody waits for it: a signal handler may log while its own thread is
/// setting the same slot, or is inside the allocator.
struct Slot {
    state: AtomicU8,
    place: UnsafeCell<MaybeUninit<Place>>,
}

const EMPTY: u8 = 0;
const BEING_SET: u8 = 1;
const SET: u8 = 2;

// SAFETY: only the thread that changes the state from `EMPTY` to `BEING_SET` writes the place, and
// others read it only once the state is `SET`.
unsafe impl Sync for Slot {}

impl Slot {
    const fn new() -> Slot {
        Slot {
            state: AtomicU8::new(EMPTY),
            place: UnsafeCell::new(MaybeUninit::uninit()),
        }
    }

    #[inline]
    fn get(&self) -> Option<Place> {
        if self.state.load(Acquire) != SET {
            return None;
        }
        // SAFETY: `SET` was stored after the place was written, and it is not written again.
        Some(unsafe { (*self.place.get()).assume_init() })
    }

    /// Sets an empty slot. Returns whether this call has set it.
    fn set(&self, place: Place) -> bool {
        let claimed = self
            .state
            .compare_exchange(EMPTY, BEING_SET, Relaxed, Relaxed);
        if claimed.is_err() {
            return false;
        }
        // SAFETY: no other thread reads or writes the place while the state is `BEING_SET`, which
        // only this call has made it.
        unsafe { (*self.place.get()).write(place) };
        self.state.store(SET, Release);
        true
    }
}

/// Zeros, so that it takes no room in the program's file and only the memory that is used.
static TABLE: [Slot; SLOTS] = new_table();

const fn new_table() -> [Slot; SLOTS] {
    [const { Slot::new() }; SLOTS]
}

/// The number of a place, if it has the one that its addresses hash to, as nearly all have.
#[inline]
pub(crate) fn known(module: &'static str, file: &'static str) -> Option<u16> {
    let place = Place { module, file };
    let number = place.start() % SLOTS;
    TABLE[number].get()?.is(&place).then_some(number as u16)
}

/// The number of a place, if it has or can get one.
pub(crate) fn number(module: &'static str, file: &'static str) -> Option<u16> {
    let place = Place { module, file };
    known(module, file).or_else(|| find_or_set(&TABLE, place.start(), place))
}

/// Its number in one of the slots from `start` on. `None` if they have other places, and where a slot
/// is being set, perhaps to this very place.
fn find_or_set(table: &[Slot; SLOTS], start: usize, place: Place) -> Option<u16> {
    for probe in 0..PROBES {
        let number = (start + probe) % SLOTS;
        let slot = &table[number];
        if slot.set(place) || slot.get()?.is(&place) {
            return Some(number as u16);
        }
    }
    None
}

/// What [`number`] gave a number to.
pub(crate) fn place(number: u16) -> Option<Place> {
    TABLE.get(usize::from(number))?.get()
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
    fn a_slot_that_is_being_set_is_not_waited_for() {
        const START: usize = 900;
        let place = Place {
            module: "being::set",
            file: "being_set.rs",
        };
        // As if a signal handler logged while its thread sets the slot.
        let table = new_table();
        table[START].state.store(BEING_SET, Release);
        assert!(find_or_set(&table, START, place).is_none());
        table[START].state.store(EMPTY, Release);
        assert_eq!(find_or_set(&table, START, place), Some(START as u16));
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
        let table = new_table();
        let numbers = places.map(|place| find_or_set(&table, 17, place).unwrap());
        for (number, known) in numbers.iter().zip(&places) {
            let found = table[usize::from(*number)].get().unwrap();
            assert_eq!((found.module, found.file), (known.module, known.file));
        }
    }
}
