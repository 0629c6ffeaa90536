//! The forms in which a known value may be written.

use std::fmt::Write;

use crate::byte_set::ByteSet;
use crate::encoded;

/// The value raw, percent-encoded, escaped, in hexadecimal digits, and in base64 at each alignment. Forms
/// shorter than `min` are left out.
pub(crate) fn forms(value: &str, min: usize) -> Vec<String> {
    #[cfg(test)]
    crate::tests::FORMS.set(crate::tests::FORMS.get() + 1);
    let mut forms = vec![value.to_owned()];
    let mut add = |form: String| {
        if form.len() >= min && !forms.contains(&form) {
            forms.push(form);
        }
    };
    for encoding in &PERCENT {
        add(encoding.encode(value));
    }
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
        // Only the characters that do not depend on the bytes around the value.
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

/// A variant of percent-encoding. Letters and digits are never encoded.
struct Percent {
    kept: ByteSet,
    upper: bool,
    space_is_plus: bool,
}

/// The encodings of most libraries, of JavaScript, of paths, and of forms.
static PERCENT: [Percent; 8] = [
    Percent::new(b"-_.~", true, false),
    Percent::new(b"-_.~", false, false),
    Percent::new(b"", true, false),
    Percent::new(b"-_.~", true, true),
    Percent::new(b"-_.~", false, true),
    Percent::new(b"-_.~!*'()", true, false),
    Percent::new(b"-_.~!$&'()*+,;=:@", true, false),
    Percent::new(b"*-._", true, true),
];

impl Percent {
    const fn new(kept: &[u8], upper: bool, space_is_plus: bool) -> Percent {
        Percent {
            kept: ByteSet::of(kept),
            upper,
            space_is_plus,
        }
    }

    fn encode(&self, value: &str) -> String {
        let mut out = String::new();
        for b in value.bytes() {
            // Writing to a string does not fail.
            let _ = match b {
                b if b.is_ascii_alphanumeric() || self.kept.has(b) => {
                    write!(out, "{}", char::from(b))
                }
                b' ' if self.space_is_plus => write!(out, "+"),
                b if self.upper => write!(out, "%{b:02X}"),
                b => write!(out, "%{b:02x}"),
            };
        }
        out
    }
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
