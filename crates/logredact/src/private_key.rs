//! Private keys: PEM, OpenSSH, PGP, PuTTY, DER in base64, JSON Web Keys.

use memchr::memmem;

use crate::byte_set::ByteSet;
use crate::rule::RuleName;
use crate::scan::Scan;

/// The longest label is `ENCRYPTED PRIVATE KEY`, of which a few characters may be encoded.
const MAX_LABEL: usize = 64;

/// A kind of key that spans several lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Block {
    /// Ends with `-----END …-----`.
    Armour,
    /// Ends with `Private-MAC:`.
    Putty,
}

impl Block {
    pub(crate) fn end(self) -> &'static [u8] {
        match self {
            Block::Armour => b"-- END ",
            Block::Putty => b"Private-MAC",
        }
    }
}

/// A block that begins with `-----BEGIN` at `at`.
pub(crate) fn armour(scan: &mut Scan<'_>, at: usize) -> Option<usize> {
    let label = label(scan, at)?;
    // If the end was cut off, the whole rest belongs to the key.
    let end = armour_end(scan.bytes, label).unwrap_or(scan.bytes.len());
    scan.step(end - at);
    let start = at - scan.run_back(at, 8, |b| b == b'-');
    scan.mask(start..end, RuleName::PrivateKey);
    Some(end)
}

/// The end of the label of a private key's armour.
fn label(scan: &Scan<'_>, at: usize) -> Option<usize> {
    let begin = at + scan.run(at, |b| b == b'-' || b == b' ');
    let label = &scan.bytes[begin..scan.bytes.len().min(begin + MAX_LABEL)];
    scan.step(label.len());
    let end = memmem::find(label, b"--")?;
    let has = |text: &[u8]| memmem::find(&label[..end], text).is_some();
    let is_secret = has(b"PRIVATE KEY")
        || has(b"PRIVATE%20KEY")
        || has(b"PRIVATE+KEY")
        || has(b"OpenVPN Static key");
    is_secret.then_some(begin + end)
}

/// The position after the line that ends the armour.
fn armour_end(bytes: &[u8], from: usize) -> Option<usize> {
    let rest = &bytes[from..];
    let end = memmem::find_iter(rest, b"END").find(|end| {
        let before = &rest[..*end];
        before.ends_with(b"--") || before.ends_with(b"-- ")
    })?;
    let label = from + end;
    let dashes = memmem::find(&bytes[label..bytes.len().min(label + MAX_LABEL)], b"--")?;
    let at = label + dashes;
    let len = bytes[at..].iter().take_while(|b| **b == b'-').count();
    Some(at + len)
}

/// The private lines of a PuTTY key. `at` is after `Private-Lines:`.
pub(crate) fn putty(scan: &mut Scan<'_>, at: usize) -> Option<usize> {
    let start = at + scan.run(at, |b| b != b'\n' && b != b'\\');
    let end = memmem::find(&scan.bytes[start..], Block::Putty.end());
    let end = end.map_or(scan.bytes.len(), |end| start + end);
    scan.step(end - start);
    let body = start + scan.run(start, |b| b.is_ascii_whitespace());
    scan.mask(body..end, RuleName::PrivateKey);
    Some(end)
}

/// A key in DER without an armour.
pub(crate) fn der(scan: &mut Scan<'_>, at: usize) -> Option<usize> {
    if scan.is_word_before(at) {
        return None;
    }
    let head = &scan.bytes[at..scan.bytes.len().min(at + 40)];
    let has = |text: &[u8]| memmem::find(head, text).is_some();
    // Version 0 and a modulus, version 0 and an algorithm, or an encryption with a password.
    let is_key = !head.starts_with(b"MII")
        || has(b"IBAAK")
        || has(b"IBADAN")
        || has(b"BOBgkq")
        || has(b"BABgkq");
    let len = scan.run(at, |b| {
        b.is_ascii_alphanumeric() || const { ByteSet::of(b"+/=") }.has(b)
    });
    if !is_key || len < 40 {
        return None;
    }
    scan.mask(at..at + len, RuleName::PrivateKey);
    Some(at + len)
}

/// The private members of a JSON Web Key.
pub(crate) fn jwk(scan: &mut Scan<'_>, at: usize) -> Option<usize> {
    const MAX: usize = 8 * 1024;
    if at < scan.jwk_done {
        return None;
    }
    let window = &scan.bytes[at..scan.bytes.len().min(at + MAX)];
    let object = memchr::memchr(b'}', window).map_or(window, |end| &window[..end]);
    scan.jwk_done = at + object.len();
    for member in [
        &b"\"d\""[..],
        b"\"p\"",
        b"\"q\"",
        b"\"dp\"",
        b"\"dq\"",
        b"\"qi\"",
        b"\"k\"",
    ] {
        scan.step(object.len());
        let Some(found) = memmem::find(object, member) else {
            continue;
        };
        let colon = at + found + member.len();
        let quote = colon + scan.run(colon, |b| b == b' ' || b == b':');
        if scan.get(quote) == Some(b'"') {
            let len = scan.run(quote + 1, |b| {
                b.is_ascii_alphanumeric() || const { ByteSet::of(b"-_=+/") }.has(b)
            });
            if len >= 16 {
                scan.mask(quote + 1..quote + 1 + len, RuleName::PrivateKey);
            }
        }
    }
    None
}

/// The block that begins in `text` but does not end in it.
pub(crate) fn open_block(text: &str) -> Option<Block> {
    let bytes = text.as_bytes();
    let mut open = None;
    for at in memmem::find_iter(bytes, b"BEGIN ") {
        let label = &bytes[at..bytes.len().min(at + MAX_LABEL)];
        let has = |text: &[u8]| memmem::find(label, text).is_some();
        if has(b"PRIVATE KEY") || has(b"OpenVPN Static key") {
            open = armour_end(bytes, at).is_none().then_some(Block::Armour);
        }
    }
    if let Some(at) = memmem::rfind(bytes, b"Private-Lines:")
        && memmem::find(&bytes[at..], Block::Putty.end()).is_none()
    {
        open = Some(Block::Putty);
    }
    open
}
