//! A sorted list of words in one string. A slice of strings would add five times as many bytes to a
//! program.

/// Words in the order of their bytes, separated by spaces. A word may have a tag: `word=tag`.
pub(crate) struct WordList {
    pub(crate) list: &'static str,
    /// For each group of first bytes (by their last bits), the lengths of its words. This alone rules out
    /// most words that are not in the list.
    lengths: [u32; FIRSTS],
}

/// Letters of both cases have the same last bits.
const FIRSTS: usize = 32;

impl WordList {
    pub(crate) const fn new(list: &'static str) -> WordList {
        let bytes = list.as_bytes();
        let mut lengths = [0; FIRSTS];
        let mut start = 0;
        while start < bytes.len() {
            let mut len = 0;
            while start + len < bytes.len() && !matches!(bytes[start + len], b' ' | b'=') {
                len += 1;
            }
            lengths[bytes[start] as usize % FIRSTS] |= bit_of(len);
            start += len;
            while start < bytes.len() && bytes[start] != b' ' {
                start += 1;
            }
            start += 1;
        }
        WordList { list, lengths }
    }

    pub(crate) fn has(&self, word: &str) -> bool {
        self.find(word.as_bytes()).is_some()
    }

    /// Compares ignoring the case of ASCII letters. The list must be in lower case.
    pub(crate) fn has_ignoring_case(&self, word: &str) -> bool {
        const LONGEST: usize = 24;
        let mut lower = [0; LONGEST];
        if !self.may_have(word.as_bytes()) {
            return false;
        }
        let Some(lower) = lower.get_mut(..word.len()) else {
            return false;
        };
        lower.copy_from_slice(word.as_bytes());
        lower.make_ascii_lowercase();
        self.find(lower).is_some()
    }

    #[inline]
    fn may_have(&self, word: &[u8]) -> bool {
        let first = word.first().map_or(0, |first| usize::from(*first));
        self.lengths[first % FIRSTS] & bit_of(word.len()) != 0
    }

    /// The tag of a word; empty if it has none.
    #[inline]
    pub(crate) fn find(&self, word: &[u8]) -> Option<&'static [u8]> {
        if self.may_have(word) {
            self.search(word)
        } else {
            None
        }
    }

    fn search(&self, word: &[u8]) -> Option<&'static [u8]> {
        let list = self.list.as_bytes();
        let (mut low, mut high) = (0, list.len());
        while low < high {
            let middle = low + (high - low) / 2;
            let is_space = |b: &u8| *b == b' ';
            let before = list[low..middle].iter().rposition(is_space);
            let start = before.map_or(low, |space| low + space + 1);
            let behind = list[middle..high].iter().position(is_space);
            let end = behind.map_or(high, |space| middle + space);
            let entry = &list[start..end];
            // The first byte decides most comparisons.
            let first = entry.first().cmp(&word.first());
            let name = match first {
                std::cmp::Ordering::Equal => entry.iter().position(|b| *b == b'='),
                _ => None,
            };
            let name = name.unwrap_or(entry.len());
            match first.then_with(|| entry[..name].cmp(word)) {
                std::cmp::Ordering::Less => low = end + 1,
                std::cmp::Ordering::Greater => high = start.saturating_sub(1).max(low),
                std::cmp::Ordering::Equal => {
                    return Some(entry.get(name + 1..).unwrap_or_default());
                }
            }
        }
        None
    }

    /// Fails unless each word is found, which requires the right order.
    #[cfg(test)]
    #[track_caller]
    pub(crate) fn check(&self) {
        let mut last = "";
        for entry in self.list.split(' ') {
            let word = entry.split('=').next().unwrap_or(entry);
            assert!(last < word, "{last:?} {word:?}");
            assert!(self.has(word), "{word:?}");
            last = word;
        }
        assert!(!self.has(""));
        assert!(!self.has("no such word"));
    }
}

/// Words of 31 bytes and more share a bit.
const fn bit_of(len: usize) -> u32 {
    1 << if len < 31 { len } else { 31 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_and_tags_are_found() {
        let list = WordList::new("a=1 bb c=22 dd");
        list.check();
        assert_eq!(list.find(b"c"), Some(&b"22"[..]));
        assert_eq!(list.find(b"bb"), Some(&b""[..]));
        for word in ["b", "=1", "c=22", "bb c", "e", "0"] {
            assert!(!list.has(word), "{word}");
        }
        assert!(list.has_ignoring_case("BB") && !list.has_ignoring_case(&"b".repeat(100)));
    }
}
