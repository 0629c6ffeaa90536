//! Interns the static texts of records, so that a record contains a number: places (a module path and a
//! file name) and messages without arguments.
//!
//! The tables have a fixed size and are read without a lock. Strings are compared by address. Nothing is
//! removed: a program has a few hundred source files and a few thousand messages. If there is no free
//! slot for a text, records contain the text itself.

use std::cell::UnsafeCell;
use std::mem::MaybeUninit;
use std::ptr;
use std::sync::atomic::Ordering::{Acquire, Relaxed, Release};
use std::sync::atomic::{AtomicBool, AtomicUsize};

/// The maximum number of interned places.
pub(crate) const MAX_PLACES: usize = 2048;
/// The maximum length of all their names, in bytes. It limits the size of the area of [`crate::places`].
pub(crate) const MAX_PLACE_BYTES: usize = 128 << 10;
const PROBES: usize = 16;
const MAX_MESSAGES: usize = 4096;

/// A module and its file. With macros and inline modules, several places have the same file.
#[derive(Clone, Copy)]
pub(crate) struct Place {
    pub(crate) module: &'static str,
    pub(crate) file: &'static str,
}

impl Place {
    /// Whether both have the same strings, by address.
    #[inline]
    fn is_same(&self, other: &Place) -> bool {
        ptr::eq(self.module, other.module) && ptr::eq(self.file, other.file)
    }

    /// Returns the length of both names.
    fn len(&self) -> usize {
        self.module.len() + self.file.len()
    }

    #[inline]
    fn hash(&self) -> usize {
        hash::<MAX_PLACES>(self.module, self.file)
    }
}

/// Returns a slot for two strings in a table of `N` slots, where `N` is a power of two. This is Fibonacci
/// hashing of the addresses.
#[inline]
fn hash<const N: usize>(one: &'static str, other: &'static str) -> usize {
    let [one, other] = [one, other].map(|text| text.as_ptr() as usize as u64);
    let product = (one ^ other.rotate_left(32)).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    (product >> (u64::BITS - N.ilog2())) as usize
}

/// A table of values whose keys are static strings. Each value is set once. No call waits for another
/// one or allocates, because a signal handler may interrupt a thread that is setting the same value.
struct Table<T, const N: usize> {
    slots: [Slot<T>; N],
    /// Whether a thread has set, or is setting, the slot at the same position.
    claimed: [AtomicBool; N],
}

struct Slot<T> {
    /// The address of the string; 0 before the value is set.
    key: AtomicUsize,
    value: UnsafeCell<MaybeUninit<T>>,
}

// SAFETY: only the thread that claims a slot writes its value, and other threads read the value only
// after the key is set.
unsafe impl<T: Send + Sync> Sync for Slot<T> {}

impl<T> Slot<T> {
    /// Returns the value if it is set.
    fn get(&self) -> Option<&T> {
        if self.key.load(Acquire) == 0 {
            return None;
        }
        // SAFETY: the key was stored after the value was written, and the value is written only once.
        Some(unsafe { (*self.value.get()).assume_init_ref() })
    }

    /// Returns the value if its key is at the same address as `key`.
    #[inline(always)]
    fn get_for(&self, key: &'static str) -> Option<&T> {
        if self.key.load(Acquire) != key.as_ptr() as usize {
            return None;
        }
        // SAFETY: no string has the address 0, so the slot's key is set. It was stored after the value
        // was written, and the value is written only once.
        Some(unsafe { (*self.value.get()).assume_init_ref() })
    }
}

impl<T, const N: usize> Table<T, N> {
    /// All bytes are zeros, so a static table takes no space in the executable, and memory only for the
    /// pages that are used.
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

    /// Sets the value at a position, unless the position is claimed. Returns whether this call set it.
    fn set(&self, at: usize, key: &'static str, value: T) -> bool {
        let slot = &self.slots[at];
        // Relaxed: readers of the value check the key.
        if self.claimed[at].swap(true, Relaxed) {
            return false;
        }
        // SAFETY: no other thread writes the value, because only one call can claim the slot. No thread
        // reads it, because the key is not set yet.
        unsafe { (*slot.value.get()).write(value) };
        slot.key.store(key.as_ptr() as usize, Release);
        true
    }
}

/// The interned places. The number of a place is its slot.
struct Places {
    table: Table<Place, MAX_PLACES>,
    /// How many places are interned.
    count: AtomicUsize,
    /// The length of the names of all places that are interned or being interned.
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

    /// Returns the number of a place, which is one of the slots from `start` on. `None` if these are
    /// full, if there is no room for the names, or if another thread is setting one of the slots.
    fn find_or_add(&self, start: usize, place: Place) -> Option<u16> {
        for probe in 0..PROBES {
            let number = (start + probe) % MAX_PLACES;
            if !self.table.claimed[number].load(Relaxed) {
                self.reserve(place.len())?;
                if self.table.set(number, place.module, place) {
                    // Release: a thread that reads the new count finds the place.
                    self.count.fetch_add(1, Release);
                    return Some(number as u16);
                }
                // Another thread was faster.
                self.bytes.fetch_sub(place.len(), Relaxed);
            }
            if self.table.slots[number].get()?.is_same(&place) {
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

/// Returns the number of a place if it is interned in the first slot for it, as nearly all places are.
#[inline]
pub(crate) fn find_place(module: &'static str, file: &'static str) -> Option<u16> {
    let place = Place { module, file };
    let number = place.hash();
    let found = PLACES.table.slots[number].get_for(module)?;
    found.is_same(&place).then_some(number as u16)
}

/// Returns the number of a place, and interns it if needed and possible.
pub(crate) fn intern_place(module: &'static str, file: &'static str) -> Option<u16> {
    let place = Place { module, file };
    find_place(module, file).or_else(|| PLACES.find_or_add(place.hash(), place))
}

/// Returns the place with a number.
pub(crate) fn place(number: u16) -> Option<Place> {
    PLACES.table.slots.get(usize::from(number))?.get().copied()
}

/// Returns how many places are interned. The count only grows.
#[inline]
pub(crate) fn place_count() -> usize {
    PLACES.count.load(Acquire)
}

/// Returns all interned places with their numbers.
pub(crate) fn places() -> impl Iterator<Item = (u16, Place)> {
    (0..MAX_PLACES as u16).filter_map(|number| Some((number, place(number)?)))
}

/// A message without arguments, and the place that logs it.
pub(crate) struct Message {
    text: &'static str,
    place: Place,
    /// The value that [`add_message`] stored.
    pub(crate) value: u64,
}

impl Message {
    /// Whether it is this text, logged in this module. `text` must be at the address of the message's
    /// text, so only the lengths are compared.
    #[inline(always)]
    pub(crate) fn is_same(&self, module: &'static str, text: &'static str) -> bool {
        self.text.len() == text.len() && ptr::eq(self.place.module, module)
    }

    /// Whether it is logged in this file.
    #[inline(always)]
    pub(crate) fn is_in_file(&self, file: &'static str) -> bool {
        ptr::eq(self.place.file, file)
    }
}

/// Each message has only one possible slot. If that has another message, records contain the text.
static MESSAGES: Table<Message, MAX_MESSAGES> = Table::new();

/// Returns the message in the slot for `text` if it is at the same address. The caller must check
/// [`Message::is_same`]: it may have another length or module.
#[inline(always)]
pub(crate) fn message_candidate(
    module: &'static str,
    text: &'static str,
) -> Option<&'static Message> {
    MESSAGES.slots[hash::<MAX_MESSAGES>(text, module)].get_for(text)
}

/// Interns a message of a place if its slot is free. `value` gets the message's number, and its result
/// is stored with the message.
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
    // Checked first: if the slot has another message, this function is called for each record.
    if !MESSAGES.claimed[number].load(Relaxed) {
        MESSAGES.set(number, text, message);
    }
}

/// Returns the text of the message with a number.
pub(crate) fn message(number: u16) -> Option<&'static str> {
    let message = MESSAGES.slots.get(usize::from(number))?.get()?;
    Some(message.text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_bounded_and_does_not_confuse_places() {
        let long: &'static str = Box::leak("x".repeat(3 * MAX_PLACES).into_boxed_str());
        let mut full = false;
        for at in 0..long.len() {
            let (module, file) = (&long[at..at + 1], &long[at / 2..at / 2 + 1]);
            match intern_place(module, file) {
                Some(number) => {
                    let found = place(number).unwrap();
                    assert!(std::ptr::eq(found.module, module));
                    assert!(std::ptr::eq(found.file, file));
                    assert_eq!(
                        intern_place(module, file),
                        Some(number),
                        "the number does not change"
                    );
                }
                None => full = true,
            }
        }
        assert!(full, "there are three times as many places as slots");
    }

    #[test]
    fn a_slot_that_is_being_set_does_not_block() {
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
    fn places_with_the_same_module_or_file_get_different_numbers() {
        let place = |module, file| Place { module, file };
        let similar = [
            place("one::module", "one.rs"),
            place("one::module", "another.rs"),
            place("another::module", "one.rs"),
        ];
        // As if their hashes were the same.
        let places = Places::new();
        let numbers = similar.map(|place| places.find_or_add(17, place).unwrap());
        for (number, known) in numbers.iter().zip(&similar) {
            let found = places.table.slots[usize::from(*number)].get().unwrap();
            assert_eq!((found.module, found.file), (known.module, known.file));
        }
    }

    #[test]
    fn places_are_not_interned_beyond_the_limit_in_bytes() {
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
    fn messages_are_distinguished_by_text_module_and_file() {
        let text: &'static str = Box::leak("message".to_owned().into_boxed_str());
        let names: &'static str = Box::leak("module".to_owned().into_boxed_str());
        let known = |module, file, text| {
            let message =
                message_candidate(module, text).filter(|known| known.is_same(module, text))?;
            message.is_in_file(file).then_some(message.value)
        };
        for (value, len) in (1..).zip([7, 0, 3]) {
            assert_eq!(known(names, names, &text[..len]), None);
            // All have the same slot, so the first one keeps it.
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
    fn threads_that_add_messages_at_the_same_time_find_them_complete() {
        let texts: &'static str = Box::leak("y".repeat(3 * MAX_MESSAGES).into_boxed_str());
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for at in 0..texts.len() {
                        let text = &texts[at..];
                        add_message("module", "file", text, |number| number.into());
                        if let Some(known) = message_candidate("module", text) {
                            assert!(known.is_same("module", text));
                            let found = message(known.value as u16).unwrap();
                            assert!(ptr::eq(found, text));
                        }
                    }
                });
            }
        });
        let known =
            (0..texts.len()).filter(|at| message_candidate("module", &texts[*at..]).is_some());
        let known = known.count();
        assert!(known > MAX_MESSAGES / 2, "only {known} are interned");
        assert!(known <= MAX_MESSAGES, "{known} are interned");
    }
}
