//! Masks everything that is not allowed.

use crate::MASK;
use crate::byte_set::ByteSet;
use crate::key::Keys;
use crate::rule::RuleName;

/// The keys and formats that survive. Numbers always do.
#[derive(Debug, Default)]
pub(crate) struct Allowed {
    keys: Keys,
    formats: Vec<Vec<String>>,
}

impl Allowed {
    pub(crate) fn of_keys<K: AsRef<str>>(names: impl IntoIterator<Item = K>) -> Allowed {
        let mut keys = Keys::none();
        for name in names {
            keys.add(name.as_ref());
        }
        Allowed {
            keys,
            formats: Vec::new(),
        }
    }

    pub(crate) fn add_format(&mut self, format: &str) {
        self.formats.push(literals(format));
    }

    pub(crate) fn has_key(&self, key: &str) -> bool {
        self.keys.is_exactly(key)
    }
}

/// The literal parts of a format string, including empty ones at its ends.
fn literals(format: &str) -> Vec<String> {
    let mut parts = vec![String::new()];
    let mut chars = format.chars().peekable();
    while let Some(char) = chars.next() {
        let doubled = chars.peek() == Some(&char);
        match char {
            '{' | '}' if doubled => {
                chars.next();
            }
            '{' => {
                for char in chars.by_ref() {
                    if char == '}' {
                        break;
                    }
                }
                parts.push(String::new());
                continue;
            }
            _ => {}
        }
        if let Some(part) = parts.last_mut() {
            part.push(char);
        }
    }
    parts
}

/// Whether the value is a number, a bool, or empty.
pub(crate) fn survives(value: &str) -> bool {
    let value = value.trim();
    let digits = value.bytes().filter(u8::is_ascii_digit).count();
    let number = value
        .bytes()
        .all(|b| b.is_ascii_digit() || const { ByteSet::of(b"+-.,:_%eE") }.has(b));
    value.is_empty()
        || matches!(value, "true" | "false" | "null" | "None" | MASK)
        || (number && digits > 0 && value.len() <= 40)
}

/// Returns the text with everything masked that is not allowed; `None` if nothing changes.
pub(crate) fn mask(
    allowed: &Allowed,
    text: &str,
    count: &mut dyn FnMut(RuleName),
) -> Option<String> {
    let masked = allowed
        .formats
        .iter()
        .find_map(|format| by_format(format, text, count))
        .unwrap_or_else(|| by_word(allowed, text, count));
    (masked != text).then_some(masked)
}

/// Masks the text between the literal parts. Returns `None` if the text does not match them.
fn by_format(parts: &[String], text: &str, count: &mut dyn FnMut(RuleName)) -> Option<String> {
    let (first, others) = parts.split_first()?;
    let mut rest = text.strip_prefix(first.as_str())?;
    let mut arguments = Vec::new();
    for (at, part) in others.iter().enumerate() {
        let end = if at + 1 == others.len() {
            // The last part is the end of the text.
            rest.len()
                .checked_sub(part.len())
                .filter(|end| rest.ends_with(part.as_str()) && rest.is_char_boundary(*end))?
        } else {
            rest.find(part.as_str())?
        };
        arguments.push(&rest[..end]);
        rest = &rest[end + part.len()..];
    }
    if !rest.is_empty() {
        return None;
    }
    let mut out = first.clone();
    for (argument, part) in arguments.into_iter().zip(others) {
        if survives(argument) {
            out.push_str(argument);
        } else {
            out.push_str(MASK);
            count(RuleName::NotAllowed);
        }
        out.push_str(part);
    }
    Some(out)
}

/// Masks everything except numbers and the values of allowed keys. Consecutive words become one mask.
fn by_word(allowed: &Allowed, text: &str, count: &mut dyn FnMut(RuleName)) -> String {
    let mut out = String::new();
    let mut masking = false;
    for piece in text.split_inclusive(char::is_whitespace) {
        let word = piece.trim_end();
        let space = &piece[word.len()..];
        let pair = word.split_once(['=', ':']);
        let keeps = survives(word) || pair.is_some_and(|(key, _)| allowed.has_key(key));
        if keeps || word.is_empty() {
            // Adds the space after a mask, which was not written yet.
            if masking && !word.is_empty() {
                out.push(' ');
                masking = false;
            }
            if !masking {
                out.push_str(piece);
            }
            continue;
        }
        if !masking {
            out.push_str(MASK);
            count(RuleName::NotAllowed);
        }
        masking = true;
        if space.contains('\n') {
            out.push_str(space);
            masking = false;
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use crate::Redactor;

    #[test]
    fn only_what_is_allowed_survives() {
        let redactor = Redactor::allow_only(["user_id", "status"])
            .allow_format("read {} bytes from {path:?} in {{braces}}")
            .allow_format("done");
        for (text, masked) in [
            ("done", "done"),
            (
                "read 12 bytes from \"/srv/x\" in {braces}",
                "read 12 bytes from [redacted] in {braces}",
            ),
            ("Ana logged in", "[redacted]"),
            (
                "user_id=7f status: Ana 12 3.5",
                "user_id=7f status: [redacted] 12 3.5",
            ),
            (
                "status=200 took 12 of Ana",
                "status=200 [redacted] 12 [redacted]",
            ),
            ("a\nb", "[redacted]\n[redacted]"),
            ("", ""),
        ] {
            assert_eq!(redactor.text(text), masked, "{text}");
            assert_eq!(redactor.text(masked), masked, "twice: {text}");
        }
        assert_eq!(redactor.value("status", "open"), "open");
        assert_eq!(redactor.value("name", "Ana"), "[redacted]");
        assert_eq!(redactor.value("count", "12"), "12");
        assert_eq!(
            redactor.value("status", "ghp_0123456789abcdefghij"),
            "[redacted]"
        );
    }
}
