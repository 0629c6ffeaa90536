//! A sorted list of words in one text: a slice of texts would take five times as much room in a
//! program.

/// Words in the order of their bytes, with a space between. A word may have a tag: `word=tag`.
#[derive(Clone, Copy)]
pub(crate) struct WordList(pub(crate) &'static str);

impl WordList {
    pub(crate) fn has(self, word: &str) -> bool {
        self.find(word.as_bytes()).is_some()
    }

    /// Compares without regard to the case of ASCII letters; the list is in lower case.
    pub(crate) fn has_ignoring_case(self, word: &str) -> bool {
        const LONGEST: usize = 24;
        let mut lower = [0; LONGEST];
        let Some(lower) = lower.get_mut(..word.len()) else {
            return false;
        };
        lower.copy_from_slice(word.as_bytes());
        lower.make_ascii_lowercase();
        self.find(lower).is_some()
    }

    /// The tag of a word; empty if it has none.
    pub(crate) fn find(self, word: &[u8]) -> Option<&'static [u8]> {
        let list = self.0.as_bytes();
        let (mut low, mut high) = (0, list.len());
        while low < high {
            let middle = low + (high - low) / 2;
            let is_space = |b: &u8| *b == b' ';
            let before = list[low..middle].iter().rposition(is_space);
            let start = before.map_or(low, |space| low + space + 1);
            let behind = list[middle..high].iter().position(is_space);
            let end = behind.map_or(high, |space| middle + space);
            let entry = &list[start..end];
            // Most are told apart by their first byte.
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

    /// Fails unless each word is found, which takes an order.
    #[cfg(test)]
    #[track_caller]
    pub(crate) fn check(self) {
        let mut last = "";
        for entry in self.0.split(' ') {
            let word = entry.split('=').next().unwrap_or(entry);
            assert!(last < word, "{last:?} {word:?}");
            assert!(self.has(word), "{word:?}");
            last = word;
        }
        assert!(!self.has(""));
        assert!(!self.has("no such word"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_and_tags_are_found() {
        let list = WordList("a=1 bb c=22 dd");
        list.check();
        assert_eq!(list.find(b"c"), Some(&b"22"[..]));
        assert_eq!(list.find(b"bb"), Some(&b""[..]));
        for word in ["b", "=1", "c=22", "bb c", "e", "0"] {
            assert!(!list.has(word), "{word}");
        }
        assert!(list.has_ignoring_case("BB") && !list.has_ignoring_case(&"b".repeat(100)));
    }
}
