//! Escapes text so that it stays on one line and can't control the terminal.
//!
//! A newline in a message can forge a log line (CWE-117), an escape sequence can recolour or clear the
//! reader's terminal, and a bidirectional override can make text look different. So this module escapes
//! the control characters of ASCII and Latin-1 (C0, DEL, C1), the bidirectional controls, and the line
//! and paragraph separators U+2028 and U+2029.

use std::borrow::Cow;
use std::fmt;

/// Returns `text` with these characters escaped in Rust's notation: `\n`, `\x1b`, `\u{202e}`.
///
/// A backslash is not escaped, so the result is for people to read and can't be unescaped.
///
/// # Examples
///
/// ```
/// assert_eq!(logtee::escape::line("two\nlines"), "two\\nlines");
/// assert_eq!(logtee::escape::line("C:\\temp"), "C:\\temp");
/// ```
pub fn line(text: &str) -> Cow<'_, str> {
    if first_special(text.as_bytes(), Style::Line) == text.len() {
        return Cow::Borrowed(text);
    }
    let mut out = Vec::with_capacity(text.len() + 16);
    push(&mut out, text, Style::Line);
    // It can't fail: only whole characters and ASCII were pushed.
    Cow::Owned(String::from_utf8(out).unwrap_or_else(|_| unreachable!()))
}

/// The notation of escapes.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Style {
    /// Rust's notation. Quotes and backslashes are not escaped.
    Line,
    /// JSON's notation. Quotes and backslashes are escaped.
    Json,
}

/// Appends `text`, escaped.
pub(crate) fn push(out: &mut Vec<u8>, text: &str, style: Style) {
    let mut rest = text;
    loop {
        let at = first_special(rest.as_bytes(), style);
        let (plain, special) = rest.split_at(at);
        out.extend_from_slice(plain.as_bytes());
        let Some(c) = special.chars().next() else {
            return;
        };
        push_special(out, c, style);
        rest = &special[c.len_utf8()..];
    }
}

/// Appends `text` in double quotes, with JSON's escapes.
pub(crate) fn push_quoted(out: &mut Vec<u8>, text: &str) {
    out.push(b'"');
    push(out, text, Style::Json);
    out.push(b'"');
}

/// A `fmt::Write` that escapes the text and appends it to a `Vec`.
pub(crate) struct Escaping<'a> {
    pub(crate) out: &'a mut Vec<u8>,
    pub(crate) style: Style,
}

impl fmt::Write for Escaping<'_> {
    fn write_str(&mut self, piece: &str) -> fmt::Result {
        push(self.out, piece, self.style);
        Ok(())
    }

    /// `fmt` writes padding one character at a time.
    fn write_char(&mut self, c: char) -> fmt::Result {
        if c == ' ' {
            self.out.push(b' ');
        } else {
            push(self.out, c.encode_utf8(&mut [0; 4]), self.style);
        }
        Ok(())
    }
}

const ONES: u64 = 0x0101_0101_0101_0101;
const HIGHS: u64 = 0x8080_8080_8080_8080;

/// Nonzero if a byte of `word` equals `byte`. In rare cases it is nonzero although none does.
#[inline]
fn has(word: u64, byte: u8) -> u64 {
    let zero = word ^ (ONES * u64::from(byte));
    zero.wrapping_sub(ONES) & !zero
}

/// The position of the first character that must be escaped; the length if there is none.
fn first_special(bytes: &[u8], style: Style) -> usize {
    let mut at = 0;
    // Checks eight bytes at a time, because most are harmless ASCII.
    while at < bytes.len() {
        let end = bytes.len().min(at + 8);
        // The last chunk may overlap the one before, which is faster than single bytes.
        let chunk = bytes[..end].last_chunk::<8>();
        let is_suspect = chunk.is_none_or(|chunk| has_suspect(u64::from_le_bytes(*chunk), style));
        if is_suspect {
            let found = find_special(bytes, at, end, style);
            if found < end {
                return found;
            }
        }
        at = end;
    }
    at
}

/// The same for single bytes from `at` to `end`.
#[inline(never)]
fn find_special(bytes: &[u8], mut at: usize, end: usize, style: Style) -> usize {
    while at < end && !is_special(bytes, at, style) {
        at += 1;
    }
    at
}

/// Whether one of the eight bytes may begin a character that must be escaped.
#[inline]
fn has_suspect(word: u64, style: Style) -> bool {
    let below_space = word.wrapping_sub(ONES * 0x20) & !word;
    let mut suspects = below_space | has(word, 0x7f) | word;
    if style == Style::Json {
        suspects |= has(word, b'"') | has(word, b'\\');
    }
    suspects & HIGHS != 0
}

/// Whether a character to be escaped begins at `at`.
fn is_special(bytes: &[u8], at: usize, style: Style) -> bool {
    let next = |n: usize| bytes.get(at + n).copied().unwrap_or(0);
    match bytes[at] {
        0..0x20 | 0x7f => true,
        b'"' | b'\\' => style == Style::Json,
        // U+0080 to U+009F.
        0xC2 => next(1) < 0xA0,
        // U+061C.
        0xD8 => next(1) == 0x9C,
        // U+200E, U+200F, U+2028 to U+202E, U+2066 to U+2069.
        0xE2 => match (next(1), next(2)) {
            (0x80, last) => matches!(last, 0x8E | 0x8F | 0xA8..=0xAE),
            (0x81, last) => matches!(last, 0xA6..=0xA9),
            _ => false,
        },
        _ => false,
    }
}

#[cold]
fn push_special(out: &mut Vec<u8>, c: char, style: Style) {
    match c {
        '\n' => out.extend_from_slice(b"\\n"),
        '\r' => out.extend_from_slice(b"\\r"),
        '\t' => out.extend_from_slice(b"\\t"),
        '"' => out.extend_from_slice(b"\\\""),
        '\\' => out.extend_from_slice(b"\\\\"),
        c => {
            let code = u32::from(c);
            let escaped = match style {
                Style::Json => format!("\\u{code:04x}"),
                Style::Line if code < 0x80 => format!("\\x{code:02x}"),
                Style::Line => format!("\\u{{{code:x}}}"),
            };
            out.extend_from_slice(escaped.as_bytes());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The naive definition of the characters to escape.
    fn harmful(c: char) -> bool {
        c.is_control()
            || matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}')
            || matches!(c, '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    }

    #[test]
    fn golden() {
        assert_eq!(line("a\tb\r\n\x1b[31m\x7f"), "a\\tb\\r\\n\\x1b[31m\\x7f");
        assert_eq!(
            line("\u{85}\u{2028}\u{202e}x"),
            "\\u{85}\\u{2028}\\u{202e}x"
        );
        assert_eq!(line("Grüße, 世界 🦀"), "Grüße, 世界 🦀");
        let mut json = Vec::new();
        push_quoted(&mut json, "a\"b\\c\n\u{0}\u{202e}");
        assert_eq!(json, br#""a\"b\\c\n\u0000\u202e""#);
    }

    #[test]
    fn every_character_at_every_place_in_a_word() {
        for c in (0..0x2100).filter_map(char::from_u32) {
            for before in 0..9 {
                let text = format!("{}{c}tail", "x".repeat(before));
                let escaped = line(&text);
                assert_eq!(escaped != text, harmful(c), "{c:?} after {before}");
                assert!(!escaped.contains(harmful), "{escaped:?}");
            }
        }
    }

    proptest! {
        #[test]
        fn as_json_it_reads_back(text in any::<String>()) {
            let mut json = Vec::new();
            push_quoted(&mut json, &text);
            let json = String::from_utf8(json).unwrap();
            prop_assert!(!json.contains(harmful));
            prop_assert_eq!(serde_json::from_str::<String>(&json).unwrap(), text);
        }

        #[test]
        fn a_line_stays_one(text in any::<String>()) {
            prop_assert!(!line(&text).contains(harmful));
        }
    }
}
