//! Normalises a key, so that its words can be compared.

/// The words of a key in lower case, with a space before, between and after them: `X-Api-Key`,
/// `xApiKey` and `X_API_KEY` are all ` x api key `. Keys of a common length need no allocation.
pub(crate) struct Words {
    short: [u8; 2 * COMMON + 1],
    /// Used instead of `short` if the key is longer than [`COMMON`].
    long: Vec<u8>,
    len: usize,
}

const COMMON: usize = 64;

impl Words {
    pub(crate) fn of(key: &str) -> Words {
        let bytes = key.as_bytes();
        let mut words = Words {
            // In the worst case there is a space before each byte and one at the end.
            short: [b' '; 2 * COMMON + 1],
            long: Vec::new(),
            len: 0,
        };
        if bytes.len() > COMMON {
            words.long = vec![b' '; 2 * bytes.len() + 1];
        }
        words.push(b' ');
        for (at, byte) in bytes.iter().copied().enumerate() {
            let previous = if at > 0 { bytes[at - 1] } else { b' ' };
            let next_is_lower = bytes.get(at + 1).is_some_and(u8::is_ascii_lowercase);
            let hump = byte.is_ascii_uppercase()
                && (previous.is_ascii_lowercase()
                    || (previous.is_ascii_uppercase() && next_is_lower));
            // Characters outside ASCII are parts of words.
            let separator = byte.is_ascii() && !byte.is_ascii_alphanumeric();
            if hump || separator {
                words.push(b' ');
            }
            if !separator {
                words.push(byte.to_ascii_lowercase());
            }
        }
        words.push(b' ');
        words
    }

    #[inline]
    fn push(&mut self, byte: u8) {
        let buffer = if self.long.is_empty() {
            &mut self.short[..]
        } else {
            &mut self.long[..]
        };
        // Never pushes two consecutive spaces.
        if self.len == 0 || byte != b' ' || buffer[self.len - 1] != b' ' {
            buffer[self.len] = byte;
            self.len += 1;
        }
    }

    pub(crate) fn as_str(&self) -> &str {
        let buffer = if self.long.is_empty() {
            &self.short[..]
        } else {
            &self.long[..]
        };
        // Only ASCII characters were changed or inserted.
        std::str::from_utf8(&buffer[..self.len]).unwrap_or("")
    }
}
