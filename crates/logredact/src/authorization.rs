//! Credentials behind the name of their scheme: `Bearer …`, `Basic …`.

use crate::splice::{Splice, step};

pub(super) fn find(text: &str, out: &mut Splice<'_>) {
    let bytes = text.as_bytes();
    let mut at = 0;
    while at < bytes.len() {
        step();
        if bytes[at] | 0x20 != b'b' {
            at += 1;
            continue;
        }
        let bearer = names(bytes, at, b"bearer");
        if !bearer && !names(bytes, at, b"basic") {
            at += 1;
            continue;
        }
        let spaces = at + if bearer { 6 } else { 5 };
        let start = spaces + run(bytes, spaces, |b| matches!(b, b' ' | b'\t'));
        let len = run(bytes, start, is_token_byte);
        let token = &bytes[start..start + len];
        if start > spaces
            && if bearer {
                is_credential(token)
            } else {
                is_encoded(token)
            }
        {
            out.mask(start..start + len);
        }
        // What was looked at is not looked at again, unless it could be a scheme's name itself.
        at = if len > 6 { start + len } else { start };
    }
}

/// Whether the word `name` begins at `at`.
fn names(bytes: &[u8], at: usize, name: &[u8]) -> bool {
    let is_word = |b: u8| b.is_ascii_alphanumeric();
    (at == 0 || !is_word(bytes[at - 1]))
        && bytes
            .get(at..at + name.len())
            .is_some_and(|word| word.eq_ignore_ascii_case(name))
}

fn run(bytes: &[u8], from: usize, of: impl Fn(u8) -> bool) -> usize {
    let rest = &bytes[from..];
    let len = rest.iter().position(|b| !of(*b)).unwrap_or(rest.len());
    for _ in 0..len {
        step();
    }
    len
}

fn is_token_byte(b: u8) -> bool {
    b.is_ascii_alphanumeric() || b"-._~+/=:%".contains(&b)
}

/// Not the next word of a sentence: "the bearer of", "a bearer token".
fn is_credential(token: &[u8]) -> bool {
    token.len() >= 8 || token.iter().any(u8::is_ascii_digit)
}

/// What base64 makes of a name and a password, and hardly a word: "Basic Authentication".
fn is_encoded(token: &[u8]) -> bool {
    let telling = |b: &u8| b.is_ascii_digit() || b.is_ascii_uppercase() || b"+/=".contains(b);
    token.len() >= 4 && token[1..].iter().any(telling)
}
