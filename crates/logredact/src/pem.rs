//! Private keys in PEM.

use crate::splice::{Splice, step};

const BEGIN: &str = "-----BEGIN ";
const END: &str = "-----END ";
const DASHES: &str = "-----";

/// The longest label there is has 21 characters (`ENCRYPTED PRIVATE KEY`).
const MAX_LABEL: usize = 64;

pub(super) fn find(text: &str, out: &mut Splice<'_>) {
    let mut at = 0;
    while let Some(begin) = text[at..].find(BEGIN).map(|found| at + found) {
        step();
        let label = &text.as_bytes()[begin + BEGIN.len()..];
        let label = &label[..label.len().min(MAX_LABEL)];
        let is_private =
            ends_label(label).is_some_and(|end| label[..end].ends_with(b"PRIVATE KEY"));
        at = begin + BEGIN.len();
        if is_private {
            // The armour may have been cut off: then all the rest is key.
            let end = text[at..].find(END).and_then(|found| {
                let label = at + found + END.len();
                let dashes = text[label..].find(DASHES)?;
                Some(label + dashes + DASHES.len())
            });
            at = end.unwrap_or(text.len());
            out.mask(begin..at);
        }
    }
}

fn ends_label(label: &[u8]) -> Option<usize> {
    label
        .windows(DASHES.len())
        .position(|window| window == DASHES.as_bytes())
}
