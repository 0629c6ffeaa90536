//! A key that was found in text.

use std::ops::Range;

use crate::scan::Scan;
use crate::value;

/// Only the last bytes of a longer key are used.
const MAX_KEY: usize = 64;

/// A key in text.
pub(crate) struct Key {
    /// The range of the key, without dashes and escapes before it.
    pub(crate) range: Range<usize>,
    /// The range with the word before it that belongs to it, as in `API key`.
    pub(crate) name: Range<usize>,
    /// The number of dashes before it.
    pub(crate) dashes: usize,
}

impl Key {
    pub(crate) fn around(scan: &Scan<'_>, anchor: usize, anchor_end: usize) -> Key {
        let bytes = scan.bytes;
        let mut start = anchor - scan.run_back(anchor, MAX_KEY, is_key_byte);
        let within = scan.run(anchor, is_key_byte);
        // Anchors such as `密码` have bytes that are not key bytes.
        let mut end = anchor + within.max(usize::from(anchor_end > anchor));
        // `\n`, `\u0022`, `%22` before a key are not part of it.
        let previous = start.checked_sub(1).map(|at| bytes[at]);
        let head = &bytes[start..end];
        let hex = |from: usize, to: usize| {
            head.get(from..to)
                .is_some_and(|hex| hex.iter().all(u8::is_ascii_hexdigit))
        };
        start += match (previous, head) {
            (Some(b'%'), _) if hex(0, 2) => 2,
            (Some(b'\\'), [b'u', ..]) if hex(1, 5) => 5,
            (Some(b'\\'), [b'x', ..]) if hex(1, 3) => 3,
            (Some(b'\\'), [b'n' | b'r' | b't', ..]) => 1,
            _ => 0,
        };
        let dashes = bytes[start..end].iter().take_while(|b| **b == b'-').count();
        start += dashes;
        while start < end && matches!(bytes[start], b'.' | b'-') {
            start += 1;
        }
        while start < end && matches!(bytes[end - 1], b'.' | b'-') {
            end -= 1;
        }
        if end - start > MAX_KEY {
            start = end - MAX_KEY;
        }
        while !scan.text.is_char_boundary(start) {
            start += 1;
        }
        let end = end.max(start);
        let mut name = start..end;
        let alone = scan.str(start..end);
        let needs_more = ["key", "keys", "code", "codes", "phrase", "words", "answer"];
        if needs_more
            .iter()
            .any(|word| alone.eq_ignore_ascii_case(word))
            && start > 0
            && bytes[start - 1] == b' '
        {
            name.start =
                start - 1 - scan.run_back(start - 1, MAX_KEY, |b| is_key_byte(b) && b < 0x80);
        }
        Key {
            range: start..end,
            name,
            dashes,
        }
    }

    pub(crate) fn name<'a>(&self, scan: &Scan<'a>) -> &'a str {
        scan.str(self.name.clone())
    }

    pub(crate) fn end(&self) -> usize {
        self.range.end
    }

    pub(crate) fn start(&self) -> usize {
        self.range.start - self.dashes
    }

    pub(crate) fn before(&self, scan: &Scan<'_>) -> Option<u8> {
        self.start().checked_sub(1).map(|at| scan.bytes[at])
    }

    /// Whether the key is a place in a file: `session.rs:12`.
    pub(crate) fn is_place(&self, scan: &Scan<'_>) -> bool {
        value::is_place(scan.str(self.range.clone())) && scan.get(self.range.end) != Some(b'=')
    }

    /// Whether the key is part of a path of directories or modules: `/api/token`, `axum::auth: …`.
    pub(crate) fn is_path_segment(&self, scan: &Scan<'_>) -> bool {
        let start = self.start();
        let before = &scan.bytes[start.saturating_sub(2)..start];
        match before {
            [b':', b':'] => true,
            [b'<', b'/'] => false,
            [.., b'/'] => true,
            // A backslash, unless it belongs to an escape.
            [.., b'\\'] => {
                self.range.start == start
                    && start >= 2
                    && scan.bytes[start - 2].is_ascii_alphanumeric()
            }
            _ => false,
        }
    }

    /// Whether the key is a constructor: `Password(…)`, `ApiKey(…)`.
    pub(crate) fn is_constructor(&self, scan: &Scan<'_>) -> bool {
        let name = scan.str(self.range.clone());
        let first = name.bytes().next().is_some_and(|b| b.is_ascii_uppercase());
        let is_function = name.bytes().all(|b| b.is_ascii_uppercase());
        let ident = name.bytes().all(|b| b.is_ascii_alphanumeric());
        (first && ident) || is_function
    }
}

pub(crate) fn is_key_byte(b: u8) -> bool {
    b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.') || !b.is_ascii()
}
