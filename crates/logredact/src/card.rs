//! Numbers of payment cards.

use crate::byte_set::ByteSet;
use crate::rule::RuleName;
use crate::scan::Scan;

/// The minimum number of digits of a card's number.
const MIN: usize = 14;
const MAX: usize = 19;

/// Only every `STRIDE`th byte and its neighbour are checked: a number of `MIN` digits has a digit at one
/// of them.
const STRIDE: usize = 12;

pub(crate) fn find(scan: &mut Scan<'_>) {
    let mut at = 0;
    while at < scan.bytes.len() {
        let digit = |at: usize| scan.get(at).is_some_and(|b| b.is_ascii_digit());
        if !digit(at) && !digit(at + 1) {
            at += STRIDE;
            continue;
        }
        let inside = if digit(at) { at } else { at + 1 };
        let start = inside - scan.run_back(inside, MAX + 8, is_part);
        let end = inside + scan.run(inside, is_part);
        check(scan, start, end);
        at = end.max(at + STRIDE);
    }
}

fn is_part(b: u8) -> bool {
    b.is_ascii_digit() || b == b' ' || b == b'-'
}

/// Whether the digits and separators from `start` to `end` are a card's number.
fn check(scan: &mut Scan<'_>, start: usize, end: usize) {
    if end - start < MIN || end - start > MAX + 8 {
        return;
    }
    let bytes = scan.bytes;
    let part = &bytes[start..end];
    let Some(first) = part.iter().position(u8::is_ascii_digit) else {
        return;
    };
    let last = part.iter().rposition(u8::is_ascii_digit).unwrap_or(first);
    let (start, end) = (start + first, start + last + 1);
    let is_joined = |b: Option<&u8>| {
        b.is_some_and(|b| b.is_ascii_alphanumeric() || const { ByteSet::of(b"_./:") }.has(*b))
    };
    let before = start.checked_sub(1).map(|at| &bytes[at]);
    let after = bytes.get(end);
    let after_is_joined = match after {
        // A dot may be the end of a sentence.
        Some(b'.') => bytes.get(end + 1).is_some_and(u8::is_ascii_alphanumeric),
        after => is_joined(after),
    };
    if is_joined(before) || after_is_joined {
        return;
    }
    let number = &bytes[start..end];
    let digits: Vec<u8> = number
        .iter()
        .filter(|b| b.is_ascii_digit())
        .map(|b| b - b'0')
        .collect();
    if has_issuer(&digits) && is_grouped(number) && luhn(&digits) {
        scan.mask(start..end, RuleName::Card);
    }
}

/// Whether the digits are together, or in the groups of card numbers.
fn is_grouped(number: &[u8]) -> bool {
    let Some(separator) = number.iter().copied().find(|b| !b.is_ascii_digit()) else {
        return true;
    };
    let groups: Vec<usize> = number.split(|b| *b == separator).map(<[u8]>::len).collect();
    matches!(groups[..], [4, 4, 4, 4] | [4, 6, 5] | [4, 6, 4])
        && number.iter().all(|b| b.is_ascii_digit() || *b == separator)
}

/// Whether a large issuer has numbers of this length with these first digits.
fn has_issuer(digits: &[u8]) -> bool {
    let head = digits
        .iter()
        .take(4)
        .fold(0u32, |head, digit| head * 10 + u32::from(*digit));
    match digits.len() {
        16 => {
            matches!(head, 4000..=4999 | 5100..=5599 | 2221..=2720 | 6011 | 6500..=6599 | 3528..=3589)
        }
        15 => matches!(head, 3400..=3499 | 3700..=3799),
        14 => matches!(head, 3000..=3059 | 3600..=3699 | 3800..=3899),
        _ => false,
    }
}

fn luhn(digits: &[u8]) -> bool {
    let sum: u32 = digits
        .iter()
        .rev()
        .enumerate()
        .map(|(at, digit)| match (at % 2, u32::from(*digit)) {
            (1, digit) if digit > 4 => digit * 2 - 9,
            (1, digit) => digit * 2,
            (_, digit) => digit,
        })
        .sum();
    sum.is_multiple_of(10) && digits.iter().any(|digit| *digit != digits[0])
}
