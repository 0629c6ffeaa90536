//! Decides by its shape whether the value of a secret key is a secret.
//!
//! A key such as `password` makes almost every value a secret. A key such as `session` is used for
//! many other things, so the value must look like a credential.

use crate::MASK;
use crate::byte_set::ByteSet;
use crate::key::{Kind, Secret, Strength};
use crate::words;

/// How a key and its value are joined.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Syntax {
    /// `key=value`, or a structured field.
    Assign,
    /// `key: value` without quotes. Sentences and compiler messages look like this, too.
    Colon,
    /// `"key": "value"`, `key: "value"`.
    Quoted,
    /// `--key value`.
    Option,
    /// `the key is value`.
    Prose,
    /// `the key "value"`.
    ProseQuoted,
}

/// Only the beginning of longer values is judged.
const MAX_JUDGED: usize = 256;

/// The numbers of characters of each kind in a value.
#[derive(Clone, Copy, Debug, Default)]
struct Shape {
    len: usize,
    digits: usize,
    lower: usize,
    upper: usize,
    spaces: usize,
    other: usize,
}

impl Shape {
    fn of(value: &str) -> Shape {
        let mut shape = Shape::default();
        for byte in value.bytes().take(MAX_JUDGED) {
            shape.len += 1;
            match byte {
                b'0'..=b'9' => shape.digits += 1,
                b'a'..=b'z' | 0x80.. => shape.lower += 1,
                b'A'..=b'Z' => shape.upper += 1,
                b' ' | b'\t' | b'\n' | b'\r' => shape.spaces += 1,
                _ => shape.other += 1,
            }
        }
        shape
    }

    fn letters(self) -> usize {
        self.lower + self.upper
    }
}

/// Whether to mask `value`, whose key is `name` and has the class `secret`.
pub(crate) fn is_secret(secret: Secret, syntax: Syntax, name: &str, value: &str) -> bool {
    let value = value.trim();
    if is_placeholder(value) || repeats_key(name, value) {
        return false;
    }
    let shape = Shape::of(value);
    if shape.letters() + shape.digits == 0 {
        // Only punctuation, like a parser's `token: "}"`.
        return secret.strength == Strength::Strong && shape.len >= 6;
    }
    if is_number(value, shape) {
        return number_is_secret(secret, shape, syntax);
    }
    if words::is_status(value) || is_code(value) {
        return false;
    }
    match secret.kind {
        Kind::Code => return is_one_time_code(shape) && !is_benign_shape(value, shape),
        Kind::Phrase => {
            return shape.spaces >= 5 || (!words::is_prose(value) && is_opaque(value, shape));
        }
        Kind::Plain | Kind::Pass | Kind::Line | Kind::Cookie => {}
    }
    match (syntax, secret.strength) {
        (Syntax::Prose, Strength::Strong) if secret.kind == Kind::Pass => {
            shape.len >= 6 && is_opaque(value, shape)
        }
        (Syntax::Prose, Strength::Strong) => shape.len >= 5 && is_opaque(value, shape),
        (Syntax::Prose | Syntax::ProseQuoted, Strength::Medium | Strength::Weak) => {
            shape.len >= 16 && is_opaque(value, shape)
        }
        (Syntax::ProseQuoted, Strength::Strong) => {
            shape.len >= 4 && !words::is_prose(value) && !is_path(value)
        }
        (Syntax::Colon, Strength::Strong) => !words::is_prose(value),
        (Syntax::Colon, Strength::Medium) => !is_word(value),
        (_, Strength::Weak) => {
            is_opaque(value, shape) || (shape.letters() == shape.len && is_scrambled(value, shape))
        }
        (Syntax::Option, Strength::Strong | Strength::Medium) => {
            shape.spaces == 0 || secret.strength == Strength::Strong
        }
        (_, Strength::Strong) => {
            if secret.kind == Kind::Pass && is_path(value) {
                return false;
            }
            !(syntax == Syntax::Quoted && shape.spaces > 0 && words::is_prose(value))
        }
        (_, Strength::Medium) => {
            let sentence = shape.spaces > 0 && shape.digits == 0;
            // The name of a variant, like a parser's `token=Comma`.
            let variant = shape.len <= 10
                && shape.upper == 1
                && shape.lower + 1 == shape.len
                && value.as_bytes()[0].is_ascii_uppercase();
            !sentence && !variant && !is_place(value) && !is_path(value)
        }
    }
}

fn number_is_secret(secret: Secret, shape: Shape, syntax: Syntax) -> bool {
    match secret.kind {
        Kind::Code => (4..=10).contains(&shape.digits),
        Kind::Pass => shape.digits >= 5,
        Kind::Phrase => false,
        Kind::Plain | Kind::Line | Kind::Cookie => match secret.strength {
            Strength::Strong => {
                let count = secret.plural && shape.digits <= 6;
                !count && syntax != Syntax::Prose
            }
            Strength::Medium | Strength::Weak => shape.digits > 12,
        },
    }
}

/// Whether the value is only digits and the punctuation of numbers.
fn is_number(value: &str, shape: Shape) -> bool {
    shape.digits > 0
        && shape.letters() == 0
        && shape.len <= 32
        && (shape.other == 0
            || value
                .bytes()
                .all(|b| b.is_ascii_digit() || const { ByteSet::of(b".,/%+-:_ #") }.has(b)))
}

fn is_one_time_code(shape: Shape) -> bool {
    (4..=64).contains(&shape.len) && shape.digits > 0 && shape.letters() > 0
}

/// Whether the value is a placeholder: `None`, `***`, `<token>`, `${TOKEN}`, `{}`, the mask itself.
pub(crate) fn is_placeholder(value: &str) -> bool {
    let Some(first) = value.bytes().next() else {
        return true;
    };
    if value == MASK || words::is_nothing(value) {
        return true;
    }
    let short = value.len() <= 64;
    let all = |f: fn(u8) -> bool| value.bytes().all(f);
    match first {
        b'*' | b'.' | b'#' | b'-' | b'_' | b'?' | b'x' | b'X'
            if all(|b| const { ByteSet::of(b"*.#-_?xX ") }.has(b)) =>
        {
            return true;
        }
        b'<' => return short && value.ends_with('>') && value[1..].find('<').is_none(),
        b'[' if short && value.ends_with(']') => {
            // `[REDACTED]`, `[hidden by policy]`, `[]`.
            return value[1..value.len() - 1]
                .bytes()
                .all(|b| b.is_ascii_alphabetic() || const { ByteSet::of(b" :_-") }.has(b))
                && !value.contains("', '");
        }
        b'(' if short && value.ends_with(')') => {
            return value[1..value.len() - 1]
                .bytes()
                .all(|b| b.is_ascii_alphabetic() || b == b' ');
        }
        b'{' if short && value.ends_with('}') => {
            return value[1..value.len() - 1]
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || const { ByteSet::of(b" {}:?#_.-") }.has(b))
                && !value.contains(": ");
        }
        b'$' => {
            let rest = &value.as_bytes()[1..];
            return match rest.first() {
                Some(b'{' | b'(') => true,
                Some(b'0'..=b'9') => rest.len() <= 2,
                Some(_) => {
                    rest.len() >= 2
                        && rest
                            .iter()
                            .all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || *b == b'_')
                }
                None => true,
            };
        }
        b'%' => {
            let rest = &value[1..];
            return (rest.len() <= 2 && rest.bytes().all(|b| b.is_ascii_lowercase()))
                || rest.starts_with('(')
                || (rest.len() > 1
                    && rest.ends_with('%')
                    && rest
                        .bytes()
                        .all(|b| b.is_ascii_uppercase() || const { ByteSet::of(b"_%") }.has(b)));
        }
        _ => {}
    }
    let head = value.as_bytes();
    let your = head.len() <= 48
        && head.len() > 4
        && head[..4].eq_ignore_ascii_case(b"your")
        && b"_- ".contains(&head[4]);
    your || all(|b| b == b'x' || b == b'X') || value == "Option::None"
}

/// Whether the value repeats the key's last word: `token: Token`, `self.password = password`, `--token
/// TOKEN`.
fn repeats_key(name: &str, value: &str) -> bool {
    let value = value.trim_end_matches([';', ',', ')', '(', '?', ':']);
    let value = value.trim_start_matches(['&', ':', '<']);
    let last_value = value.rsplit(['.', ':']).next().unwrap_or(value);
    if last_value.is_empty() || last_value.len() > name.len() {
        return false;
    }
    let tail = &name.as_bytes()[name.len() - last_value.len()..];
    let before = name
        .len()
        .checked_sub(last_value.len() + 1)
        .map(|at| name.as_bytes()[at]);
    tail.eq_ignore_ascii_case(last_value.as_bytes())
        && before.is_none_or(|b| !b.is_ascii_alphanumeric())
}

/// Whether the value is source code: a type, a call, a path of modules.
fn is_code(value: &str) -> bool {
    let bytes = value.as_bytes();
    let ident = bytes
        .iter()
        .take_while(|b| b.is_ascii_alphanumeric() || **b == b'_')
        .count();
    match bytes.first() {
        // `&str`, `&mut String`
        Some(b'&') => {
            let rest = value[1..].trim_start_matches("mut ");
            return words::is_type(rest);
        }
        Some(b) if b.is_ascii_alphabetic() || *b == b'_' => {}
        _ => return false,
    }
    if words::is_type(value) {
        return true;
    }
    let rest = &bytes[ident..];
    if rest.starts_with(b"::") {
        let last = value.rsplit("::").next().unwrap_or("");
        let letters = last.bytes().take_while(u8::is_ascii_alphabetic).count();
        // `auth::Token`, `env::var("SECRET")`, but not `a::S3cr3t`.
        return letters > 0
            && (letters == last.len() || last.as_bytes()[letters] == b'(')
            && value
                .bytes()
                .take(ident)
                .all(|b| b.is_ascii_lowercase() || b == b'_');
    }
    // `getpass()`, `config.get("secret")`, `new Session()`: lower case before the parenthesis.
    let call = value.find('(').is_some_and(|paren| {
        let name = &value[..paren];
        let is_name = !name.is_empty()
            && name
                .bytes()
                .all(|b| b.is_ascii_alphabetic() || const { ByteSet::of(b"_.") }.has(b));
        is_name && (name.contains('.') || name.as_bytes()[0].is_ascii_lowercase())
    });
    // `request.form["password"]`, `args.password`
    let field = value.find('[').is_some_and(|bracket| {
        let name = &value[..bracket];
        name.contains('.')
            && name
                .bytes()
                .all(|b| b.is_ascii_lowercase() || const { ByteSet::of(b"_.") }.has(b))
    });
    call || field
}

/// Whether the value is a natural word: only letters, of one case or capitalised.
fn is_word(value: &str) -> bool {
    let first = value.split([' ', ',', ';', '\'']).next().unwrap_or(value);
    let trimmed = first.trim_end_matches(['.', ':', '!', '?', '…']);
    let first_shape = Shape::of(trimmed);
    !trimmed.is_empty()
        && first_shape.letters() == first_shape.len
        && first_shape.len <= 20
        && !is_scrambled(trimmed, first_shape)
}

/// Whether letters of both cases are in an order that no word or identifier has.
fn is_scrambled(value: &str, shape: Shape) -> bool {
    if shape.upper == 0 || shape.lower == 0 || shape.len < 12 {
        return false;
    }
    let bytes = value.as_bytes();
    // Identifiers change from lower to upper case once per word.
    let changes = bytes
        .windows(2)
        .take(MAX_JUDGED)
        .filter(|pair| pair[0].is_ascii_lowercase() && pair[1].is_ascii_uppercase())
        .count();
    changes * 5 >= shape.len
}

/// Whether the value looks like a credential and not like a word: it mixes letters and digits, or has
/// many letters of both cases.
fn is_opaque(value: &str, shape: Shape) -> bool {
    if shape.spaces > 0 || is_benign_shape(value, shape) {
        return false;
    }
    let mixed = shape.digits > 0 && shape.letters() > 0;
    let symbols = shape.letters() > 0
        && shape.len >= 6
        && value
            .bytes()
            .any(|b| const { ByteSet::of(b"!$%^&*+~?@#") }.has(b))
        && !value.ends_with(['?', '!']);
    (mixed && shape.len >= 4) || symbols || is_scrambled(value, shape)
}

/// Whether the letters and digits are a version, a size, a time, the name of an algorithm, or a place.
fn is_benign_shape(value: &str, shape: Shape) -> bool {
    let bytes = value.as_bytes();
    if is_path(value) || is_place(value) || words::is_algorithm(value) {
        return true;
    }
    let is_doubled = |pair: &[u8]| matches!(pair, b"::" | b"..");
    if bytes.windows(2).any(is_doubled) || bytes.ends_with(b"()") {
        return true;
    }
    if bytes.starts_with(b"0x") {
        return shape.len <= 18;
    }
    // A Windows security identifier.
    if bytes.starts_with(b"S-1-") {
        return true;
    }
    // `30s`, `12ms`, `5MB`, `1st`, `v2`, `v1.2.3-rc.1`, `2026-03-02T10:00:00Z`, `10.0.0.1:80`
    let body = bytes.strip_prefix(b"v").unwrap_or(bytes);
    let digits = body.iter().take_while(|b| b.is_ascii_digit()).count();
    if digits > 0 {
        let rest = &body[digits..];
        if rest.len() <= 3 && rest.iter().all(|b| b.is_ascii_alphabetic()) && !rest.is_empty() {
            return true;
        }
        if rest.first() == Some(&b'.') && shape.letters() <= 6 && shape.len <= 24 {
            return true;
        }
        if digits == 4 && rest.first() == Some(&b'-') && body.len() >= 10 && body[7] == b'-' {
            return true;
        }
    }
    false
}

/// Whether the value is a path or URL: `/var/run/x`, `./a`, `~/b`, `C:\x`, `https://…`.
pub(crate) fn is_path(value: &str) -> bool {
    let bytes = value.as_bytes();
    let drive = bytes.len() > 2
        && bytes[0].is_ascii_alphabetic()
        && bytes[1] == b':'
        && matches!(bytes[2], b'\\' | b'/');
    let rooted = bytes[..].starts_with(b"/")
        && bytes.len() > 1
        && bytes[1].is_ascii_alphabetic()
        && bytes
            .iter()
            .take(64)
            .all(|b| b.is_ascii_alphanumeric() || const { ByteSet::of(b"/._-") }.has(*b));
    drive
        || rooted
        || value.starts_with("./")
        || value.starts_with("../")
        || value.starts_with("~/")
        || memchr::memchr_iter(b':', bytes).any(|at| bytes[at..].starts_with(b"://"))
}

/// Whether the value is a file name with a well-known extension: `file.rs:12`, `db.json`.
pub(crate) fn is_place(value: &str) -> bool {
    let bytes = value.as_bytes();
    let is_number = |b: &u8| b.is_ascii_digit() || matches!(b, b':' | b')');
    let Some(last) = bytes.iter().rposition(|b| !is_number(b)) else {
        return false;
    };
    let Some(dot) = memchr::memrchr(b'.', &bytes[..=last]) else {
        return false;
    };
    dot > 0
        && value.get(dot + 1..=last).is_some_and(words::is_extension)
        && bytes[..dot].iter().all(|b| {
            b.is_ascii_alphanumeric() || const { ByteSet::of(b"/_.-\\:@") }.has(*b) || *b >= 0x80
        })
}

/// Whether the value looks like a password. It is used for options that are weak evidence, such as `-p`
/// and options with `user:password`.
pub(crate) fn looks_like_password(value: &str) -> bool {
    let shape = Shape::of(value);
    !is_placeholder(value) && shape.len >= 5 && !value.contains('/') && is_opaque(value, shape)
}

/// Whether the value looks like a key in base64.
pub(crate) fn looks_like_key(value: &str) -> bool {
    let shape = Shape::of(value);
    shape.len >= 32
        && shape.digits >= 2
        && shape.upper >= 2
        && shape.lower >= 2
        && value
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || const { ByteSet::of(b"+/=") }.has(b))
}

/// Whether the value looks like a long credential. It is used for paths and for the user of a URL.
pub(crate) fn looks_like_credential(value: &str, min: usize) -> bool {
    let shape = Shape::of(value);
    let token_bytes = value
        .bytes()
        .take(MAX_JUDGED)
        .all(|b| b.is_ascii_alphanumeric() || const { ByteSet::of(b"-_.~=%@:+") }.has(b));
    shape.len >= min
        && token_bytes
        && ((shape.digits >= 2 && shape.letters() >= 2) || is_scrambled(value, shape))
        && !is_place(value)
        && shape.other * 3 <= shape.len
}
