//! Passwords in URLs: `scheme://user:password@host`.

use crate::splice::{Splice, step};

const SEPARATOR: &str = "://";

pub(super) fn find(text: &str, out: &mut Splice<'_>) {
    let bytes = text.as_bytes();
    let mut at = 0;
    while let Some(found) = text[at..].find(SEPARATOR) {
        let authority = at + found + SEPARATOR.len();
        let mut end = authority;
        let mut colon = None;
        let mut at_sign = None;
        while let Some(byte) = bytes.get(end) {
            step();
            match byte {
                b'/' | b'?' | b'#' | b'"' | b'\'' | b'`' | b'<' | b'>' | b'\\' | 0..=b' ' => break,
                b':' if colon.is_none() => colon = Some(end),
                // The last one: a password may hold others.
                b'@' => at_sign = Some(end),
                _ => {}
            }
            end += 1;
        }
        if let (Some(colon), Some(at_sign)) = (colon, at_sign)
            && colon < at_sign
        {
            out.mask(colon + 1..at_sign);
        }
        at = end;
    }
}
