//! Secrets behind their keys within text: `key=value`, `key: value`, `"key": "value"`.

use std::ops::Range;

use crate::key::Keys;
use crate::splice::{Splice, step};

/// Of a longer one the end decides.
const MAX_KEY: usize = 64;

pub(super) fn find(text: &str, keys: &Keys, out: &mut Splice<'_>) {
    let bytes = text.as_bytes();
    let mut at = 0;
    while at < bytes.len() {
        step();
        if !is_separator(bytes, at) {
            at += 1;
            continue;
        }
        let key = key_before(text, at);
        let name = &text[key.clone()];
        if name.is_empty() || !keys.is_secret(name) {
            at += 1;
            continue;
        }
        let extent = if bytes[at] == b':' && keys.takes_the_line(name) {
            Extent::Line {
                // `"Cookie: a=b"`: the line ends where the quotes do.
                quoted_by: key.start.checked_sub(1).map(|before| bytes[before]),
            }
        } else {
            Extent::Value
        };
        let value = value_start(bytes, at);
        at = mask_value(text, value, extent, out).max(at + 1);
    }
}

/// How far a value reaches that does not begin with a quote.
enum Extent {
    Value,
    Line { quoted_by: Option<u8> },
}

/// `=`, or a `:` that is no part of a path or a URL.
fn is_separator(bytes: &[u8], at: usize) -> bool {
    match bytes[at] {
        b'=' => true,
        b':' => {
            let next = bytes.get(at + 1).copied();
            let path = next == Some(b':') || (at > 0 && bytes[at - 1] == b':');
            let url = next == Some(b'/') && bytes.get(at + 2) == Some(&b'/');
            !path && !url
        }
        _ => false,
    }
}

/// Behind the separator, which may be `=`, `:`, `==`, `=>` or `:=`, and spaces.
fn value_start(bytes: &[u8], separator: usize) -> usize {
    let mut at = separator + 1;
    while let Some(b'=' | b'>') = bytes.get(at) {
        step();
        at += 1;
    }
    while let Some(b' ' | b'\t') = bytes.get(at) {
        step();
        at += 1;
    }
    at
}

fn is_key_byte(b: u8) -> bool {
    b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.') || !b.is_ascii()
}

/// The key that ends before `end`, quotes and spaces between left out; empty if there is none.
fn key_before(text: &str, end: usize) -> Range<usize> {
    let bytes = &text.as_bytes()[..end];
    let floor = end.saturating_sub(MAX_KEY);
    let back = |at, of| back(bytes, floor, at, of);
    let end = back(end, |b| matches!(b, b' ' | b'\t'));
    let end = back(end, |b| {
        matches!(b, b'"' | b'\'' | b'`' | b'\\' | b']' | b'[')
    });
    let mut start = back(end, is_key_byte);
    if bytes[start..end].eq_ignore_ascii_case(b"key") && start > floor && bytes[start - 1] == b' ' {
        // "the API key: …"
        start = back(start - 1, is_key_byte);
    }
    // The floor may have come down within a character.
    while !text.is_char_boundary(start) {
        start += 1;
    }
    start..end.max(start)
}

/// From `at` down to the first of the bytes before it that are all of a kind, not below `floor`.
fn back(bytes: &[u8], floor: usize, mut at: usize, is_of_kind: fn(u8) -> bool) -> usize {
    while at > floor && is_of_kind(bytes[at - 1]) {
        step();
        at -= 1;
    }
    at
}

/// Masks the value that begins at `start`; where to look on.
fn mask_value(text: &str, start: usize, extent: Extent, out: &mut Splice<'_>) -> usize {
    let bytes = text.as_bytes();
    let slashes = count(bytes, start, b'\\');
    if let Some(quote @ (b'"' | b'\'' | b'`')) = bytes.get(start + slashes).copied() {
        let open = start + slashes + 1;
        let close = closing_quote(bytes, open, quote, slashes);
        out.mask(open..close);
        // A quote that is closed only on another line may not have been closed at all, and what
        // was masked may hold the key of a secret behind it.
        let newline = bytes[open..close].iter().position(|b| *b == b'\n');
        return newline.map_or(close, |at| open + at);
    }
    let end = match extent {
        Extent::Value => value_end(bytes, start),
        Extent::Line {
            quoted_by: Some(quote @ (b'"' | b'\'' | b'`')),
        } => closing_quote(bytes, start, quote, 0).min(line_end(bytes, start)),
        Extent::Line { .. } => line_end(bytes, start),
    };
    out.mask(start..end);
    end
}

fn count(bytes: &[u8], from: usize, byte: u8) -> usize {
    bytes[from..]
        .iter()
        .take(8)
        .take_while(|b| **b == byte)
        .count()
}

/// Where the quote is that closes what was opened with as many backslashes, before its
/// backslashes; the end of the text if none does.
fn closing_quote(bytes: &[u8], mut at: usize, quote: u8, opened_with: usize) -> usize {
    let mut slashes = 0;
    while at < bytes.len() {
        step();
        if bytes[at] == quote {
            let closes = if opened_with == 0 {
                slashes % 2 == 0
            } else {
                slashes <= opened_with
            };
            if closes {
                return at - slashes.min(opened_with);
            }
        }
        slashes = if bytes[at] == b'\\' { slashes + 1 } else { 0 };
        at += 1;
    }
    bytes.len()
}

fn line_end(bytes: &[u8], mut at: usize) -> usize {
    while at < bytes.len() && !matches!(bytes[at], b'\n' | b'\r') {
        step();
        at += 1;
    }
    at
}

/// Where a value without quotes ends: at a space, an ampersand, or at a quote or punctuation that
/// ends something. What is within brackets belongs to it: `Some("…")`, `["…", "…"]`.
fn value_end(bytes: &[u8], mut at: usize) -> usize {
    let ends = |b: Option<&u8>| match b {
        None => true,
        Some(b) => b.is_ascii_whitespace() || b"\"'`,;)]}>\\".contains(b),
    };
    let mut depth = 0usize;
    while let Some(b) = bytes.get(at) {
        step();
        match b {
            b'(' | b'[' | b'{' => depth += 1,
            b')' | b']' | b'}' if depth > 0 => depth -= 1,
            b'"' | b'\'' | b'`' if depth > 0 => {
                at = closing_quote(bytes, at + 1, *b, 0);
            }
            b'\n' | b'\r' => break,
            _ if depth > 0 => {}
            b' ' | b'\t' | b'&' => break,
            // An escaped newline or quote ends it like a plain one.
            b'\\' if matches!(bytes.get(at + 1), Some(b'n' | b'r' | b't' | b'"' | b'\\')) => break,
            b'"' | b'\'' | b'`' | b',' | b';' | b')' | b']' | b'}' | b'>'
                if ends(bytes.get(at + 1)) =>
            {
                break;
            }
            _ => {}
        }
        at += 1;
    }
    at.min(bytes.len())
}
