//! Keys in text, and the values that belong to them.

use std::ops::Range;

use crate::key::{Kind, Secret, Strength};
use crate::redactor::RuleName;
use crate::scan::Scan;
use crate::value::{self, Syntax};
use crate::{MASK, command, prose, quote, url};

/// Of a longer key the end decides.
const MAX_KEY: usize = 64;

/// What stands between a key and its value.
struct Joint {
    syntax: Syntax,
    value: usize,
    /// The text is percent-encoded: so are the ends of the value.
    encoded: bool,
}

/// Masks the value of the key that has an anchor at `anchor`; where to look on.
pub(crate) fn key(scan: &mut Scan<'_>, anchor: usize, anchor_end: usize) -> Option<usize> {
    if anchor < scan.keys_done {
        return None;
    }
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
    if let Some(joint) = joint(scan, at) {
        // `arn:…:secret:name`
        let in_colons = key.before(scan) == Some(b':') && joint.syntax == Syntax::Colon;
        if in_colons || (key.is_path_segment(scan) && joint.syntax != Syntax::Assign) {
            return None;
        }
        let quoted_key = after.end > end;
        let syntax = if quoted_key && joint.syntax == Syntax::Colon {
            Syntax::Quoted
        } else {
            joint.syntax
        };
        return mask_value(scan, &key, secret, joint.value, syntax, joint.encoded);
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

/// Where the mask ends if it is the whole value of the key that ends at `end`. In the second pass
/// over a text this is most keys.
fn masked_value(scan: &Scan<'_>, end: usize) -> Option<usize> {
    const LONGEST_JOINT: usize = 6;
    let rest = &scan.bytes[end..];
    let joint = rest
        .iter()
        .take(LONGEST_JOINT)
        .position(|b| !b"\"'=: ".contains(b))?;
    let after = rest[joint..].strip_prefix(MASK.as_bytes())?;
    let ends = after
        .first()
        .is_none_or(|b| b.is_ascii_whitespace() || matches!(b, b'"' | b'\'' | b'&'));
    (joint > 0 && ends).then_some(end + joint + MASK.len())
}

/// A key in text.
pub(crate) struct Key {
    /// Where it is, without dashes and escapes before it.
    range: Range<usize>,
    /// With the word before it that makes it one: `API key`.
    name: Range<usize>,
    /// How many dashes stand before it.
    pub(crate) dashes: usize,
}

impl Key {
    fn around(scan: &Scan<'_>, anchor: usize, anchor_end: usize) -> Key {
        let bytes = scan.bytes;
        let mut start = anchor - scan.run_back(anchor, MAX_KEY, is_key_byte);
        let within = scan.run(anchor, is_key_byte);
        // Anchors such as `密码` are longer than what is a key in ASCII.
        let mut end = anchor + within.max(usize::from(anchor_end > anchor));
        // `\n`, `\u0022`, `%22` before a key are no part of it.
        let previous = start.checked_sub(1).map(|at| bytes[at]);
        let head = &bytes[start..end];
        let hex = |from: usize, to: usize| {
            head.get(from..to)
                .is_some_and(|hex| hex.iter().all(u8::is_ascii_hexdigit))
        };
        start += match (previous, head) {
            (Some(b'%'), _) if hex(0, 2) => 2,
            (Some(b'\\'), [b'u', ..]) if hex(1, 5) => 5,
            (Some(b'\\'), [b'x', ..]) if hex(1, 3) => 3,
            (Some(b'\\'), [b'n' | b'r' | b't', ..]) => 1,
            _ => 0,
        };
        let dashes = bytes[start..end].iter().take_while(|b| **b == b'-').count();
        start += dashes;
        while start < end && matches!(bytes[start], b'.' | b'-') {
            start += 1;
        }
        while start < end && matches!(bytes[end - 1], b'.' | b'-') {
            end -= 1;
        }
        if end - start > MAX_KEY {
            start = end - MAX_KEY;
        }
        while !scan.text.is_char_boundary(start) {
            start += 1;
        }
        let end = end.max(start);
        let mut name = start..end;
        let alone = scan.str(start..end);
        let needs_more = ["key", "keys", "code", "codes", "phrase", "words", "answer"];
        if needs_more
            .iter()
            .any(|word| alone.eq_ignore_ascii_case(word))
            && start > 0
            && bytes[start - 1] == b' '
        {
            name.start =
                start - 1 - scan.run_back(start - 1, MAX_KEY, |b| is_key_byte(b) && b < 0x80);
        }
        Key {
            range: start..end,
            name,
            dashes,
        }
    }

    pub(crate) fn name<'a>(&self, scan: &Scan<'a>) -> &'a str {
        scan.str(self.name.clone())
    }

    pub(crate) fn end(&self) -> usize {
        self.range.end
    }

    pub(crate) fn start(&self) -> usize {
        self.range.start - self.dashes
    }

    fn before(&self, scan: &Scan<'_>) -> Option<u8> {
        self.start().checked_sub(1).map(|at| scan.bytes[at])
    }

    /// A file: `session.rs:12`.
    fn is_place(&self, scan: &Scan<'_>) -> bool {
        value::is_place(scan.str(self.range.clone())) && scan.get(self.range.end) != Some(b'=')
    }

    /// A part of a path of directories or modules: `/api/token`, `axum::auth: …`.
    fn is_path_segment(&self, scan: &Scan<'_>) -> bool {
        let start = self.start();
        let before = &scan.bytes[start.saturating_sub(2)..start];
        match before {
            [b':', b':'] => true,
            [b'<', b'/'] => false,
            [.., b'/'] => true,
            // Not the backslash of an escape.
            [.., b'\\'] => {
                self.range.start == start
                    && start >= 2
                    && scan.bytes[start - 2].is_ascii_alphanumeric()
            }
            _ => false,
        }
    }

    /// `Password(…)`, `ApiKey(…)`.
    fn is_constructor(&self, scan: &Scan<'_>) -> bool {
        let name = scan.str(self.range.clone());
        let first = name.bytes().next().is_some_and(|b| b.is_ascii_uppercase());
        let is_function = name.bytes().all(|b| b.is_ascii_uppercase());
        let ident = name.bytes().all(|b| b.is_ascii_alphanumeric());
        (first && ident) || is_function
    }
}

pub(crate) fn is_key_byte(b: u8) -> bool {
    b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.') || !b.is_ascii()
}

/// `=`, `:`, `=>`, `:=`, `==`, `->`, `%3D`, `%3A` at `at`.
fn joint(scan: &Scan<'_>, at: usize) -> Option<Joint> {
    let plain = |syntax, from: usize| {
        let value = from + scan.run(from, |b| b == b' ' || b == b'\t');
        Some(Joint {
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
            let joint = scan.str(at + 1..at + 3);
            let is_joint = joint.eq_ignore_ascii_case("3d") || joint.eq_ignore_ascii_case("3a");
            is_joint.then_some(Joint {
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

/// `"name": "DB_PASSWORD", "value": "…"`, `key="Password" value="…"`, and the same in YAML: where
/// the value begins.
fn name_value(scan: &Scan<'_>, after: usize) -> Option<usize> {
    const LONGEST: usize = 24;
    let gap = scan.run(after, |b| b" ,\t\r\n".contains(&b));
    if gap == 0 || gap > 64 {
        return None;
    }
    let open = after + gap;
    let open = open + scan.run(open, |b| b"\"'\\".contains(&b)).min(8);
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
    joint(scan, at).map(|joint| joint.value)
}

/// `?key=…`, `&code=…`: in a query even such names may hold a credential.
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
    let quotes = scan.run_back(quote_start + 1, 8, |b| b"\"'\\`".contains(&b));
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

/// `<password>…</`, `<add key="password">…</`, `&lt;password&gt;…`: where the text begins.
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
    // An element with attributes.
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
    // Without a closing tag it is no element.
    let closes = scan.starts_with(end, "</") || scan.starts_with(end, "&lt;/");
    if !closes || !value::is_secret(secret, Syntax::Quoted, key.name(scan), value) {
        return None;
    }
    scan.mask(start..end, RuleName::Key);
    Some(end)
}

/// Masks the value that begins at `start` if it is secret; where to look on.
pub(crate) fn mask_value(
    scan: &mut Scan<'_>,
    key: &Key,
    secret: Secret,
    start: usize,
    syntax: Syntax,
    encoded: bool,
) -> Option<usize> {
    let start = match scan.get(start) {
        Some(b'\n' | b'\r' | b'|' | b'>') => block_value(scan, secret, start)?,
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
        let literal_end = start + bare_len(scan, start);
        if open != b'[' && value::is_placeholder(scan.str(start..literal_end)) {
            return None;
        }
        return mask_group(scan, secret, start, open);
    }
    mask_bare(scan, key, secret, start, syntax)
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
    // A quote that is closed only on another line may not have been closed at all, and what was
    // masked may hold the key of a secret behind it.
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
            b => b.is_ascii_whitespace() || b"&\"'<>;,".contains(&b),
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

/// `Authorization: …` and `Cookie: …` to the end of the line or of the quotes around it.
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
        // `"Cookie: a=b"`: the line ends where the quotes do.
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

/// Whether the value of `Authorization` is one, and no message about it.
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

/// `|` or `>` and an indented line, or an indented line or list item: a value of YAML.
fn block_value(scan: &Scan<'_>, secret: Secret, at: usize) -> Option<usize> {
    let marker = scan.run(at, |b| b"|>+-0123456789 ".contains(&b)).min(6);
    let newline = at + marker;
    let lines = scan.run(newline, |b| b == b'\r' || b == b'\n');
    let indented = newline + lines;
    let indent = scan.run(indented, |b| b == b' ' || b == b'\t');
    let start = indented + indent;
    let item = scan.run(start, |b| b == b'-' || b == b' ');
    let start = start + if item == 2 { 2 } else { 0 };
    if lines == 0 || lines > 2 || indent == 0 || secret.strength == Strength::Weak {
        return None;
    }
    // A nested mapping is no value: `password:\n  min_length: 8`.
    let len = scan.run(start, is_key_byte);
    let next = scan.get(start + len);
    let nested = matches!(next, Some(b':' | b'='))
        && matches!(scan.get(start + len + 1), Some(b' ' | b'\n' | b'"'));
    let source = matches!(scan.get(start), Some(b'|' | b'=' | b'/' | b'^'));
    (!nested && !source).then_some(start)
}

/// What stands before a value and says nothing: `Some(`, `Token(`, `ApiKey { inner:`, `b`,
/// `!!str `.
fn skip_wrappers(scan: &Scan<'_>, start: usize) -> usize {
    const DEEPEST: usize = 4;
    let mut at = start;
    for _ in 0..DEEPEST {
        if matches!(scan.get(at), Some(b'!' | b'&')) {
            let tag = scan.run(at, |b| b.is_ascii_alphanumeric() || b"!&_-".contains(&b));
            if scan.get(at + tag) == Some(b' ') && tag > 1 {
                at += tag + 1;
                continue;
            }
            break;
        }
        let name = scan
            .run(at, |b| b.is_ascii_alphanumeric() || b == b'_' || b == b':')
            .min(64);
        let last = scan
            .str(at..at + name)
            .rsplit("::")
            .next()
            .unwrap_or_default();
        if !last.bytes().next().is_some_and(|b| b.is_ascii_uppercase()) {
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
    let prefix = scan.run(at, |b| b"brufBRUF".contains(&b));
    if prefix <= 2 && matches!(scan.get(at + prefix), Some(b'"' | b'\'')) {
        at += prefix;
    }
    at
}

/// What is within brackets: lists of values or of bytes.
fn mask_group(scan: &mut Scan<'_>, secret: Secret, open: usize, bracket: u8) -> Option<usize> {
    if secret.strength == Strength::Weak || open < scan.groups_done {
        return None;
    }
    let close = quote::group_end(scan, open);
    let content = open + 1..close;
    let text = scan.str(content.clone());
    if bracket == b'{' {
        // An object has keys of its own; strings under other keys are masked if they look secret.
        scan.groups_done = close;
        mask_members(scan, content);
        return None;
    }
    let whole = scan.str(open..scan.bytes.len().min(close + 1));
    if value::is_placeholder(text.trim()) || value::is_placeholder(whole) || text.trim().is_empty()
    {
        return None;
    }
    let first = text.trim_start().trim_start_matches(['"', '\'', '\\', 'b']);
    let is_secret = if is_bytes(text) {
        secret.strength == Strength::Strong
    } else if secret.strength == Strength::Strong {
        !crate::words::is_prose(first) && !crate::words::is_type(first)
    } else {
        let mut items = text.split([',', '\n', ' ']);
        items.any(|item| value::looks_like_password(item.trim_matches(['"', '\'', '\\', '(', ')'])))
    };
    if !is_secret {
        return None;
    }
    let start = content.start + (text.len() - text.trim_start().len());
    let end = content.end - (text.len() - text.trim_end().len()).min(content.len());
    scan.mask(start..end.max(start), RuleName::Key);
    Some(close)
}

/// A list of numbers that are bytes: `[104, 117, 110]`, `[68, 6e]`, `[0x68, 0x75]`.
fn is_bytes(text: &str) -> bool {
    let mut count = 0;
    for item in text
        .split([',', '\n', ' '])
        .filter(|item| !item.is_empty())
        .take(64)
    {
        let hex = item.strip_prefix("0x").unwrap_or(item);
        let is_byte = item.parse::<u8>().is_ok()
            || (hex.len() == 2 && hex.bytes().all(|b| b.is_ascii_hexdigit()));
        if !is_byte {
            return false;
        }
        count += 1;
    }
    count >= 4
}

fn mask_members(scan: &mut Scan<'_>, content: Range<usize>) {
    let mut at = content.start;
    let mut after_joint = false;
    while at < content.end {
        scan.step(1);
        match scan.bytes[at] {
            b':' | b'=' | b'>' => after_joint = true,
            b' ' | b'\n' | b'\t' => {}
            b'"' | b'\'' => {
                let Some(quoted) = quote::quoted(scan, at) else {
                    break;
                };
                let text = scan.str(quoted.content.clone());
                if after_joint && text.len() >= 16 && value::looks_like_credential(text, 16) {
                    scan.mask(quoted.content.clone(), RuleName::Key);
                }
                at = quoted.end.max(at + 1);
                after_joint = false;
                continue;
            }
            _ => after_joint = false,
        }
        at += 1;
    }
}

/// A value without quotes.
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
    if secret.strength == Strength::Strong && name.to_ascii_lowercase().ends_with("passphrase") {
        let words = prose::words_end(scan, start);
        if words > end {
            scan.mask(start..words, RuleName::Key);
            return Some(words);
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
    // A message rather than a value.
    let sentence = syntax != Syntax::Quoted
        && (syntax == Syntax::Colon
            || scan.get(end) == Some(b' ') && secret.strength == Strength::Medium)
        && crate::words::is_prose(rest)
        && word
            .bytes()
            .all(|b| b.is_ascii_alphabetic() || b"'.,:;!-".contains(&b));
    // Source code: `password = request.form[…]`, `secret: Option<String>`.
    if sentence || is_source(scan, start, end) || !value::is_secret(secret, syntax, name, word) {
        return None;
    }
    if syntax == Syntax::Colon || secret.kind == Kind::Code {
        end = more_values(scan, secret, end);
    }
    scan.mask(start..end, RuleName::Key);
    Some(end)
}

/// `<redacted>`, `<your api key>`
fn is_angle_placeholder(scan: &Scan<'_>, start: usize) -> bool {
    let len = scan.run(start + 1, |b| {
        b.is_ascii_alphabetic() || b" _-".contains(&b)
    });
    len <= 48 && scan.get(start + 1 + len) == Some(b'>')
}

/// `admin / hunter2`, `8f3k-29dk, x8s2-11aa`: values that belong together.
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

/// Whether what looks like a value is an expression of a programming language.
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

/// How long the value without quotes is that begins at `start`. It ends at a space, an ampersand,
/// or at a quote or punctuation that ends something.
pub(crate) fn bare_len(scan: &Scan<'_>, start: usize) -> usize {
    let bytes = scan.bytes;
    let ends = |b: Option<&u8>| match b {
        None => true,
        Some(b) => b.is_ascii_whitespace() || b"\"'`,;)]}>\\".contains(b),
    };
    let mut at = start;
    while let Some(b) = bytes.get(at) {
        let stop = match b {
            b' ' | b'\t' | b'\n' | b'\r' | b'&' => true,
            // An escaped newline or quote ends it like a plain one.
            b'\\' => matches!(bytes.get(at + 1), Some(b'n' | b'r' | b't' | b'"' | b'\\')),
            b'"' | b'\'' | b'`' | b',' | b')' | b']' | b'}' | b'>' => {
                ends(bytes.get(at + 1)) || (*b == b',' && begins_pair(bytes, at + 1))
            }
            b'<' => bytes.get(at + 1) == Some(&b'/'),
            b';' => ends(bytes.get(at + 1)) || begins_pair(bytes, at + 1),
            _ => false,
        };
        if stop {
            break;
        }
        at += 1;
    }
    scan.step(at - start);
    at - start
}

/// `Encrypt=`, `User Id=`: the next key of a connection string.
fn begins_pair(bytes: &[u8], from: usize) -> bool {
    const LONGEST: usize = 24;
    let rest = &bytes[from..bytes.len().min(from + LONGEST)];
    let len = rest
        .iter()
        .take_while(|b| b.is_ascii_alphanumeric() || b"_ -.".contains(b))
        .count();
    len > 0 && rest.get(len) == Some(&b'=')
}
