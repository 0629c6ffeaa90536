//! Replaces parts of a text by the mask, in one go from left to right.

use std::ops::Range;

use crate::MASK;

pub(super) struct Splice<'a> {
    text: &'a str,
    out: String,
    /// Up to where `text` has been copied or masked.
    done: usize,
    masked: usize,
}

impl<'a> Splice<'a> {
    pub(super) fn new(text: &'a str) -> Splice<'a> {
        Splice {
            text,
            out: String::new(),
            done: 0,
            masked: 0,
        }
    }

    /// Masks a part that is not empty and not the mask already. Parts come in order; what
    /// overlaps an earlier one is taken to be masked by it.
    pub(super) fn mask(&mut self, part: Range<usize>) {
        let part = part.start.max(self.done)..part.end;
        let (Some(before), Some(secret)) = (
            self.text.get(self.done..part.start),
            self.text.get(part.clone()),
        ) else {
            return;
        };
        if secret.is_empty() || secret == MASK {
            return;
        }
        self.out.push_str(before);
        self.out.push_str(MASK);
        self.done = part.end;
        self.masked += 1;
    }

    pub(super) fn masked(&self) -> usize {
        self.masked
    }

    /// The new text, if anything was masked.
    pub(super) fn finish(mut self) -> Option<String> {
        (self.masked > 0).then(|| {
            self.out.push_str(&self.text[self.done..]);
            self.out
        })
    }
}

/// Counts the steps of the scanners, so that a test can show that they are in proportion to the
/// text. Nothing outside of tests.
#[inline]
pub(super) fn step() {
    #[cfg(test)]
    crate::tests::STEPS.with(|steps| steps.set(steps.get() + 1));
}
