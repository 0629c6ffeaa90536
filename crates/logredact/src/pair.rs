//! Finds keys in text, and the values that belong to them.

use crate::byte_set::ByteSet;
use crate::found_key::Key;
use crate::key::Secret;
use crate::masking::{bare_len, mask_value, skip_wrappers};
use crate::rule::RuleName;
use crate::scan::{self, Scan};
use crate::value::{self, Syntax};
use crate::{MASK, command, prose, quote, url};

/// The text between a key and its value.
struct Separator {
    syntax: Syntax,
    value: usize,
    /// The text is percent-encoded, and so is the end of the value.
    encoded: bool,
}

/// Masks the value of the key that has an anchor at `anchor`. Returns where to continue.
pub(crate) fn key(scan: &mut Scan<'_>, anchor: usize, anchor_end: usize) -> Option<usize> {
    if anchor < scan.keys_done {
        return None;
    }
    scan.step(scan::KEY);
    let key = Key::around(scan, anchor, anchor_end);
    scan.keys_done = key.range.end.max(anchor + 1);
    if key.range.is_empty() || key.is_place(scan) {
        return None;
    }
    let end = key.range.end;
    if let Some(mask_end) = masked_value(scan, end) {
        return Some(mask_end);
    }
    let Some(secret) = scan.secret(key.name.clone()) else {
        return query_parameter(scan, &key);
    };
    let after = quote::closers(scan, end);
    let spaces = scan.run(after.end, |b| b == b' ' || b == b'\t');
    let at = after.end + spaces;
    if let Some(value) = name_value(scan, after.end) {
        return mask_value(scan, &key, secret, value, Syntax::Quoted, false);
    }
    if let Some(separator) = separator(scan, at) {
        // `arn:…:secret:name`
        let in_colons = key.before(scan) == Some(b':') && separator.syntax == Syntax::Colon;
        if in_colons || (key.is_path_segment(scan) && separator.syntax != Syntax::Assign) {
            return None;
        }
        let quoted_key = after.end > end;
        let syntax = if quoted_key && separator.syntax == Syntax::Colon {
            Syntax::Quoted
        } else {
            separator.syntax
        };
        return mask_value(
            scan,
            &key,
            secret,
            separator.value,
            syntax,
            separator.encoded,
        );
    }
    if key.is_path_segment(scan) {
        if scan.get(end) == Some(b'/') {
            url::path_at(scan, key.start() - 1);
        }
        return None;
    }
    if let Some(text) = element_text(scan, &key, at) {
        return mask_element(scan, &key, secret, text);
    }
    match scan.get(at) {
        Some(b',') if after.quotes > 0 => tuple(scan, &key, secret, at + 1),
        // `{password,<<"x">>}`, a pair in Erlang.
        Some(b',') if key.before(scan) == Some(b'{') => {
            let value = at + 1 + scan.run(at + 1, |b| b == b'<' || b == b' ');
            quote::quoted(scan, value)?;
            mask_value(scan, &key, secret, value, Syntax::Quoted, false)
        }
        Some(b'(') if spaces == 0 && key.is_constructor(scan) => {
            let len = bare_len(scan, at + 1);
            let quoted = quote::quoted(scan, skip_wrappers(scan, at + 1)).is_some();
            let opaque = value::looks_like_password(scan.str(at + 1..at + 1 + len));
            (quoted || opaque)
                .then(|| mask_value(scan, &key, secret, at + 1, Syntax::Quoted, false))?
        }
        Some(b'\r' | b'\n') if after.quotes > 0 => form_data(scan, &key, secret, at),
        Some(_) if spaces > 0 && key.dashes > 0 => {
            command::option_value(scan, &key, secret, spaces, at)
        }
        Some(_) if spaces > 0 => prose::after_key(scan, &key, secret, at),
        _ => None,
    }
}

/// The end of the mask, if the value of the key that ends at `end` is masked already, as most values are
/// in the second pass over a text.
fn masked_value(scan: &Scan<'_>, end: usize) -> Option<usize> {
    const LONGEST_SEPARATOR: usize = 6;
    let rest = &scan.bytes[end..];
    let separator = rest
        .iter()
        .take(LONGEST_SEPARATOR)
        .position(|b| !const { ByteSet::of(b"\"'=: ") }.has(*b))?;
    let after = rest[separator..].strip_prefix(MASK.as_bytes())?;
    let ends = after
        .first()
        .is_none_or(|b| b.is_ascii_whitespace() || matches!(b, b'"' | b'\'' | b'&'));
    (separator > 0 && ends).then_some(end + separator + MASK.len())
}

/// `=`, `:`, `=>`, `:=`, `==`, `->`, `%3D`, `%3A` at `at`.
fn separator(scan: &Scan<'_>, at: usize) -> Option<Separator> {
    let plain = |syntax, from: usize| {
        let value = from + scan.run(from, |b| b == b' ' || b == b'\t');
        Some(Separator {
            syntax,
            value,
            encoded: false,
        })
    };
    match scan.get(at)? {
        b'=' => plain(
            Syntax::Assign,
            at + scan.run(at, |b| matches!(b, b'=' | b'>' | b'~')),
        ),
        b':' => match scan.get(at + 1) {
            Some(b':') => None,
            Some(b'/') if scan.get(at + 2) == Some(b'/') => None,
            Some(b'=') => plain(Syntax::Assign, at + 2),
            Some(b' ' | b'\t' | b'\n' | b'\r') | None => plain(Syntax::Colon, at + 1),
            Some(_) => plain(Syntax::Colon, at + 1),
        },
        b'-' if scan.get(at + 1) == Some(b'>') => plain(Syntax::Assign, at + 2),
        b'%' => {
            let separator = scan.str(at + 1..at + 3);
            let is_separator =
                separator.eq_ignore_ascii_case("3d") || separator.eq_ignore_ascii_case("3a");
            is_separator.then_some(Separator {
                syntax: Syntax::Assign,
                value: at + 3,
                encoded: true,
            })
        }
        b'\\' if scan.starts_with(at, "\\u003d") || scan.starts_with(at, "\\u003a") => {
            plain(Syntax::Assign, at + 6)
        }
        _ => None,
    }
}

/// The beginning of the value in `"name": "DB_PASSWORD", "value": "…"`, in `key="Password" value="…"`,
/// and in the same in YAML.
fn name_value(scan: &Scan<'_>, after: usize) -> Option<usize> {
    const LONGEST: usize = 24;
    let gap = scan.run(after, |b| const { ByteSet::of(b" ,\t\r\n") }.has(b));
    if gap == 0 || gap > 64 {
        return None;
    }
    let open = after + gap;
    let open = open
        + scan
            .run(open, |b| const { ByteSet::of(b"\"'\\") }.has(b))
            .min(8);
    let len = scan.run(open, |b| b.is_ascii_alphabetic() || b == b'_');
    if !(3..=LONGEST).contains(&len) {
        return None;
    }
    let word = scan.str(open..open + len);
    let is_value = word.eq_ignore_ascii_case("val")
        || word.len() >= 5 && word[word.len() - 5..].eq_ignore_ascii_case("value");
    if !is_value {
        return None;
    }
    let closers = quote::closers(scan, open + len).end;
    let at = closers + scan.run(closers, |b| b == b' ');
    separator(scan, at).map(|separator| separator.value)
}

/// `?key=…`, `&code=…`: in a query even such names may have a credential.
fn query_parameter(scan: &mut Scan<'_>, key: &Key) -> Option<usize> {
    let name = scan.str(key.range.clone());
    let is_query =
        matches!(key.before(scan), Some(b'?' | b'&')) && scan.get(key.end()) == Some(b'=');
    if !is_query || !(name.eq_ignore_ascii_case("key") || name.eq_ignore_ascii_case("code")) {
        return None;
    }
    let start = key.end() + 1;
    let len = bare_len(scan, start);
    value::looks_like_credential(scan.str(start..start + len), 16).then(|| {
        scan.mask(start..start + len, RuleName::Key);
        start + len
    })
}

/// `("key", "value")`, `["key", "value"]`, `["--key", "value"]`: a pair in a list.
fn tuple(scan: &mut Scan<'_>, key: &Key, secret: Secret, at: usize) -> Option<usize> {
    let value = at + scan.run(at, |b| b.is_ascii_whitespace());
    let quote_start = key.start().checked_sub(1)?;
    let quotes = scan.run_back(quote_start + 1, 8, |b| {
        const { ByteSet::of(b"\"'\\`") }.has(b)
    });
    let open = quote_start + 1 - quotes;
    let space = scan.run_back(open, 64, |b| b.is_ascii_whitespace());
    let before = (open - space).checked_sub(1).map(|at| scan.bytes[at]);
    match before {
        _ if key.dashes > 0 => mask_value(scan, key, secret, value, Syntax::Quoted, false),
        Some(b'(') => mask_value(scan, key, secret, value, Syntax::Quoted, false),
        Some(b'[') => {
            let quoted = quote::quoted(scan, value)?;
            let content = scan.str(quoted.content.clone());
            let end = quoted.end + scan.run(quoted.end, |b| b.is_ascii_whitespace());
            let is_pair =
                scan.get(end) == Some(b']') && content.bytes().any(|b| b.is_ascii_digit());
            if !is_pair {
                return None;
            }
            mask_value(scan, key, secret, value, Syntax::Quoted, false)
        }
        _ => None,
    }
}

/// `name="password"`, an empty line, the value.
fn form_data(scan: &mut Scan<'_>, key: &Key, secret: Secret, at: usize) -> Option<usize> {
    let lines = scan.run(at, |b| b == b'\r' || b == b'\n');
    let start = at + lines;
    let blank = scan.bytes[at..start]
        .iter()
        .filter(|b| **b == b'\n')
        .count()
        == 2;
    let end = start + scan.run(start, |b| b != b'\r' && b != b'\n');
    let value = scan.str(start..end);
    if !blank || !value::is_secret(secret, Syntax::Quoted, key.name(scan), value) {
        return None;
    }
    scan.mask(start..end, RuleName::Key);
    Some(end)
}

/// The beginning of the text in `<password>…</`, `<add key="password">…</`, `&lt;password&gt;…`.
fn element_text(scan: &Scan<'_>, key: &Key, at: usize) -> Option<usize> {
    const LONGEST_TAG: usize = 128;
    let start = key.start();
    let before = &scan.bytes[start.saturating_sub(4)..start];
    let opens = match before {
        [.., b'<'] | [b'&', b'l', b't', b';'] => true,
        [.., b':'] => {
            let name = scan.run_back(start - 1, 16, |b| b.is_ascii_alphanumeric());
            start >= name + 2 && scan.bytes[start - 2 - name] == b'<'
        }
        [.., b'"' | b'\''] => true,
        _ => false,
    };
    if !opens {
        return None;
    }
    if scan.get(at) == Some(b'>') && scan.get(at + 1) != Some(b'=') {
        return Some(at + 1);
    }
    if scan.starts_with(at, "&gt;") {
        return Some(at + 4);
    }
    // The element may have attributes.
    if !matches!(before, [.., b'<' | b':']) || at == key.end() {
        return None;
    }
    let tag = &scan.bytes[at..scan.bytes.len().min(at + LONGEST_TAG)];
    scan.step(tag.len());
    let end = tag.iter().position(|b| matches!(b, b'>' | b'<' | b'\n'))?;
    (tag[end] == b'>' && end > 0 && tag[end - 1] != b'/').then_some(at + end + 1)
}

fn mask_element(scan: &mut Scan<'_>, key: &Key, secret: Secret, start: usize) -> Option<usize> {
    let len = scan.run(start, |b| !matches!(b, b'<' | b'>'));
    let mut end = start + len;
    if let Some(entity) = memchr::memmem::find(&scan.bytes[start..end], b"&lt;") {
        end = start + entity;
    }
    let value = scan.str(start..end);
    // Without a closing tag it is not an element.
    let closes = scan.starts_with(end, "</") || scan.starts_with(end, "&lt;/");
    if !closes || !value::is_secret(secret, Syntax::Quoted, key.name(scan), value) {
        return None;
    }
    scan.mask(start..end, RuleName::Key);
    Some(end)
}
