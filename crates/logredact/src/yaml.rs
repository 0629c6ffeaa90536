//! YAML values on lines of their own.

use crate::byte_set::ByteSet;
use crate::found_key::is_key_byte;
use crate::key::{Secret, Strength};
use crate::rule::RuleName;
use crate::scan::Scan;
use crate::value;

/// The beginning of a YAML value after a key: `|` or `>` and an indented line, or an indented line or
/// list item.
pub(crate) fn block_value(scan: &Scan<'_>, secret: Secret, at: usize) -> Option<usize> {
    let marker = scan
        .run(at, |b| const { ByteSet::of(b"|>+-0123456789 ") }.has(b))
        .min(6);
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
    // A nested mapping is not a value: `password:\n  min_length: 8`.
    let len = scan.run(start, is_key_byte);
    let next = scan.get(start + len);
    let nested = matches!(next, Some(b':' | b'='))
        && matches!(scan.get(start + len + 1), Some(b' ' | b'\n' | b'"'));
    let source = matches!(scan.get(start), Some(b'|' | b'=' | b'/' | b'^'));
    (!nested && !source).then_some(start)
}

/// Masks the items after the first item of a YAML list, which begins at `start` and ends at `end`.
pub(crate) fn more_items(scan: &mut Scan<'_>, start: usize, mut end: usize) -> usize {
    let dash = start - scan.run_back(start, 2, |b| b == b'-' || b == b' ');
    let indent = scan.run_back(dash, 64, |b| b == b' ');
    let line = dash - indent;
    if dash + 2 != start || line == 0 || scan.bytes[line - 1] != b'\n' || indent == 0 {
        return end;
    }
    loop {
        let item = end + 1 + indent + 2;
        let begins = scan.get(end) == Some(b'\n')
            && scan.bytes.get(end + 1..item) == scan.bytes.get(line..start);
        if !begins {
            return end;
        }
        let len = scan.run(item, |b| b != b'\n');
        let value = scan.str(item..item + len);
        if !value::is_placeholder(value) {
            scan.mask(item..item + len, RuleName::Key);
        }
        end = item + len;
    }
}
