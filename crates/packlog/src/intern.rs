//! Numbers for what is static in a record: the place that logs, which is a module path and a file
//! name, and a message without arguments.
//!
//! Tables of fixed size, found by address, read without a lock. Nothing is ever removed, which the
//! bounds allow for: a program has a few hundred source files, and some thousand messages. When a
//! table, or the neighbourhood of a place in it, is full, the texts are written out instead.

use std::cell::UnsafeCell;
use std::mem::MaybeUninit;
use std::ptr;
use std::sync::atomic::Ordering::{Acquire, Relaxed, Release};
use std::sync::atomic::{AtomicBool, AtomicUsize};

/// The maximum number of places that have a number.
pub(crate) const MAX_PLACES: usize = 2048;
/// The maximum length of all their names, in bytes. It bounds the room that [`crate::places`] takes in a
/// file.
pub(crate) const MAX_PLACE_BYTES: usize = 128 << 10;
const PROBES: usize = 16;
const MAX_MESSAGES: usize = 4096;

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
        ptr::eq(self.module, other.module) && ptr::eq(self.file, other.file)
    }

    /// The length of its names.
    fn bytes(&self) -> usize {
        self.module.len() + self.file.len()
    }

    #[inline]
    fn start(&self) -> usize {
        hash::<MAX_PLACES>(self.module, self.file)
    }
}

/// Where in a table of `N` slots, a power of two, two strings go. Fibonacci hashing, of the addresses
/// alone: two strings at one address are rare.
#[inline]
fn hash<const N: usize>(one: &'static str, other: &'static str) -> usize {
    let [one, other] = [one, other].map(|text| text.as_ptr() as usize as u64);
    let product = (one ^ other.rotate_left(32)).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    (product >> (u64::BITS - N.ilog2())) as usize
}

/// A table of values whose keys are static strings. Each value is set once. No call waits for another:
/// a signal handler may log while its own thread is setting the same value, or is inside the allocator.
struct Table<T, const N: usize> {
    slots: [Slot<T>; N],
    /// Whether a thread sets, or has set, the slot at the same position.
    claimed: [AtomicBool; N],
}

struct Slot<T> {
    /// The address of the string, once the value is set; 0 before.
    key: AtomicUsize,
    value: UnsafeCell<MaybeUninit<T>>,
}

// SAFETY: only the thread that claims a slot writes its value, and others read it only once there is
// a key.
unsafe impl<T: Send + Sync> Sync for Slot<T> {}

impl<T> Slot<T> {
    /// The value, if there is one.
    fn get(&self) -> Option<&T> {
        if self.key.load(Acquire) == 0 {
            return None;
        }
        // SAFETY: the key was stored after the value was written, and that is not written again.
        Some(unsafe { (*self.value.get()).assume_init_ref() })
    }

    /// The value, if it belongs to a string at the address of this one.
    #[inline(always)]
    fn of(&self, key: &'static str) -> Option<&T> {
        if self.key.load(Acquire) != key.as_ptr() as usize {
            return None;
        }
        // SAFETY: no string is at the address 0, so the key is set, which it was after the value was
        // written; and that is not written again.
        Some(unsafe { (*self.value.get()).assume_init_ref() })
    }
}

impl<T, const N: usize> Table<T, N> {
    /// Zeros, so that a static one takes no room in the program's file and only the memory that is
    /// used.
    const fn new() -> Table<T, N> {
        Table {
            slots: [const {
                Slot {
                    key: AtomicUsize::new(0),
                    value: UnsafeCell::new(MaybeUninit::uninit()),
                }
            }; N],
            claimed: [const { AtomicBool::new(false) }; N],
        }
    }

    /// Sets the value at a position that is not claimed. Returns whether this call has set it.
    fn set(&self, at: usize, key: &'static str, value: T) -> bool {
        let slot = &self.slots[at];
        // Relaxed: who reads the value waits for the key.
        if self.claimed[at].swap(true, Relaxed) {
            return false;
        }
        // SAFETY: no other thread writes the value, because only one call finds it not claimed; and
        // none reads it, because there is no key yet.
        unsafe { (*slot.value.get()).write(value) };
        slot.key.store(key.as_ptr() as usize, Release);
        true
    }
}

/// Places and their numbers.
struct Places {
    table: Table<Place, MAX_PLACES>,
    /// How many places have a number.
    count: AtomicUsize,
    /// The length of the names of all places that have a number or are getting one.
    bytes: AtomicUsize,
}

static PLACES: Places = Places::new();

impl Places {
    const fn new() -> Places {
        Places {
            table: Table::new(),
            count: AtomicUsize::new(0),
            bytes: AtomicUsize::new(0),
        }
    }

    /// The number of a place: one of the slots from `start` on. `None` if those have other places, if
    /// there is no room for its names, and where a slot is being set, perhaps to this very place.
    fn find_or_add(&self, start: usize, place: Place) -> Option<u16> {
        for probe in 0..PROBES {
            let number = (start + probe) % MAX_PLACES;
            if !self.table.claimed[number].load(Relaxed) {
                self.reserve(place.bytes())?;
                if self.table.set(number, place.module, place) {
                    // Release: a thread that sees the count finds the place.
                    self.count.fetch_add(1, Release);
                    return Some(number as u16);
                }
                // Another thread was faster.
                self.bytes.fetch_sub(place.bytes(), Relaxed);
            }
            if self.table.slots[number].get()?.is(&place) {
                return Some(number as u16);
            }
        }
        None
    }

    /// Reserves room for the names of a place. `None` if there is not enough.
    fn reserve(&self, bytes: usize) -> Option<()> {
        let with = |reserved: usize| {
            let all = reserved.checked_add(bytes)?;
            (bytes <= usize::from(u16::MAX) && all <= MAX_PLACE_BYTES).then_some(all)
        };
        self.bytes.fetch_update(Relaxed, Relaxed, with).ok()?;
        Some(())
    }
}

/// The number of a place, if it has the one that its addresses hash to, as nearly all have.
#[inline]
pub(crate) fn known(module: &'static str, file: &'static str) -> Option<u16> {
    let place = Place { module, file };
    let number = place.start();
    let known = PLACES.table.slots[number].of(module)?;
    known.is(&place).then_some(number as u16)
}

/// The number of a place, if it has or can get one.
pub(crate) fn number(module: &'static str, file: &'static str) -> Option<u16> {
    let place = Place { module, file };
    known(module, file).or_else(|| PLACES.find_or_add(place.start(), place))
}

/// What [`number`] gave a number to.
pub(crate) fn place(number: u16) -> Option<Place> {
    PLACES.table.slots.get(usize::from(number))?.get().copied()
}

/// How many places have a number. It only grows.
#[inline]
pub(crate) fn place_count() -> usize {
    PLACES.count.load(Acquire)
}

/// All places that have a number, and the number.
pub(crate) fn places() -> impl Iterator<Item = (u16, Place)> {
    (0..MAX_PLACES as u16).filter_map(|number| Some((number, place(number)?)))
}

/// A message without arguments, and the place that logs it.
pub(crate) struct Message {
    text: &'static str,
    place: Place,
    /// What [`add_message`] was given.
    pub(crate) value: u64,
}

impl Message {
    /// Whether it is this text, which is at its address, logged in this module: the same strings, not
    /// merely equal ones.
    #[inline(always)]
    pub(crate) fn is(&self, module: &'static str, text: &'static str) -> bool {
        self.text.len() == text.len() && ptr::eq(self.place.module, module)
    }

    /// Whether it is logged in this file.
    #[inline(always)]
    pub(crate) fn is_in(&self, file: &'static str) -> bool {
        ptr::eq(self.place.file, file)
    }
}

/// There are no probes: a message whose slot has another one is written out.
static MESSAGES: Table<Message, MAX_MESSAGES> = Table::new();

/// A message at this address, if it has the slot of this one: itself, or one that [is](Message::is)
/// another.
#[inline(always)]
pub(crate) fn message_near(module: &'static str, text: &'static str) -> Option<&'static Message> {
    MESSAGES.slots[hash::<MAX_MESSAGES>(text, module)].of(text)
}

/// Gives a message of a place a number if its slot is free, and remembers what `value` makes of that.
pub(crate) fn add_message(
    module: &'static str,
    file: &'static str,
    text: &'static str,
    value: impl FnOnce(u16) -> u64,
) {
    let number = hash::<MAX_MESSAGES>(text, module);
    let message = Message {
        text,
        place: Place { module, file },
        value: value(number as u16),
    };
    // Asked first, because where another message is, this one comes here each time.
    if !MESSAGES.claimed[number].load(Relaxed) {
        MESSAGES.set(number, text, message);
    }
}

/// The message that [`add_message`] gave a number.
pub(crate) fn message(number: u16) -> Option<&'static str> {
    let message = MESSAGES.slots.get(usize::from(number))?.get()?;
    Some(message.text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_bounded_and_never_confuses_two_places() {
        let long: &'static str = Box::leak("x".repeat(3 * MAX_PLACES).into_boxed_str());
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
        let places = Places::new();
        places.table.claimed[START].store(true, Relaxed);
        assert!(places.find_or_add(START, place).is_none());
        places.table.claimed[START].store(false, Relaxed);
        assert_eq!(places.find_or_add(START, place), Some(START as u16));
    }

    #[test]
    fn a_module_of_two_files_and_a_file_of_two_modules_are_told_apart() {
        let place = |module, file| Place { module, file };
        let similar = [
            place("one::module", "one.rs"),
            place("one::module", "another.rs"),
            place("another::module", "one.rs"),
        ];
        // As if they had the same slot in the table.
        let places = Places::new();
        let numbers = similar.map(|place| places.find_or_add(17, place).unwrap());
        for (number, known) in numbers.iter().zip(&similar) {
            let found = places.table.slots[usize::from(*number)].get().unwrap();
            assert_eq!((found.module, found.file), (known.module, known.file));
        }
    }

    #[test]
    fn names_that_are_too_long_in_all_get_no_number() {
        let long: &'static str = Box::leak("x".repeat(40 << 10).into_boxed_str());
        let place = |at: usize, len: usize| Place {
            module: &long[at..at + len],
            file: "file.rs",
        };
        let places = Places::new();
        for start in 0..3 {
            assert!(places.find_or_add(start, place(start, 40_000)).is_some());
        }
        assert!(places.find_or_add(3, place(3, 40_000)).is_none());
        assert!(places.find_or_add(3, place(3, 100)).is_some());
        assert_eq!(places.count.load(Relaxed), 4);
    }

    /// Messages of several lengths and modules at the same addresses, as a compiler may lay them out.
    #[test]
    fn messages_are_told_apart_by_text_module_and_file() {
        let text: &'static str = Box::leak("message".to_owned().into_boxed_str());
        let names: &'static str = Box::leak("module".to_owned().into_boxed_str());
        let known = |module, file, text| {
            let message = message_near(module, text).filter(|known| known.is(module, text))?;
            message.is_in(file).then_some(message.value)
        };
        for (value, len) in (1..).zip([7, 0, 3]) {
            assert_eq!(known(names, names, &text[..len]), None);
            // They have one slot, so the first one keeps it.
            add_message(names, names, &text[..len], |number| {
                u64::from(number) << 8 | value
            });
        }
        let value = known(names, names, text).unwrap();
        assert_eq!(value & 0xFF, 1);
        assert_eq!(message((value >> 8) as u16), Some("message"));
        assert_eq!(known(names, names, &text[..3]), None);
        assert_eq!(known(names, names, &text[..0]), None);
        assert_eq!(known(&names[..3], names, text), None);
        assert_eq!(known(names, &names[..3], text), None);
    }

    #[test]
    fn threads_that_add_messages_at_once_find_them_whole() {
        let texts: &'static str = Box::leak("y".repeat(3 * MAX_MESSAGES).into_boxed_str());
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for at in 0..texts.len() {
                        let text = &texts[at..];
                        add_message("module", "file", text, |number| number.into());
                        if let Some(known) = message_near("module", text) {
                            assert!(known.is("module", text));
                            let found = message(known.value as u16).unwrap();
                            assert!(ptr::eq(found, text));
                        }
                    }
                });
            }
        });
        let known = (0..texts.len()).filter(|at| message_near("module", &texts[*at..]).is_some());
        let known = known.count();
        assert!(known > MAX_MESSAGES / 2, "only {known} have a number");
        assert!(known <= MAX_MESSAGES, "{known} have a number");
    }
}
