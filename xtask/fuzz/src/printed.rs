//! Checks of all text that is printed for people.

use logtee::escape;

/// Removes only escape sequences that set colours (`ESC [ … m`).
pub fn without_colours(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("\u{1b}[") {
        plain.push_str(before);
        let end = after.find(|char: char| !char.is_ascii_digit() && char != ';');
        match end {
            Some(end) if after[end..].starts_with('m') => rest = &after[end + 1..],
            _ => {
                plain.push_str("\u{1b}[");
                rest = after;
            }
        }
    }
    plain + rest
}

/// Panics if a line has control characters for the terminal.
pub fn assert_harmless(text: &str) {
    let plain = without_colours(text);
    for line in plain.split('\n') {
        assert_eq!(escape::line(line), line, "a line is not escaped");
    }
}
