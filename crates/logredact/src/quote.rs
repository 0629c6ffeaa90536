//! Finds text in quotes of every kind: plain, escaped, percent-encoded, and entities.

use std::ops::Range;

use crate::scan::Scan;

/// A text in quotes.
pub(crate) struct Quoted {
    pub(crate) content: Range<usize>,
    /// The position after the closing quote.
    pub(crate) end: usize,
}

/// The quotes and brackets that close a key.
pub(crate) struct Closers {
    pub(crate) end: usize,
    /// The number of quotes among them.
    pub(crate) quotes: usize,
}

/// Encoded quotes.
const ENCODED: [&str; 10] = [
    "%22", "%27", "%5c%22", "&quot;", "&#34;", "&#39;", "&apos;", "\\u0022", "\\u0027", "\\x22",
];

/// The encoded quote at `at`.
fn encoded(scan: &Scan<'_>, at: usize) -> Option<&'static str> {
    if !matches!(scan.get(at), Some(b'%' | b'&' | b'\\')) {
        return None;
    }
    scan.step(8);
    ENCODED
        .iter()
        .copied()
        .find(|quote| scan.starts_with(at, quote))
}

/// Quotes and brackets from `at` on that close a key: `"key"`, `[key]`.
pub(crate) fn closers(scan: &Scan<'_>, mut at: usize) -> Closers {
    const MOST: usize = 12;
    let mut quotes = 0;
    for _ in 0..MOST {
        if let Some(quote) = encoded(scan, at) {
            quotes += 1;
            at += quote.len();
            continue;
        }
        match scan.get(at) {
            Some(b'"' | b'\'' | b'`') => quotes += 1,
            Some(b'\\') if matches!(scan.get(at + 1), Some(b'"' | b'\'' | b'\\')) => {}
            Some(b']') => {}
            // `key[0]`
            Some(b'[') => {
                let digits = scan.run(at + 1, |b| b.is_ascii_digit());
                if digits == 0 || scan.get(at + 1 + digits) != Some(b']') {
                    break;
                }
                at += digits;
            }
            _ => break,
        }
        at += 1;
    }
    Closers { end: at, quotes }
}

/// The quoted text that begins at `at`. It extends to the end of the text if the quote is not closed.
pub(crate) fn quoted(scan: &Scan<'_>, at: usize) -> Option<Quoted> {
    if let Some(quote) = encoded(scan, at) {
        let content = at + quote.len();
        let rest = &scan.bytes[content..];
        // The hexadecimal digits may have either case.
        let close = memchr::memmem::find(rest, quote.as_bytes()).unwrap_or(rest.len());
        scan.step(close);
        let close = content + close;
        return Some(Quoted {
            content: content..close,
            end: (close + quote.len()).min(scan.bytes.len()),
        });
    }
    let slashes = scan.run(at, |b| b == b'\\').min(8);
    let quote = scan.get(at + slashes)?;
    if !matches!(quote, b'"' | b'\'' | b'`') {
        return None;
    }
    let mut open = at + slashes + 1;
    if scan.get(open) == Some(quote) && scan.get(open + 1) == Some(quote) {
        // `"""…"""`
        open += 2;
    }
    let close = closing(scan, open, quote, slashes);
    Some(Quoted {
        content: open..close,
        end: (close + slashes + 1).min(scan.bytes.len()),
    })
}

/// The position of the closing quote, before its backslashes. It must have as many backslashes as the
/// opening quote. The end of the text if there is none.
pub(crate) fn closing(scan: &Scan<'_>, start: usize, quote: u8, opened_with: usize) -> usize {
    let bytes = scan.bytes;
    let mut slashes = 0;
    let mut at = start;
    while at < bytes.len() {
        if bytes[at] == quote {
            let closes = if opened_with == 0 {
                slashes % 2 == 0
            } else {
                slashes <= opened_with
            };
            if closes {
                scan.step(at - start);
                return at - slashes.min(opened_with);
            }
        }
        slashes = if bytes[at] == b'\\' { slashes + 1 } else { 0 };
        at += 1;
    }
    scan.step(at - start);
    bytes.len()
}

/// The position where the bracket at `open` is closed. Further lines are searched only if nothing
/// follows the bracket on its own line.
pub(crate) fn group_end(scan: &Scan<'_>, open: usize) -> usize {
    let bytes = scan.bytes;
    let is_pretty =
        matches!(bytes.get(open + 1), Some(b'\n' | b'\r')) || scan.starts_with(open + 1, "\\n");
    let mut depth = 0usize;
    let mut at = open;
    while at < bytes.len() {
        match bytes[at] {
            b'(' | b'[' | b'{' => depth += 1,
            b')' | b']' | b'}' => {
                depth -= 1;
                if depth == 0 {
                    break;
                }
            }
            b'"' => at = closing(scan, at + 1, b'"', 0),
            b'\\' => at += 1,
            b'\n' if !is_pretty => break,
            _ => {}
        }
        at += 1;
    }
    scan.step(at.min(bytes.len()) - open);
    at.min(bytes.len())
}
