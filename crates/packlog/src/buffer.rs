//! A bounded buffer to format into.

use std::fmt;

use crate::MAX_LEN;

/// The memory for a packed record, with room for padding after it.
pub(crate) type Bytes = [u8; MAX_LEN + PADDING];

/// The number of zeros after a padded record.
pub(crate) const PADDING: usize = 32;

/// Pieces up to this many bytes are copied without a call of `memcpy`.
const SHORT: usize = 32;

/// Appends to a fixed slice, up to `limit`. Remembers whether something was cut.
pub(crate) struct Buffer<'a> {
    bytes: &'a mut Bytes,
    len: usize,
    limit: usize,
    cut: bool,
}

impl<'a> Buffer<'a> {
    pub(crate) fn new(bytes: &'a mut Bytes, len: usize, limit: usize) -> Buffer<'a> {
        Buffer {
            bytes,
            len,
            limit: limit.min(MAX_LEN),
            cut: false,
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// Changes the position up to which the buffer may be filled.
    pub(crate) fn set_limit(&mut self, limit: usize) {
        self.limit = limit.min(MAX_LEN);
    }

    /// Moves the bytes from `middle` on to `start`, before those from `start` to `middle`.
    pub(crate) fn swap_ends(&mut self, start: usize, middle: usize) {
        self.bytes[start..self.len].rotate_left(middle - start);
    }

    /// Removes the bytes after `len`.
    pub(crate) fn truncate(&mut self, len: usize) {
        self.len = self.len.min(len);
    }

    pub(crate) fn was_cut(&self) -> bool {
        self.cut
    }

    /// Whether anything was cut since the last call.
    pub(crate) fn take_cut(&mut self) -> bool {
        std::mem::take(&mut self.cut)
    }

    /// Overwrites bytes at `at`.
    #[inline]
    pub(crate) fn patch<const N: usize>(&mut self, at: usize, bytes: [u8; N]) {
        self.bytes[at..at + N].copy_from_slice(&bytes);
    }

    /// Appends `piece` if it fits. Returns whether it did.
    #[inline]
    pub(crate) fn push(&mut self, piece: &[u8]) -> bool {
        if piece.len() <= SHORT {
            self.push_short(piece)
        } else {
            self.push_long(piece)
        }
    }

    /// `piece` has at most [`SHORT`] bytes.
    #[inline(always)]
    fn push_short(&mut self, piece: &[u8]) -> bool {
        let end = self.len + piece.len();
        if end > self.limit {
            return false;
        }
        // `len` is below `MAX_LEN` unless the piece is empty. With the remainder, the compiler knows that
        // the slice has room, and omits a second comparison.
        let start = self.len % MAX_LEN;
        copy_short(&mut self.bytes[start..][..piece.len()], piece);
        self.len = end;
        true
    }

    /// Returns the next `len` bytes, to be filled by the caller. `None` if they do not fit.
    #[inline(always)]
    pub(crate) fn take(&mut self, len: usize) -> Option<&mut [u8]> {
        let start = self.len;
        let end = start.checked_add(len).filter(|end| *end <= self.limit)?;
        let room = self.bytes.get_mut(start..end)?;
        self.len = end;
        Some(room)
    }

    fn push_long(&mut self, piece: &[u8]) -> bool {
        let Some(room) = self.room(piece.len()) else {
            return false;
        };
        room.copy_from_slice(piece);
        self.len += piece.len();
        true
    }

    #[inline(always)]
    fn room(&mut self, len: usize) -> Option<&mut [u8]> {
        self.bytes.get_mut(self.len..self.limit)?.get_mut(..len)
    }

    /// Appends as many whole characters of `piece` as fit. Returns whether all did.
    #[inline]
    pub(crate) fn push_str(&mut self, piece: &str) -> bool {
        self.push(piece.as_bytes()) || self.push_prefix(piece)
    }

    /// A separate function, so that a short piece is written without a call.
    #[inline(never)]
    fn write_slow(&mut self, piece: &str) -> fmt::Result {
        if self.push_long(piece.as_bytes()) || self.push_prefix(piece) {
            Ok(())
        } else {
            Err(fmt::Error)
        }
    }

    #[cold]
    fn push_prefix(&mut self, piece: &str) -> bool {
        let mut end = self.limit.saturating_sub(self.len).min(piece.len());
        while !piece.is_char_boundary(end) {
            end -= 1;
        }
        self.push(&piece.as_bytes()[..end]);
        self.cut = true;
        false
    }
}

/// Copies a piece of up to [`SHORT`] bytes.
///
/// Most pieces of a formatted message are short, and for them a call of `memcpy` costs more than the
/// copy. Two words that overlap in the middle cover each length between one word and two.
#[inline(always)]
fn copy_short(to: &mut [u8], piece: &[u8]) {
    let len = piece.len();
    if len > 16 {
        copy_ends::<16>(to, piece);
    } else if len >= 8 {
        copy_ends::<8>(to, piece);
    } else if len >= 4 {
        copy_ends::<4>(to, piece);
    } else if len >= 2 {
        copy_ends::<2>(to, piece);
    } else if len == 1 {
        to[0] = piece[0];
    }
}

/// Copies a piece of any length to a slice of the same length.
#[inline(always)]
pub(crate) fn copy(to: &mut [u8], piece: &[u8]) {
    if piece.len() <= SHORT {
        copy_short(to, piece);
    } else {
        to.copy_from_slice(piece);
    }
}

#[inline(always)]
fn copy_ends<const N: usize>(to: &mut [u8], from: &[u8]) {
    let tail = from.len() - N;
    to[..N].copy_from_slice(&from[..N]);
    to[tail..tail + N].copy_from_slice(&from[tail..tail + N]);
}

/// Fails after something was cut, so that the rest of a long message is not formatted.
impl fmt::Write for Buffer<'_> {
    #[inline]
    fn write_str(&mut self, piece: &str) -> fmt::Result {
        if piece.len() <= SHORT && self.push_short(piece.as_bytes()) {
            return Ok(());
        }
        self.write_slow(piece)
    }

    /// Formatting writes padding (`{:>8}`) character by character.
    #[inline]
    fn write_char(&mut self, c: char) -> fmt::Result {
        if c.is_ascii() && self.push(&[c as u8]) {
            return Ok(());
        }
        self.write_str(c.encode_utf8(&mut [0; 4]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        /// The model is a `String` that is cut at the last character that fits.
        #[test]
        fn keeps_the_same_characters_as_a_string_with_a_limit(
            pieces in prop::collection::vec("\\PC{0,40}", 0..12), limit in 0usize..120,
            at_the_end: bool,
        ) {
            let start = if at_the_end { MAX_LEN - limit } else { 0 };
            let mut bytes = [0xAA; MAX_LEN + PADDING];
            let mut buffer = Buffer::new(&mut bytes, start, start + limit);
            let mut model = String::new();
            let mut cut = false;
            for piece in &pieces {
                if !buffer.push_str(piece) {
                    cut = true;
                }
                for c in piece.chars() {
                    if model.len() + c.len_utf8() > limit {
                        break;
                    }
                    model.push(c);
                }
                if cut {
                    break;
                }
            }
            prop_assert_eq!(buffer.was_cut(), pieces.iter().map(String::len).sum::<usize>() > limit);
            let len = buffer.len();
            prop_assert_eq!(std::str::from_utf8(&bytes[start..len]), Ok(&*model));
            let others = bytes[..start].iter().chain(&bytes[start + limit..]);
            prop_assert!(others.copied().all(|byte| byte == 0xAA));
        }
    }
}
