//! Masks secrets in a list or a map that is the value of a key.

use std::ops::Range;

use crate::key::{Secret, Strength};
use crate::rule::RuleName;
use crate::scan::Scan;
use crate::{quote, value};

/// Masks a group in brackets: a list of values or bytes, or a map.
pub(crate) fn mask_group(
    scan: &mut Scan<'_>,
    secret: Secret,
    open: usize,
    bracket: u8,
) -> Option<usize> {
    // A list in a map may belong to another key.
    let is_done = bracket == b'{' && open < scan.groups_done;
    if secret.strength == Strength::Weak || is_done {
        return None;
    }
    let close = quote::group_end(scan, open);
    let content = open + 1..close;
    let text = scan.str(content.clone());
    // The text is read several times.
    scan.step(4 * text.len());
    if scan.is_over_budget() {
        return None;
    }
    if bracket == b'{' {
        // An object has keys of its own. Strings under keys that are not secret are masked if they look
        // secret.
        scan.groups_done = close;
        mask_members(scan, secret, content);
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

/// Whether the text is a list of bytes: `[104, 117, 110]`, `[68, 6e]`, `[0x68, 0x75]`.
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

/// Whether the text looks like a password, and not like a region, date, version or address.
fn is_password(text: &str) -> bool {
    text.len() >= 8 && !text.contains(['-', '.', ':', '/']) && value::looks_like_password(text)
}

fn mask_members(scan: &mut Scan<'_>, secret: Secret, content: Range<usize>) {
    let mut at = content.start;
    let mut after_separator = false;
    while at < content.end {
        scan.step(1);
        match scan.bytes[at] {
            b':' | b'=' | b'>' => after_separator = true,
            b' ' | b'\n' | b'\t' => {}
            b'"' | b'\'' => {
                let Some(quoted) = quote::quoted(scan, at) else {
                    break;
                };
                let text = scan.str(quoted.content.clone());
                // Finding the end and judging the text take about this many steps.
                scan.step(32 + 2 * text.len());
                let is_secret = value::looks_like_credential(text, 16)
                    || (secret.strength == Strength::Strong && is_password(text));
                if after_separator && is_secret {
                    scan.mask(quoted.content.clone(), RuleName::Key);
                }
                at = quoted.end.max(at + 1);
                after_separator = false;
                continue;
            }
            _ => after_separator = false,
        }
        at += 1;
    }
}
