//! Masks the value of a key: quoted, encoded, bare, in brackets or on several lines.

use crate::brackets::mask_group;
use crate::byte_set::ByteSet;
use crate::found_key::Key;
use crate::key::{Kind, Secret, Strength};
use crate::rule::RuleName;
use crate::scan::Scan;
use crate::value::{self, Syntax};
use crate::{MASK, prose, quote, yaml};

/// Text in braces or parentheses that is longer than this is not a placeholder.
const LONGEST_PLACEHOLDER: usize = 64;

/// Masks the value that begins at `start` if it is secret. Returns where to continue.
pub(crate) fn mask_value(
    scan: &mut Scan<'_>,
    key: &Key,
    secret: Secret,
    start: usize,
    syntax: Syntax,
    encoded: bool,
) -> Option<usize> {
    let start = match scan.get(start) {
        Some(b'\n' | b'\r' | b'|' | b'>') => yaml::block_value(scan, secret, start)?,
        _ => skip_wrappers(scan, start),
    };
    if let Some(quoted) = quote::quoted(scan, start) {
        return mask_quoted(scan, key, secret, &quoted, syntax);
    }
    if encoded {
        return mask_encoded(scan, key, secret, start);
    }
    match secret.kind {
        Kind::Line | Kind::Cookie => {
            if let Some(end) = mask_line(scan, key, secret, start, syntax) {
                return Some(end);
            }
            if secret.kind == Kind::Line || syntax != Syntax::Assign {
                return None;
            }
        }
        Kind::Phrase => return prose::phrase(scan, start),
        Kind::Plain | Kind::Pass | Kind::Code => {}
    }
    if let Some(open @ (b'[' | b'{' | b'(')) = scan.get(start) {
        let literal_end = start + bare_len_within(scan, start, LONGEST_PLACEHOLDER);
        if open != b'[' && value::is_placeholder(scan.str(start..literal_end)) {
            return None;
        }
        if open == b'{' && syntax == Syntax::Assign {
            // `PWD={…};` of ODBC.
            let end = start + 1 + scan.run(start + 1, |b| b != b'}' && b != b'\n');
            let is_value = scan.get(end) == Some(b'}') && scan.get(end + 1) == Some(b';');
            if is_value && secret.strength == Strength::Strong {
                scan.mask(start + 1..end, RuleName::Key);
                return Some(end);
            }
        }
        return mask_group(scan, secret, start, open);
    }
    let end = mask_bare(scan, key, secret, start, syntax)?;
    Some(yaml::more_items(scan, start, end))
}

fn mask_quoted(
    scan: &mut Scan<'_>,
    key: &Key,
    secret: Secret,
    quoted: &quote::Quoted,
    syntax: Syntax,
) -> Option<usize> {
    let syntax = if syntax == Syntax::Assign {
        syntax
    } else {
        Syntax::Quoted
    };
    let content = quoted.content.clone();
    let text = scan.str(content.clone());
    let is_secret = match secret.kind {
        Kind::Line => is_authorization(text),
        Kind::Cookie => {
            text.contains('=') || value::is_secret(secret, syntax, key.name(scan), text)
        }
        _ => value::is_secret(secret, syntax, key.name(scan), text),
    };
    if !is_secret {
        return None;
    }
    scan.mask(content.clone(), RuleName::Key);
    // If the quote is closed only on another line, it may be a different quote, and the masked text may
    // contain the key of a later secret. So the scan continues at the end of the first line.
    let newline = memchr::memchr(b'\n', &scan.bytes[content.clone()]);
    Some(newline.map_or(content.end, |at| content.start + at))
}

fn mask_encoded(scan: &mut Scan<'_>, key: &Key, secret: Secret, start: usize) -> Option<usize> {
    let bytes = scan.bytes;
    let mut at = start;
    while let Some(b) = scan.get(at) {
        let ends = match b {
            b'%' => {
                let code = &bytes[at..bytes.len().min(at + 3)];
                [
                    &b"%26"[..],
                    b"%22",
                    b"%7D",
                    b"%7d",
                    b"%2C",
                    b"%2c",
                    b"%20",
                    b"%0A",
                    b"%0a",
                    b"%27",
                ]
                .contains(&code)
            }
            b => b.is_ascii_whitespace() || const { ByteSet::of(b"&\"'<>;,") }.has(b),
        };
        if ends {
            break;
        }
        at += 1;
    }
    scan.step(at - start);
    let value = scan.str(start..at);
    if !value::is_secret(secret, Syntax::Assign, key.name(scan), value) {
        return None;
    }
    scan.mask(start..at, RuleName::Key);
    Some(at)
}

/// Masks `Authorization: …` and `Cookie: …` to the end of the line or of the quotes around it.
fn mask_line(
    scan: &mut Scan<'_>,
    key: &Key,
    secret: Secret,
    start: usize,
    syntax: Syntax,
) -> Option<usize> {
    let before = key.before(scan);
    let line = scan.run(start, |b| b != b'\n' && b != b'\r');
    let mut end = start + line;
    if let Some(quote @ (b'"' | b'\'' | b'`')) = before {
        // `"Cookie: a=b"`: the value ends at the closing quote.
        end = end.min(quote::closing(scan, start, quote, 0));
    }
    let text = scan.str(start..end);
    let first = text.split(' ').next().unwrap_or(text);
    let is_secret = match (secret.kind, syntax) {
        (Kind::Cookie, Syntax::Colon | Syntax::Quoted) => {
            first.contains('=') && !value::is_placeholder(text)
        }
        (Kind::Cookie, _) => return None,
        _ => is_authorization(text),
    };
    if !is_secret {
        return None;
    }
    if syntax == Syntax::Assign {
        // `authorization=token X path=/`: the scheme and the credential.
        let scheme = first.len();
        let len = bare_len(scan, start);
        end = start + len;
        if len == scheme && prose::is_scheme(first) && scan.get(end) == Some(b' ') {
            end += 1;
            end += bare_len(scan, end);
        }
    }
    scan.mask(start..end, RuleName::Key);
    Some(end)
}

/// Whether the value of `Authorization` is a credential, and not a message about it.
fn is_authorization(text: &str) -> bool {
    let mut words = text.split(' ').filter(|word| !word.is_empty());
    let first = words.next().unwrap_or_default();
    let second = words.next();
    match second {
        _ if value::is_placeholder(text.trim()) || value::is_placeholder(first) => false,
        Some(second) if prose::is_scheme(first) => {
            !value::is_placeholder(second) && !second.bytes().all(|b| b.is_ascii_lowercase())
        }
        Some(_) => {
            let telling = first.bytes().any(|b| b.is_ascii_digit()) || text.contains('=');
            telling && !crate::words::is_prose(text)
        }
        None => {
            !prose::is_scheme(first)
                && !crate::words::is_status(first)
                && (value::looks_like_password(first) || first.len() >= 16)
        }
    }
}

/// Skips wrappers before a value: `Some(`, `Token(`, `ApiKey { inner:`, `b`, `!!str `.
pub(crate) fn skip_wrappers(scan: &Scan<'_>, start: usize) -> usize {
    const DEEPEST: usize = 4;
    scan.step(100);
    let mut at = start;
    for _ in 0..DEEPEST {
        if matches!(scan.get(at), Some(b'!' | b'&')) {
            let tag = scan.run(at, |b| {
                b.is_ascii_alphanumeric() || const { ByteSet::of(b"!&_-") }.has(b)
            });
            if scan.get(at + tag) == Some(b' ') && tag > 1 {
                at += tag + 1;
                continue;
            }
            break;
        }
        let name = scan
            .run(at, |b| b.is_ascii_alphanumeric() || b == b'_' || b == b':')
            .min(64);
        let path = &scan.bytes[at..at + name];
        let last = path.windows(2).rposition(|pair| pair == b"::");
        let last = last.map_or(0, |colons| colons + 2);
        if !path.get(last).is_some_and(u8::is_ascii_uppercase) {
            break;
        }
        let end = at + name;
        if scan.get(end) == Some(b'(') {
            at = end + 1 + scan.run(end + 1, |b| b.is_ascii_whitespace());
        } else if scan.starts_with(end, " {") || scan.starts_with(end, "{") {
            let brace = end + scan.run(end, |b| b == b' ') + 1;
            let field = brace + scan.run(brace, |b| b.is_ascii_whitespace());
            let len = scan.run(field, |b| b.is_ascii_alphanumeric() || b == b'_');
            if !scan.starts_with(field + len, ": ") {
                break;
            }
            at = field + len + 2;
        } else {
            break;
        }
    }
    // `b"…"`, `r"…"`, `u'…'`
    let prefix = scan.run(at, |b| const { ByteSet::of(b"brufBRUF") }.has(b));
    if prefix <= 2 && matches!(scan.get(at + prefix), Some(b'"' | b'\'')) {
        at += prefix;
    }
    at
}

/// Masks a value without quotes.
fn mask_bare(
    scan: &mut Scan<'_>,
    key: &Key,
    secret: Secret,
    start: usize,
    syntax: Syntax,
) -> Option<usize> {
    const SENTENCE: usize = 80;
    let len = bare_len(scan, start);
    let mut end = start + len;
    let word = scan.str(start..end);
    let name = key.name(scan);
    if word.starts_with('<') && is_angle_placeholder(scan, start) {
        return None;
    }
    if secret.strength == Strength::Strong && prose::is_passphrase(name) {
        let words = prose::words_end(scan, start);
        if words > end {
            scan.mask(start..words, RuleName::Key);
            return Some(words);
        }
    }
    if secret.kind == Kind::Code && len == 3 {
        // `123 456`
        let is_three = |at: usize| scan.run(at, |b| b.is_ascii_digit()) == 3;
        if is_three(start) && scan.get(end) == Some(b' ') && is_three(end + 1) {
            scan.mask(start..end + 4, RuleName::Key);
            return Some(end + 4);
        }
    }
    let rest = &scan.bytes[start..scan.bytes.len().min(start + SENTENCE)];
    let rest = scan.str(start..start + memchr::memchr(b'\n', rest).unwrap_or(rest.len()));
    let is_scheme = prose::is_scheme(word) && scan.get(end) == Some(b' ');
    if is_scheme {
        // `auth: Bearer …`
        let credential = end + 1;
        let end = credential + bare_len(scan, credential);
        if value::looks_like_credential(scan.str(credential..end), 8) {
            scan.mask(start..end, RuleName::Key);
            return Some(end);
        }
        return None;
    }
    // Whether it is a message instead of a value.
    let sentence = syntax != Syntax::Quoted
        && (syntax == Syntax::Colon
            || scan.get(end) == Some(b' ') && secret.strength == Strength::Medium)
        && crate::words::is_prose(rest)
        && word
            .bytes()
            .all(|b| b.is_ascii_alphabetic() || const { ByteSet::of(b"'.,:;!-") }.has(b));
    // Source code: `password = request.form[…]`, `secret: Option<String>`.
    if sentence
        || names_secret(scan, name, start, end)
        || is_source(scan, start, end)
        || !value::is_secret(secret, syntax, name, word)
    {
        return None;
    }
    if syntax == Syntax::Colon || secret.kind == Kind::Code {
        end = more_values(scan, secret, end);
    }
    scan.mask(start..end, RuleName::Key);
    Some(end)
}

/// Whether the value is a placeholder such as `<redacted>` or `<your api key>`.
fn is_angle_placeholder(scan: &Scan<'_>, start: usize) -> bool {
    let len = scan.run(start + 1, |b| {
        b.is_ascii_alphabetic() || const { ByteSet::of(b" _-") }.has(b)
    });
    len <= 48 && scan.get(start + 1 + len) == Some(b'>')
}

/// The end of values that belong together: `admin / hunter2`, `8f3k-29dk, x8s2-11aa`.
fn more_values(scan: &Scan<'_>, secret: Secret, mut end: usize) -> usize {
    for _ in 0..16 {
        let next = if scan.starts_with(end, " / ") {
            end + 3
        } else if secret.kind == Kind::Code && scan.starts_with(end, ", ") {
            end + 2
        } else {
            break;
        };
        let len = bare_len(scan, next);
        if !value::looks_like_password(scan.str(next..next + len)) {
            break;
        }
        end = next + len;
    }
    end
}

/// Whether the value is the name of a Kubernetes object: `secret=db-credentials namespace=prod`.
fn names_secret(scan: &Scan<'_>, key: &str, start: usize, end: usize) -> bool {
    let is_name = |b: u8| b.is_ascii_lowercase() || b == b'-';
    key == "secret"
        && scan.starts_with(end, " namespace=")
        && scan.bytes[start..end].iter().all(|b| is_name(*b))
}

/// Whether the value is an expression of a programming language.
fn is_source(scan: &Scan<'_>, start: usize, end: usize) -> bool {
    let word = scan.str(start..end);
    // `new Session()`, `Some(x)`: a word and a parenthesis or a statement's end.
    matches!(
        word,
        "new" | "await" | "async" | "let" | "match" | "if" | "mut"
    ) || (word.ends_with(';')
        && word[..word.len() - 1]
            .bytes()
            .all(|b| b.is_ascii_lowercase() || b == b'_'))
}

/// The length of the unquoted value at `start`. It ends at a space, an ampersand, or at a quote or
/// punctuation that closes something. A mask is a value, including its bracket.
pub(crate) fn bare_len(scan: &Scan<'_>, start: usize) -> usize {
    bare_len_within(scan, start, usize::MAX)
}

/// The same, but may stop early if the length exceeds `limit`.
fn bare_len_within(scan: &Scan<'_>, start: usize, limit: usize) -> usize {
    let bytes = scan.bytes;
    let limit = start.saturating_add(limit);
    if bytes[start..].starts_with(MASK.as_bytes()) {
        return MASK.len();
    }
    let ends = |b: Option<&u8>| match b {
        None => true,
        Some(b) => b.is_ascii_whitespace() || const { ByteSet::of(b"\"'`,;)]}>\\") }.has(*b),
    };
    let mut at = start;
    while let Some(b) = bytes.get(at) {
        let stop = match b {
            b' ' | b'\t' | b'\n' | b'\r' => true,
            b'&' => ends_parameter(bytes, at + 1),
            // An escaped newline or quote also ends the value.
            b'\\' => matches!(bytes.get(at + 1), Some(b'n' | b'r' | b't' | b'"' | b'\\')),
            b'"' | b'\'' | b'`' | b',' | b')' | b']' | b'}' | b'>' => {
                ends(bytes.get(at + 1)) || (*b == b',' && begins_pair(bytes, at + 1))
            }
            b'<' => bytes.get(at + 1) == Some(&b'/'),
            b';' => ends(bytes.get(at + 1)) || begins_pair(bytes, at + 1),
            _ => false,
        };
        if stop || at > limit {
            break;
        }
        at += 1;
    }
    scan.step(at - start);
    at - start
}

/// Whether the text after an ampersand is the next parameter of a query, and not the rest of a value.
fn ends_parameter(bytes: &[u8], from: usize) -> bool {
    const LONGEST: usize = 40;
    let rest = &bytes[from..bytes.len().min(from + LONGEST)];
    let len = rest
        .iter()
        .take_while(|b| b.is_ascii_alphanumeric() || const { ByteSet::of(b"_-.%[]~") }.has(**b))
        .count();
    // Two `=` are the padding of base64.
    let pair = rest.get(len) == Some(&b'=') && rest.get(len + 1) != Some(&b'=');
    len > 0 && pair || matches!(rest.get(len), Some(b'&' | b';')) || rest.is_empty()
}

/// Whether the next key of a connection string begins here: `Encrypt=`, `User Id=`.
fn begins_pair(bytes: &[u8], from: usize) -> bool {
    const LONGEST: usize = 24;
    let rest = &bytes[from..bytes.len().min(from + LONGEST)];
    let len = rest
        .iter()
        .take_while(|b| b.is_ascii_alphanumeric() || const { ByteSet::of(b"_ -.") }.has(**b))
        .count();
    len > 0 && rest.get(len) == Some(&b'=')
}
