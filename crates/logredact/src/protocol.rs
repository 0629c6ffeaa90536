//! Secrets in the commands of protocols, databases and QR codes: `AUTH PLAIN …`, `LOGIN ana …`,
//! `IDENTIFIED BY '…'`, `WIFI:…`.

use memchr::memmem;

use crate::byte_set::ByteSet;
use crate::masking::bare_len;
use crate::rule::RuleName;
use crate::scan::Scan;
use crate::{quote, value};

/// `IDENTIFIED BY '…'`
pub(crate) fn identified_by(scan: &mut Scan<'_>, end: usize) -> Option<usize> {
    let start = end + scan.run(end, |b| b == b' ');
    let quoted = quote::quoted(scan, start);
    let range = match &quoted {
        Some(quoted) => quoted.content.clone(),
        None => start..start + bare_len(scan, start),
    };
    let value = scan.str(range.clone());
    let is_secret = !value::is_placeholder(value)
        && (quoted.is_some() || value::looks_like_password(value))
        && start > end;
    is_secret.then(|| {
        scan.mask(range.clone(), RuleName::Key);
        range.end
    })
}

/// `AUTH x`, `AUTH user x`, `AUTH PLAIN x`, in upper case as protocols write it.
pub(crate) fn auth_command(scan: &mut Scan<'_>, start: usize, end: usize) -> Option<usize> {
    const MECHANISMS: [&str; 4] = ["PLAIN", "LOGIN", "XOAUTH2", "CRAM-MD5"];
    if scan.is_word_before(start) || !scan.bytes[start..].starts_with(b"AUTH ") {
        return None;
    }
    let len = bare_len(scan, end);
    let first = scan.str(end..end + len);
    let is_mechanism = MECHANISMS.contains(&first);
    let next = end + len + 1;
    let next_len = if scan.get(end + len) == Some(b' ') {
        bare_len(scan, next)
    } else {
        0
    };
    let second = scan.str(next..next + next_len);
    let range = if is_mechanism && value::looks_like_credential(second, 8)
        || !is_mechanism && value::looks_like_password(second)
    {
        next..next + next_len
    } else if !is_mechanism && value::looks_like_password(first) {
        end..end + len
    } else {
        return None;
    };
    scan.mask(range.clone(), RuleName::Prose);
    Some(range.end)
}

/// The last of one or two quoted arguments. `at` is after the opening quote of the first.
pub(crate) fn auth_arguments(scan: &mut Scan<'_>, at: usize) -> Option<usize> {
    let first = quote::quoted(scan, at - 1)?;
    let second = match scan.get(first.end) {
        Some(b' ') => quote::quoted(scan, first.end + 1),
        _ => None,
    };
    let last = second.unwrap_or(first);
    scan.mask(last.content.clone(), RuleName::Prose);
    Some(last.end)
}

/// The password in `WIFI:T:WPA;S:net;P:password;;`. `at` is after the first colon.
pub(crate) fn wifi(scan: &mut Scan<'_>, at: usize) -> Option<usize> {
    const LONGEST: usize = 256;
    let rest = &scan.bytes[at..scan.bytes.len().min(at + LONGEST)];
    scan.step(rest.len());
    let start = if rest.starts_with(b"P:") {
        at + 2
    } else {
        at + memmem::find(rest, b";P:")? + 3
    };
    let len = scan.run(start, |b| b != b';' && b != b'\n');
    (scan.get(start + len) == Some(b';')).then(|| {
        scan.mask(start..start + len, RuleName::Prose);
        start + len
    })
}

/// `login with ana:…`, `connecting as ana:…@db`, `LOGIN ana "…"` of IMAP.
pub(crate) fn login(scan: &mut Scan<'_>, start: usize, at: usize) -> Option<usize> {
    let is_command = scan.bytes[start..].starts_with(b"LOGIN ");
    if is_command && let Some(end) = imap_login(scan, at) {
        return Some(end);
    }
    let with = if scan.starts_with(at, "with ") { 5 } else { 0 };
    let at = at + with;
    let name = scan.run(at, |b| {
        b.is_ascii_alphanumeric() || const { ByteSet::of(b"_-.") }.has(b)
    });
    if name == 0 || name > 64 || scan.get(at + name) != Some(b':') {
        return None;
    }
    let start = at + name + 1;
    let len = bare_len(scan, start);
    let value = scan.str(start..start + len);
    let value = value
        .rsplit_once('@')
        .map_or(value, |(password, _)| password);
    let name = scan.str(at..at + name);
    let is_secret = name.bytes().any(|b| b.is_ascii_alphabetic())
        && value::looks_like_password(value)
        && !value::is_place(name);
    is_secret.then(|| {
        scan.mask(start..start + value.len(), RuleName::Url);
        start + value.len()
    })
}

fn imap_login(scan: &mut Scan<'_>, at: usize) -> Option<usize> {
    let name = match quote::quoted(scan, at) {
        Some(quoted) => quoted.end,
        None => at + bare_len(scan, at),
    };
    if scan.get(name) != Some(b' ') {
        return None;
    }
    let range = match quote::quoted(scan, name + 1) {
        Some(quoted) => quoted.content,
        None => {
            let word = name + 1..name + 1 + bare_len(scan, name + 1);
            value::looks_like_password(scan.str(word.clone())).then_some(word)?
        }
    };
    scan.mask(range.clone(), RuleName::Prose);
    Some(range.end)
}

/// The word after `community`, if it looks like a password.
pub(crate) fn word(scan: &mut Scan<'_>, at: usize) -> Option<usize> {
    let len = bare_len(scan, at);
    value::looks_like_password(scan.str(at..at + len)).then(|| {
        scan.mask(at..at + len, RuleName::Prose);
        at + len
    })
}
