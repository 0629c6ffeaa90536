//! Sets of bytes. A test reads one bit, and does not compare with each byte of a list.

pub(crate) struct ByteSet([u64; 4]);

impl ByteSet {
    pub(crate) const fn of(bytes: &[u8]) -> ByteSet {
        let mut bits = [0; 4];
        let mut at = 0;
        while at < bytes.len() {
            bits[bytes[at] as usize / 64] |= 1 << (bytes[at] % 64);
            at += 1;
        }
        ByteSet(bits)
    }

    #[inline]
    pub(crate) fn has(&self, byte: u8) -> bool {
        self.0[usize::from(byte) / 64] >> (byte % 64) & 1 != 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_set_has_its_bytes_and_no_others() {
        let bytes = b"\0 /az~\x7f\x80\xff";
        let set = ByteSet::of(bytes);
        for byte in 0..=u8::MAX {
            assert_eq!(set.has(byte), bytes.contains(&byte), "{byte}");
        }
    }
}
