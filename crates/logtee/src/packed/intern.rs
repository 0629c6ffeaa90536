//! Numbers for the `&'static str`s that module paths and file names are.
//!
//! A table of fixed size, found by address, read without a lock. Nothing is ever removed, which
//! the bound allows for: a program has a few hundred source files. When the table, or the
//! neighbourhood of a string's place in it, is full, the text is written out instead.

use std::sync::OnceLock;

const SLOTS: usize = 4096;
const PROBES: usize = 16;

/// Made when the first name is packed: as a static of its own it would be 96 KiB in every program's
/// file, for an empty `OnceLock` is not all zeros.
static TABLE: OnceLock<Box<[OnceLock<&'static str>]>> = OnceLock::new();

#[inline]
fn table() -> &'static [OnceLock<&'static str>] {
    TABLE.get_or_init(|| (0..SLOTS).map(|_| OnceLock::new()).collect())
}

/// The number of `text`, if it has or can get one.
#[inline]
pub(crate) fn number(text: &'static str) -> Option<u16> {
    let table = table();
    let start = start(text);
    for probe in 0..PROBES {
        let slot = (start + probe) % SLOTS;
        match table[slot].get() {
            Some(known) if std::ptr::eq(*known, text) => return Some(slot as u16),
            Some(_) => {}
            None => return claim(start, text),
        }
    }
    None
}

#[cold]
fn claim(start: usize, text: &'static str) -> Option<u16> {
    let table = table();
    // From the start again: another thread may have come in between.
    (0..PROBES)
        .map(|probe| (start + probe) % SLOTS)
        .find_map(|slot| {
            let known = *table[slot].get_or_init(|| text);
            std::ptr::eq(known, text).then_some(slot as u16)
        })
}

/// What [`number`] gave a number to.
pub(crate) fn text(number: u16) -> Option<&'static str> {
    TABLE.get()?.get(usize::from(number))?.get().copied()
}

#[inline]
fn start(text: &'static str) -> usize {
    // Fibonacci hashing; the address alone, for two strings at one address are rare.
    let address = text.as_ptr() as usize as u64;
    (address.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 52) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_bounded_and_never_confuses_two_strings() {
        let long: &'static str = Box::leak("x".repeat(3 * SLOTS).into_boxed_str());
        let mut full = false;
        for at in 0..long.len() {
            let piece: &'static str = &long[at..at + 1];
            match number(piece) {
                Some(number_of) => {
                    assert!(std::ptr::eq(text(number_of).unwrap(), piece));
                    assert_eq!(number(piece), Some(number_of), "a number is for good");
                }
                None => full = true,
            }
        }
        assert!(
            full,
            "three times as many strings as slots cannot all have fitted"
        );
    }
}
