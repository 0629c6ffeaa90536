//! Secrets in sentences: `the password is …`, `Bearer …`, `IDENTIFIED BY '…'`.

use memchr::memmem;

use crate::byte_set::ByteSet;
use crate::found_key::Key;
use crate::key::{Kind, Secret, Strength};
use crate::masking::bare_len;
use crate::quote;
use crate::rule::RuleName;
use crate::scan::Scan;
use crate::value::{self, Syntax};
use crate::words;

/// Whether a word is an authentication scheme, which comes before a credential.
pub(crate) fn is_scheme(word: &str) -> bool {
    const SCHEMES: [&str; 13] = [
        "bearer",
        "basic",
        "token",
        "apikey",
        "api-key",
        "digest",
        "negotiate",
        "ntlm",
        "aws4-hmac-sha256",
        "sharedaccesssignature",
        "googlelogin",
        "hmac",
        "jwt",
    ];
    SCHEMES
        .iter()
        .any(|scheme| word.eq_ignore_ascii_case(scheme))
}

/// `Bearer …`, `Basic …` without `Authorization` before it.
pub(crate) fn scheme(scan: &mut Scan<'_>, start: usize, end: usize) -> Option<usize> {
    if scan.is_word_before(start) {
        return None;
    }
    let spaces = scan.run(end, |b| b == b' ' || b == b'\t');
    let token = end + spaces;
    let len = scan.run(token, |b| {
        b.is_ascii_alphanumeric() || const { ByteSet::of(b"-._~+/=:%") }.has(b)
    });
    let credential = scan.str(token..token + len);
    let is_pair =
        scan.get(token + len) == Some(b'"') || credential.trim_end_matches('=').contains('=');
    if spaces == 0 || len == 0 || is_pair || value::is_placeholder(credential) {
        return None;
    }
    let is_bearer = end - start == 6;
    let is_secret = if is_bearer {
        // It must not be the next word of a sentence: "the bearer of", "a bearer token".
        credential.bytes().any(|b| b.is_ascii_digit()) || len >= 16
    } else {
        // It must look like base64 of a name and a password, and not like a word or number.
        let telling = |b: u8| {
            b.is_ascii_digit() || b.is_ascii_uppercase() || const { ByteSet::of(b"+/=") }.has(b)
        };
        len >= 6
            && credential.bytes().skip(1).any(telling)
            && credential.bytes().any(|b| b.is_ascii_alphabetic())
            && !credential.contains([':', '.'])
    };
    let trimmed = credential.trim_end_matches(['.', ':']);
    is_secret.then(|| {
        scan.mask(token..token + trimmed.len(), RuleName::Authorization);
        token + trimmed.len()
    })
}

/// A value after a key and words: `password is …`, `password for ana set to …`. `at` is the beginning
/// of the first word.
pub(crate) fn after_key(
    scan: &mut Scan<'_>,
    key: &Key,
    secret: Secret,
    at: usize,
) -> Option<usize> {
    const MOST_WORDS: usize = 8;
    if secret.kind == Kind::Phrase {
        return None;
    }
    let name = key.name(scan);
    if let Some(end) = announced(scan, key, secret, at) {
        return Some(end);
    }
    let mut at = at;
    let mut free = 0u32;
    let mut found = None;
    // `machine x login ana password …`
    let is_netrc = || {
        let before = &scan.bytes[key.start().saturating_sub(80)..key.start()];
        memmem::find(before, b"login ").is_some()
    };
    for _ in 0..MOST_WORDS {
        if let Some(quoted) = quote::quoted(scan, at) {
            let content = scan.str(quoted.content.clone());
            let one_line = !content.contains('\n') && quoted.end > quoted.content.end;
            if one_line
                && value::is_secret(secret, Syntax::ProseQuoted, name, content)
                && !is_name(content)
                && !is_command(content)
                && !is_missed(scan, quoted.end)
            {
                scan.mask(quoted.content.clone(), RuleName::Prose);
                return Some(quoted.end);
            }
            break;
        }
        if is_passphrase(name) && free == 0 {
            let end = words_end(scan, at);
            if scan.bytes[at..end].iter().filter(|b| **b == b' ').count() >= 3 {
                scan.mask(at..end, RuleName::Prose);
                return Some(end);
            }
        }
        let len = bare_len(scan, at).min(256);
        let whole = scan.str(at..at + len);
        let word = whole.trim_end_matches([',', ';', '.', ')', '?', '!']);
        let word = word.trim_start_matches(['(', '=']);
        if word.is_empty() || word.trim_end_matches('=').contains('=') {
            break;
        }
        let is_sql_type = word
            .split_once('(')
            .is_some_and(|(name, _)| name.bytes().all(|b| b.is_ascii_uppercase()));
        if is_sql_type {
            break;
        }
        let start = at + (whole.len() - whole.trim_start_matches(['(', '=']).len());
        if let Some(label) = word.strip_suffix(':') {
            // `password for ana: …`
            let is_name = label
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || const { ByteSet::of(b"_@.-+*") }.has(b));
            if !is_name && !value::is_path(label) {
                break;
            }
            let mut next = at + len + scan.run(at + len, |b| b == b' ');
            if scan.starts_with(next, "got ") {
                next += 4;
            }
            let end = next + bare_len(scan, next);
            let value = scan.str(next..end);
            let is_code = secret.kind == Kind::Code && value.bytes().all(|b| b.is_ascii_digit());
            let is_secret = !value.trim_end_matches('=').contains('=')
                && (is_code || value::looks_like_password(value) || value::looks_like_key(value))
                && value::is_secret(secret, Syntax::Prose, name, value);
            if is_secret {
                scan.mask(next..end, RuleName::Prose);
                return Some(end);
            }
            break;
        }
        let lower = word.bytes().all(|b| b.is_ascii_lowercase() || b == b'\'');
        if lower || word.bytes().all(|b| b.is_ascii_alphabetic()) && free > 0 {
            let connects = connects(word);
            if !connects && free == 0 {
                // The search ends at a word that does not connect, except in the netrc format, where
                // the password follows directly.
                if word.len() >= 6 && is_netrc() {
                    found = Some(start..start + word.len());
                }
                break;
            }
            free = match word {
                "for" | "of" | "user" | "by" => 2,
                _ => free.saturating_sub(1),
            };
        } else if value::is_secret(secret, Syntax::Prose, name, word)
            && is_telling(secret, name, word)
        {
            found = Some(start..start + word.len());
            // `changed from … to …`
            let rest = start + word.len();
            if scan.starts_with(rest, " to ") {
                let next = rest + 4;
                let len = bare_len(scan, next);
                let other = scan.str(next..next + len);
                if value::looks_like_password(other) {
                    scan.mask(start..rest, RuleName::Prose);
                    found = Some(next..next + len);
                }
            }
            break;
        } else if free == 0 {
            break;
        } else {
            free -= 1;
        }
        at += len;
        let gap = scan.run(at, |b| b == b' ');
        if gap == 0 || gap > 2 {
            break;
        }
        at += gap;
    }
    let range = found?;
    let end = if is_passphrase(name) {
        range.end.max(words_end(scan, range.start))
    } else {
        range.end
    };
    scan.mask(range.start..end, RuleName::Prose);
    Some(end)
}

/// `A temporary password is generated for root@localhost: …`: in a sentence that announces a password,
/// the last word of the line, or the only word of the next line.
fn announced(scan: &mut Scan<'_>, key: &Key, secret: Secret, at: usize) -> Option<usize> {
    const LONGEST: usize = 120;
    const ANNOUNCES: [&str; 6] = [
        "generated",
        "temporary",
        "following",
        "initial",
        "reset with",
        "default",
    ];
    if secret.strength != Strength::Strong {
        return None;
    }
    let bytes = scan.bytes;
    let sentence = &bytes[at..bytes.len().min(at + LONGEST)];
    scan.step(sentence.len());
    let line = memchr::memchr(b'\n', sentence).unwrap_or(sentence.len());
    let mut colons = memchr::memrchr_iter(b':', &sentence[..line]);
    let colon = colons.find(|colon| sentence.get(colon + 1) == Some(&b' ') && colon + 1 < line);
    let value = match colon {
        Some(colon) => at + colon + 2,
        // The password is on the next line.
        None if line > 0 && sentence[line - 1] == b':' => {
            at + line + 1 + scan.run(at + line + 1, |b| b == b' ' || b == b'\t')
        }
        None => return None,
    };
    let end = value + scan.run(value, |b| !b.is_ascii_whitespace());
    let ends_line = matches!(scan.get(end), None | Some(b'\n' | b'\r'));
    let is_secret =
        (8..=128).contains(&(end - value)) && value::looks_like_password(scan.str(value..end));
    if !ends_line || !is_secret {
        return None;
    }
    let from = key.start().saturating_sub(48);
    let around = scan.str(from..value).to_ascii_lowercase();
    if !ANNOUNCES.iter().any(|word| around.contains(word)) {
        return None;
    }
    scan.mask(value..end, RuleName::Prose);
    Some(end)
}

/// Whether several words may follow the key.
pub(crate) fn is_passphrase(key: &str) -> bool {
    const PASSPHRASE: &[u8] = b"passphrase";
    let bytes = key.as_bytes();
    let tail = &bytes[bytes.len().saturating_sub(PASSPHRASE.len())..];
    tail.eq_ignore_ascii_case(PASSPHRASE)
}

/// Whether the word may be between a key and its value.
fn connects(word: &str) -> bool {
    matches!(
        word,
        "is" | "was"
            | "are"
            | "to"
            | "as"
            | "be"
            | "now"
            | "set"
            | "changed"
            | "reset"
            | "from"
            | "for"
            | "of"
            | "user"
            | "the"
            | "value"
            | "has"
            | "been"
            | "provided"
            | "called"
            | "with"
            | "using"
            | "rotated"
            | "sent"
            | "you"
            | "gave"
            | "by"
            | "code"
            | "key"
            | "phrase"
    )
}

/// Whether the content is the name of a key: `password "db_password"`, `key 'user.name'`.
fn is_name(content: &str) -> bool {
    content
        .bytes()
        .all(|b| b.is_ascii_alphabetic() || matches!(b, b'_' | b'.' | b'-' | b'<' | b'>'))
        && content.contains(['_', '.', '<'])
}

/// Whether the content is a command: `bin/reset-password -u elastic`.
fn is_command(content: &str) -> bool {
    content.contains(" -")
        && content
            .split(' ')
            .next()
            .is_some_and(|word| word.contains('/'))
}

/// Whether the quoted text was a name, by the words after it: `secret "app-token" not found`.
fn is_missed(scan: &Scan<'_>, at: usize) -> bool {
    [
        " not found",
        " does not exist",
        " is missing",
        " already exists",
        " updated",
        " created",
        " deleted",
    ]
    .iter()
    .any(|text| scan.starts_with(at, text))
}

/// Whether a value in a sentence is specific enough. A code needs a name that tells its purpose.
fn is_telling(secret: Secret, name: &str, word: &str) -> bool {
    match secret.kind {
        Kind::Code => {
            let digits = word.bytes().filter(u8::is_ascii_digit).count();
            let short = name.len() <= 4;
            // "pin 13", "PIN 4711", "OTP 493021"
            digits >= 4 && (!short || name.bytes().all(|b| b.is_ascii_uppercase()))
        }
        _ if name.ends_with("key") || name.ends_with("KEY") => word.len() >= 12,
        _ => secret.strength != Strength::Weak || word.len() >= 24,
    }
}

/// The minimum number of words of a seed phrase.
const PHRASE: usize = 12;

/// The phrase after `mnemonic:` and similar keys, with or without quotes.
pub(crate) fn phrase(scan: &mut Scan<'_>, start: usize) -> Option<usize> {
    let end = words_end(scan, start);
    if end > start && scan.bytes[start..end].split(|b| *b == b' ').count() >= PHRASE {
        scan.mask(start..end, RuleName::Key);
        return Some(end);
    }
    let len = bare_len(scan, start);
    let word = scan.str(start..start + len);
    (len >= 16 && value::looks_like_credential(word, 16)).then(|| {
        scan.mask(start..start + len, RuleName::Key);
        start + len
    })
}

/// A seed phrase of at least twelve words anywhere after `wallet`.
pub(crate) fn wallet(scan: &mut Scan<'_>, end: usize) -> Option<usize> {
    const BETWEEN: usize = 40;
    let mut at = end;
    for _ in 0..4 {
        let gap = scan.run(at, |b| const { ByteSet::of(b" :=\"'") }.has(b));
        if gap == 0 {
            return None;
        }
        at += gap;
        let words = words_end(scan, at);
        let count = scan.bytes[at..words].split(|b| *b == b' ').count();
        let text = scan.str(at..words);
        let has_function_words = text.split(' ').any(|word| {
            word.len() < 3
                || matches!(
                    word,
                    "and" | "the" | "for" | "with" | "was" | "from" | "not"
                )
        });
        if (PHRASE..=24).contains(&count) && !has_function_words {
            scan.mask(at..words, RuleName::Key);
            return Some(words);
        }
        at += scan.run(at, |b| b.is_ascii_alphabetic());
        if at > end + BETWEEN {
            return None;
        }
    }
    None
}

/// The end of the words in lower case at `start`, which are separated by single spaces. Returns `start`
/// if there are fewer than three words, or if they are a sentence.
pub(crate) fn words_end(scan: &Scan<'_>, start: usize) -> usize {
    const MOST: usize = 24;
    let mut end = start;
    let mut count = 0;
    while count < MOST {
        let from = if count == 0 { start } else { end + 1 };
        let len = scan.run(from, |b| b.is_ascii_lowercase());
        if len == 0 || len > 10 {
            break;
        }
        end = from + len;
        count += 1;
        if scan.get(end) != Some(b' ') {
            break;
        }
    }
    if count >= 3 && !words::has_function_words(scan.str(start..end)) {
        end
    } else {
        start
    }
}
