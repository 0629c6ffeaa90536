//! An index of learned values, which finds them in every form.

use std::collections::{HashMap, VecDeque};

use crate::forms::forms;
use crate::rule::RuleName;
use crate::splice::Finding;

/// How many values that were learned from texts are kept.
pub(crate) const MAX_SEEN: usize = 64;

/// Forms are indexed by windows of this many bytes.
const WINDOW: usize = 5;

/// Only every second position of a text is checked: a form is indexed by two neighbouring windows, and has
/// at least one byte more than a window.
const STRIDE: usize = 2;
const MIN_FORM: usize = WINDOW + STRIDE - 1;

/// The number of hashes of windows.
const HASHES: usize = 1 << 14;

#[derive(Clone, Default)]
pub(crate) struct Learned {
    given: Vec<String>,
    seen: VecDeque<String>,
    /// For each window, the forms that have it, and its position in the form.
    places: HashMap<u64, Vec<Place>>,
    /// How many keys of `places` have each hash. Empty if nothing was learned yet.
    filter: Vec<u16>,
}

#[derive(Clone, PartialEq, Eq)]
struct Place {
    form: String,
    at: usize,
}

impl Learned {
    pub(crate) fn of<'a>(given: impl IntoIterator<Item = &'a String>) -> Learned {
        let mut learned = Learned::default();
        given.into_iter().for_each(|value| learned.add_given(value));
        learned
    }

    pub(crate) fn has(&self, value: &str) -> bool {
        let mut all = self.given.iter().chain(&self.seen);
        all.any(|there| there == value)
    }

    pub(crate) fn has_seen(&self) -> bool {
        !self.seen.is_empty()
    }

    pub(crate) fn add_given(&mut self, value: &str) {
        if let Some(at) = self.seen.iter().position(|there| there == value) {
            // It must not be forgotten any more.
            self.given.extend(self.seen.remove(at));
        } else if !self.has(value) {
            self.given.push(value.to_owned());
            self.index(value);
        }
    }

    /// Adds a value from a text. Forgets the oldest such value if there are too many.
    pub(crate) fn add_seen(&mut self, value: &str) {
        if self.seen.len() >= MAX_SEEN
            && let Some(oldest) = self.seen.pop_front()
        {
            self.remove_forms(&oldest);
            wipe(oldest);
        }
        self.seen.push_back(value.to_owned());
        self.index(value);
    }

    pub(crate) fn remove(&mut self, value: &str) {
        if let Some(at) = self.given.iter().position(|there| there == value) {
            wipe(self.given.remove(at));
            self.remove_forms(value);
        }
    }

    pub(crate) fn forget_seen(&mut self) {
        while let Some(value) = self.seen.pop_front() {
            self.remove_forms(&value);
            wipe(value);
        }
    }

    fn index(&mut self, value: &str) {
        if self.filter.is_empty() {
            self.filter = vec![0; HASHES];
        }
        for form in forms(value, MIN_FORM) {
            let Some(at) = self.rarest(&form) else {
                continue;
            };
            for at in at..at + STRIDE {
                let window = word_at(form.as_bytes(), at);
                let filter = &mut self.filter;
                let places = self.places.entry(window).or_insert_with(|| {
                    filter[hash(window)] += 1;
                    Vec::new()
                });
                // Longer forms are tried first.
                let index = places.partition_point(|there| there.form.len() >= form.len());
                let form = form.clone();
                places.insert(index, Place { form, at });
            }
            wipe(form);
        }
    }

    /// The position of the windows in the form that the fewest other forms have, because values may have
    /// a common beginning or end. `None` if the form is indexed already.
    fn rarest(&self, form: &str) -> Option<usize> {
        let bytes = form.as_bytes();
        let places = |at: usize| {
            self.places
                .get(&word_at(bytes, at))
                .map_or(&[][..], Vec::as_slice)
        };
        let mut best = (usize::MAX, 0);
        for at in 0..=bytes.len() - MIN_FORM {
            let here = places(at);
            if here
                .iter()
                .any(|place| place.at == at && place.form == form)
            {
                return None;
            }
            let count = here.len().max(places(at + 1).len());
            if count < best.0 {
                best = (count, at);
            }
        }
        Some(best.1)
    }

    fn remove_forms(&mut self, value: &str) {
        for form in forms(value, MIN_FORM) {
            for at in 0..=form.len() - WINDOW {
                let window = word_at(form.as_bytes(), at);
                let Some(places) = self.places.get_mut(&window) else {
                    continue;
                };
                let is_it = |place: &Place| place.at == at && place.form == form;
                if let Some(index) = places.iter().position(is_it) {
                    wipe(places.remove(index).form);
                }
                if places.is_empty() {
                    self.places.remove(&window);
                    self.filter[hash(window)] -= 1;
                }
            }
            wipe(form);
        }
    }

    pub(crate) fn find(&self, text: &str, findings: &mut Vec<Finding>) {
        if self.places.is_empty() {
            return;
        }
        let bytes = text.as_bytes();
        // Reads a whole word at each position; the last windows are read separately.
        let words = bytes.windows(8).step_by(STRIDE).map(|window| {
            u64::from_le_bytes(std::array::from_fn(|at| window[at])) & MASK_OF_WINDOW
        });
        let count = bytes.len().saturating_sub(7).div_ceil(STRIDE);
        for (index, window) in words.enumerate() {
            if self.filter[hash(window)] != 0 {
                self.find_at(bytes, index * STRIDE, window, findings);
            }
        }
        for at in (count * STRIDE..(bytes.len() + 1).saturating_sub(WINDOW)).step_by(STRIDE) {
            self.find_at(bytes, at, word_at(bytes, at), findings);
        }
    }

    /// Finds the longest form at the position of this window in the text.
    fn find_at(&self, bytes: &[u8], at: usize, window: u64, findings: &mut Vec<Finding>) {
        let Some(places) = self.places.get(&window) else {
            return;
        };
        let is_there = |place: &&Place| {
            at >= place.at && bytes[at - place.at..].starts_with(place.form.as_bytes())
        };
        if let Some(Place { form, at: within }) = places.iter().find(is_there) {
            let start = at - within;
            findings.push(Finding {
                range: start..start + form.len(),
                rule: RuleName::Learned,
            });
        }
    }
}

impl Drop for Learned {
    fn drop(&mut self) {
        self.given
            .drain(..)
            .chain(self.seen.drain(..))
            .for_each(wipe);
        let places = self.places.drain().flat_map(|(_, places)| places);
        places.for_each(|place| wipe(place.form));
    }
}

const MASK_OF_WINDOW: u64 = (1 << (8 * WINDOW)) - 1;

/// The window at `at`, which must be within the bytes.
fn word_at(bytes: &[u8], at: usize) -> u64 {
    let window = &bytes[at..at + WINDOW];
    window
        .iter()
        .rev()
        .fold(0, |word, byte| word << 8 | u64::from(*byte))
}

#[inline]
fn hash(window: u64) -> usize {
    (window.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 50) as usize % HASHES
}

/// Overwrites a secret before its memory is freed.
pub(crate) fn wipe(secret: String) {
    let mut bytes = secret.into_bytes();
    bytes.fill(0);
    // Prevents the compiler from removing the writes.
    std::hint::black_box(&bytes);
}
