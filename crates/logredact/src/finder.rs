//! Finds many short texts in one pass, without regard to the case of ASCII letters.
//!
//! A table of pairs of bytes, small enough to stay in the fastest cache, says of most places that
//! nothing begins there, and the next byte of almost all others. A general automaton is not faster
//! here, takes more memory, and adds ten times as much to a program.

use std::ops::Range;

/// Searches for a list of texts.
pub(crate) struct Finder {
    /// The class of each byte. Letters of both cases have the same class; class 0 is that of bytes
    /// which are none of the first three of a text.
    classes: [u8; 256],
    /// The slot of texts that begin with bytes of these two classes. Slot 0 is empty.
    pairs: Box<[u16; CLASSES * CLASSES]>,
    /// The classes of the third bytes of each slot's texts.
    thirds: Vec<u64>,
    /// Where each slot's texts are in `texts`; the longest come first.
    slots: Vec<Range<usize>>,
    /// The texts in lower case, and their indices in the list.
    texts: Vec<(Box<[u8]>, usize)>,
}

/// Bytes have at most so many classes: as many as a word has bits.
const CLASSES: usize = 64;

/// A text that was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Match {
    /// Its index in the list.
    pub(crate) index: usize,
    pub(crate) start: usize,
    pub(crate) end: usize,
}

impl Finder {
    /// Of texts that are equal the first is found. Texts of less than two bytes are left out.
    pub(crate) fn new<'a>(list: impl Iterator<Item = &'a [u8]>) -> Finder {
        let mut texts: Vec<(Box<[u8]>, usize)> = list
            .enumerate()
            .filter(|(_, text)| text.len() >= 2)
            .map(|(index, text)| (text.to_ascii_lowercase().into(), index))
            .collect();
        let classes = classes(&texts);
        let class = |byte: u8| usize::from(classes[usize::from(byte)]);
        let pair = |text: &[u8]| class(text[0]) * CLASSES + class(text[1]);
        texts.sort_unstable_by_key(|(text, index)| (pair(text), usize::MAX - text.len(), *index));
        let mut pairs = Box::new([0; CLASSES * CLASSES]);
        let mut thirds = vec![0];
        let mut slots = Vec::new();
        slots.push(0..0);
        for (at, (text, _)) in texts.iter().enumerate() {
            let slot = &mut pairs[pair(text)];
            if *slot == 0 {
                // There are no more slots than pairs, which are 4096.
                *slot = slots.len() as u16;
                slots.push(at..at);
                thirds.push(0);
            }
            let slot = usize::from(*slot);
            slots[slot].end = at + 1;
            thirds[slot] |= match text.get(2) {
                Some(third) => 1 << class(*third),
                None => u64::MAX,
            };
        }
        Finder {
            classes,
            pairs,
            thirds,
            slots,
            texts,
        }
    }

    /// The first match at or after `from`; the longest, if several begin there.
    pub(crate) fn find(&self, bytes: &[u8], from: usize) -> Option<Match> {
        let [first, second, rest @ ..] = bytes.get(from..)? else {
            return None;
        };
        let (mut first, mut second) = (self.class(*first), self.class(*second));
        for (at, byte) in rest.iter().enumerate() {
            let third = self.class(*byte);
            let slot = usize::from(self.pairs[first * CLASSES + second]);
            if self.thirds[slot] >> third & 1 != 0
                && let Some(found) = self.find_in(slot, bytes, from + at)
            {
                return Some(found);
            }
            (first, second) = (second, third);
        }
        // Only a text of two bytes fits there.
        let slot = usize::from(self.pairs[first * CLASSES + second]);
        self.find_in(slot, bytes, bytes.len() - 2)
    }

    /// Less than `CLASSES`.
    #[inline]
    fn class(&self, byte: u8) -> usize {
        usize::from(self.classes[usize::from(byte)]) % CLASSES
    }

    /// The longest text of a slot that is at `start`.
    #[inline(never)]
    fn find_in(&self, slot: usize, bytes: &[u8], start: usize) -> Option<Match> {
        let rest = &bytes[start..];
        let mut texts = self.texts[self.slots[slot].clone()].iter();
        let (text, index) = texts.find(|(text, _)| {
            let part = rest.get(..text.len());
            part.is_some_and(|part| part.eq_ignore_ascii_case(text))
        })?;
        Some(Match {
            index: *index,
            start,
            end: start + text.len(),
        })
    }
}

/// The class of each byte among the first three of texts in lower case.
fn classes(texts: &[(Box<[u8]>, usize)]) -> [u8; 256] {
    let mut classes = [0u8; 256];
    let mut used = 0;
    for byte in texts.iter().flat_map(|(text, _)| text.iter().take(3)) {
        if classes[usize::from(*byte)] == 0 {
            // If there are more, some have to share one: texts are compared in any case.
            used = used % (CLASSES as u8 - 1) + 1;
            classes[usize::from(*byte)] = used;
            classes[usize::from(byte.to_ascii_uppercase())] = used;
        }
    }
    classes
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Every place, and every text at it.
    fn naive(texts: &[Vec<u8>], bytes: &[u8], from: usize) -> Option<Match> {
        (from..bytes.len()).find_map(|start| {
            let fits = |text: &Vec<u8>| {
                let part = bytes.get(start..start + text.len());
                text.len() >= 2 && part.is_some_and(|part| part.eq_ignore_ascii_case(text))
            };
            let longest = texts.iter().filter(|text| fits(text)).map(Vec::len).max()?;
            let index = texts
                .iter()
                .position(|text| text.len() == longest && fits(text))?;
            Some(Match {
                index,
                start,
                end: start + longest,
            })
        })
    }

    proptest! {
        #[test]
        fn it_finds_what_a_search_at_every_place_finds(
            texts in prop::collection::vec("[aAbB\u{0}ß]{0,4}", 0..8),
            bytes in "[aAbBc\u{0}ß]{0,40}",
            from in 0..44usize,
        ) {
            let texts: Vec<Vec<u8>> = texts.into_iter().map(String::into_bytes).collect();
            let finder = Finder::new(texts.iter().map(Vec::as_slice));
            let expected = naive(&texts, bytes.as_bytes(), from);
            prop_assert_eq!(finder.find(bytes.as_bytes(), from), expected);
        }
    }
}
