//! An iterator over lines in at most two pieces of memory.

use std::iter::FusedIterator;

/// An iterator over the lines of a [`TailWriter`](crate::TailWriter), oldest first, each without its
/// newline.
///
/// Returned by [`TailWriter::lines`](crate::TailWriter::lines).
#[derive(Clone, Debug)]
pub struct Lines<'a> {
    /// Whole lines, each with its newline.
    older: &'a [u8],
    /// Whole lines. Only the last may lack its newline.
    newer: &'a [u8],
    left: usize,
}

impl<'a> Lines<'a> {
    pub(crate) fn new(older: &'a [u8], newer: &'a [u8], left: usize) -> Lines<'a> {
        Lines { older, newer, left }
    }
}

impl<'a> Iterator for Lines<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        let text = if self.older.is_empty() {
            &mut self.newer
        } else {
            &mut self.older
        };
        if text.is_empty() {
            return None;
        }
        self.left = self.left.saturating_sub(1);
        let (line, rest) = match memchr::memchr(b'\n', text) {
            Some(end) => (&text[..end], &text[end + 1..]),
            None => (*text, &[][..]),
        };
        *text = rest;
        Some(line)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.left, Some(self.left))
    }
}

impl<'a> DoubleEndedIterator for Lines<'a> {
    fn next_back(&mut self) -> Option<&'a [u8]> {
        let text = if self.newer.is_empty() {
            &mut self.older
        } else {
            &mut self.newer
        };
        if text.is_empty() {
            return None;
        }
        self.left = self.left.saturating_sub(1);
        let body = text.strip_suffix(b"\n").unwrap_or(text);
        let start = memchr::memrchr(b'\n', body).map_or(0, |newline| newline + 1);
        *text = &text[..start];
        Some(&body[start..])
    }
}

impl ExactSizeIterator for Lines<'_> {}
impl FusedIterator for Lines<'_> {}
