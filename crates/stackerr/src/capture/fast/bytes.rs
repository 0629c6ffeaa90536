//! Numbers and texts in unwind tables.

/// What is still to be read.
#[derive(Clone, Copy)]
pub(super) struct Bytes<'a>(pub(super) &'a [u8]);

impl<'a> Bytes<'a> {
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn take(&mut self, len: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(len)?;
        self.0 = rest;
        Some(taken)
    }

    pub(super) fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        self.take(N)?.try_into().ok()
    }

    pub(super) fn byte(&mut self) -> Option<u8> {
        self.take(1).map(|bytes| bytes[0])
    }

    /// Up to a zero, which is not part of it.
    pub(super) fn text(&mut self) -> Option<&'a [u8]> {
        let len = self.0.iter().position(|&byte| byte == 0)?;
        let text = self.take(len)?;
        self.byte()?;
        Some(text)
    }

    /// A length, and so many bytes.
    pub(super) fn block(&mut self) -> Option<&'a [u8]> {
        let len = usize::try_from(self.unsigned()?).ok()?;
        self.take(len)
    }

    /// LEB128.
    pub(super) fn unsigned(&mut self) -> Option<u64> {
        self.leb128().map(|(value, _, _)| value)
    }

    pub(super) fn signed(&mut self) -> Option<i64> {
        let (value, bits, is_negative) = self.leb128()?;
        let sign = if is_negative && bits < 64 {
            u64::MAX << bits
        } else {
            0
        };
        Some((value | sign).cast_signed())
    }

    /// The value, how many bits were read, and whether the last one was set.
    fn leb128(&mut self) -> Option<(u64, u32, bool)> {
        let mut value = 0;
        let mut bits = 0;
        loop {
            let byte = self.byte()?;
            // The tenth byte has one bit left to give; more are no number of this size.
            if bits > 56 {
                return None;
            }
            value |= u64::from(byte & 0x7f) << bits;
            bits += 7;
            if byte & 0x80 == 0 {
                return Some((value, bits, byte & 0x40 != 0));
            }
        }
    }
}
