//! Finds many short texts in one pass, ignoring the case of ASCII letters.
//!
//! A table has one bit for each hash of three bytes, and fits into the fastest cache. At almost every
//! position, one lookup shows that no text begins there. A general automaton is not faster here, takes
//! more memory, and adds ten times as much code to a program.

/// A searcher for a list of texts.
pub(crate) struct Finder {
    /// For each hash, whether a text may begin with three bytes of this hash.
    filter: Box<[u64; HASHES / 64]>,
    /// The beginning of each bucket in `entries`. The first bits of a hash select the bucket.
    buckets: Box<[u32; BUCKETS + 1]>,
    /// The texts of each bucket, the longest first.
    entries: Vec<u32>,
    /// The texts in lower case.
    texts: Vec<Box<[u8]>>,
}

const HASHES: usize = 1 << 16;
const BUCKETS: usize = 1 << 12;

/// A text that was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Match {
    /// Its index in the list.
    pub(crate) index: usize,
    pub(crate) start: usize,
    pub(crate) end: usize,
}

impl Finder {
    /// If texts are equal, the first one is found. Texts shorter than two bytes are ignored.
    pub(crate) fn new<'a>(list: impl Iterator<Item = &'a [u8]>) -> Finder {
        let texts: Vec<Box<[u8]>> = list.map(|text| text.to_ascii_lowercase().into()).collect();
        let mut heads: Vec<(usize, usize, u32)> = Vec::new();
        for (index, text) in texts.iter().enumerate() {
            let entry = |third| {
                let hash = hash(u32::from_le_bytes([text[0], text[1], third, 0]));
                (hash, usize::MAX - text.len(), index as u32)
            };
            match text.get(2) {
                Some(third) => heads.push(entry(*third)),
                // A text of two bytes: any byte may follow.
                None if text.len() == 2 => heads.extend((0..=u8::MAX).map(entry)),
                None => {}
            }
        }
        let mut filter = Box::new([0; HASHES / 64]);
        for (hash, ..) in &heads {
            filter[hash / 64] |= 1 << (hash % 64);
        }
        heads.sort_unstable_by_key(|(hash, len, index)| (bucket(*hash), *len, *index));
        heads.dedup_by_key(|(hash, _, index)| (bucket(*hash), *index));
        let mut buckets = Box::new([0; BUCKETS + 1]);
        for (hash, ..) in &heads {
            buckets[bucket(*hash) + 1] += 1;
        }
        for at in 1..=BUCKETS {
            buckets[at] += buckets[at - 1];
        }
        Finder {
            filter,
            buckets,
            entries: heads.into_iter().map(|(_, _, index)| index).collect(),
            texts,
        }
    }

    /// The first match at or after `from`. If several begin there, the longest.
    pub(crate) fn find(&self, bytes: &[u8], from: usize) -> Option<Match> {
        let mut at = from;
        // Eight bytes have the first three bytes of six positions.
        const PLACES: usize = 6;
        while let Some(eight) = bytes.get(at..).and_then(|rest| rest.first_chunk()) {
            let word = u64::from_le_bytes(*eight);
            for place in 0..PLACES {
                let hash = hash((word >> (8 * place)) as u32);
                if self.filter[hash / 64] >> (hash % 64) & 1 != 0
                    && let Some(found) = self.find_in(hash, bytes, at + place)
                {
                    return Some(found);
                }
            }
            at += PLACES;
        }
        for start in at..bytes.len().saturating_sub(1) {
            let third = bytes.get(start + 2).copied().unwrap_or(0);
            let hash = hash(u32::from_le_bytes([
                bytes[start],
                bytes[start + 1],
                third,
                0,
            ]));
            if let Some(found) = self.find_in(hash, bytes, start) {
                return Some(found);
            }
        }
        None
    }

    /// The longest text at `start`, where the bytes have this hash.
    #[inline(never)]
    fn find_in(&self, hash: usize, bytes: &[u8], start: usize) -> Option<Match> {
        let rest = &bytes[start..];
        let bucket = bucket(hash);
        let entries = self.buckets[bucket] as usize..self.buckets[bucket + 1] as usize;
        let found = self.entries[entries].iter().find(|index| {
            let text = &self.texts[**index as usize];
            let mut pairs = text.iter().zip(rest);
            text.len() <= rest.len() && pairs.all(|(a, b)| *a == b.to_ascii_lowercase())
        })?;
        let index = *found as usize;
        Some(Match {
            index,
            start,
            end: start + self.texts[index].len(),
        })
    }
}

/// The hash of the first three of four bytes, the same for letters of both cases.
#[inline]
fn hash(word: u32) -> usize {
    let folded = (word | 0x20_2020) << 8;
    (folded.wrapping_mul(0x9e37_79b1) >> 16) as usize
}

fn bucket(hash: usize) -> usize {
    hash / (HASHES / BUCKETS)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Tries every text at every position.
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
