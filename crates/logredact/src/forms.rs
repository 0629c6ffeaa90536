//! How a value that is known may be written.

use std::fmt::Write;

use crate::byte_set::ByteSet;
use crate::encoded;

/// Raw, percent-encoded, escaped, in hexadecimal digits, and in base64 at each alignment; none shorter
/// than `min`.
pub(crate) fn forms(value: &str, min: usize) -> Vec<String> {
    #[cfg(test)]
    crate::tests::FORMS.set(crate::tests::FORMS.get() + 1);
    let mut forms = vec![value.to_owned()];
    let mut add = |form: String| {
        if form.len() >= min && !forms.contains(&form) {
            forms.push(form);
        }
    };
    let plain = |b: u8| b.is_ascii_alphanumeric();
    let unreserved = |b: u8| plain(b) || const { ByteSet::of(b"-_.~") }.has(b);
    let percent = |keep: &dyn Fn(u8) -> bool, upper: bool, plus: bool| {
        let mut out = String::new();
        for b in value.bytes() {
            // Writing to a string does not fail.
            let _ = match b {
                b if keep(b) => write!(out, "{}", char::from(b)),
                b' ' if plus => write!(out, "+"),
                b if upper => write!(out, "%{b:02X}"),
                b => write!(out, "%{b:02x}"),
            };
        }
        out
    };
    // As URLs are encoded by most, by JavaScript, in paths, and in forms.
    add(percent(&unreserved, true, false));
    add(percent(&unreserved, false, false));
    add(percent(&plain, true, false));
    add(percent(&unreserved, true, true));
    add(percent(&unreserved, false, true));
    add(percent(
        &|b| unreserved(b) || const { ByteSet::of(b"!*'()") }.has(b),
        true,
        false,
    ));
    add(percent(
        &|b| unreserved(b) || const { ByteSet::of(b"!$&'()*+,;=:@") }.has(b),
        true,
        false,
    ));
    add(percent(
        &|b| plain(b) || const { ByteSet::of(b"*-._") }.has(b),
        true,
        true,
    ));
    let debug = format!("{value:?}");
    let debug = &debug[1..debug.len() - 1];
    add(debug.to_owned());
    add(format!("{debug:?}")[1..].trim_end_matches('"').to_owned());
    add(json(value, false));
    add(json(value, true));
    let mut hex = String::new();
    for b in value.bytes() {
        let _ = write!(hex, "{b:02x}");
    }
    add(hex.to_ascii_uppercase());
    add(hex);
    for skip in 0..3 {
        // What does not depend on the bytes around the value.
        let mut padded = vec![0; skip];
        padded.extend_from_slice(value.as_bytes());
        let encoded = encoded::encode(&padded);
        let first = [0, 2, 3][skip];
        let last = encoded.len() - usize::from(padded.len() % 3 != 0);
        let core = encoded.get(first..last).unwrap_or_default();
        if core.len() >= 8 {
            add(core.replace('+', "-").replace('/', "_"));
            add(core.to_owned());
        }
    }
    forms
}

/// A string of JSON without its quotes.
fn json(value: &str, ascii_only: bool) -> String {
    let mut out = String::new();
    let mut units = [0; 2];
    for char in value.chars() {
        match char {
            '"' | '\\' => out.extend(['\\', char]),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            char if char < ' ' || (ascii_only && !char.is_ascii()) => {
                for unit in char.encode_utf16(&mut units) {
                    // Writing to a string does not fail.
                    let _ = write!(out, "\\u{unit:04x}");
                }
            }
            char => out.push(char),
        }
    }
    out
}
