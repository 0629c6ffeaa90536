//! Replaces ranges of a text by the mask.

use std::ops::Range;

use crate::MASK;
use crate::rule::RuleName;

/// The range of a secret, and the rule that found it.
#[derive(Clone, Debug)]
pub(crate) struct Finding {
    pub(crate) range: Range<usize>,
    pub(crate) rule: RuleName,
}

/// Returns the text with all findings masked; `None` if nothing changes. Overlapping findings become
/// one mask, which is counted for the first of them.
pub(crate) fn splice(
    text: &str,
    mut findings: Vec<Finding>,
    mut count: impl FnMut(RuleName),
) -> Option<String> {
    findings.sort_unstable_by_key(|Finding { range, rule }| (range.start, range.end, *rule as u8));
    let mut out = String::new();
    let mut done = 0;
    let mut changed = false;
    for Finding { mut range, rule } in findings {
        if range.end <= done {
            continue;
        }
        let joins = changed && range.start < done;
        range.start = range.start.max(done);
        range = to_char_boundaries(text, range);
        let secret = &text[range.clone()];
        if secret.is_empty() || secret == MASK {
            continue;
        }
        if !joins {
            out.push_str(&text[done..range.start]);
            out.push_str(MASK);
            count(rule);
        }
        done = range.end;
        changed = true;
    }
    changed.then(|| {
        out.push_str(&text[done..]);
        out
    })
}

/// Widens a range that begins or ends within a character.
fn to_char_boundaries(text: &str, range: Range<usize>) -> Range<usize> {
    let mut start = range.start.min(text.len());
    let mut end = range.end.clamp(start, text.len());
    while !text.is_char_boundary(start) {
        start -= 1;
    }
    while !text.is_char_boundary(end) {
        end += 1;
    }
    start..end
}
