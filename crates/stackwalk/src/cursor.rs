//! Reads the values of unwind tables.

/// The bytes that are left to read. Every method returns `None` beyond the end.
#[derive(Clone, Copy)]
pub(crate) struct Cursor<'data> {
    rest: &'data [u8],
}

impl<'data> Cursor<'data> {
    pub(crate) fn new(bytes: &'data [u8]) -> Self {
        Self { rest: bytes }
    }

    pub(crate) fn len(&self) -> usize {
        self.rest.len()
    }

    pub(crate) fn take(&mut self, count: u64) -> Option<&'data [u8]> {
        let (bytes, rest) = self.rest.split_at_checked(usize::try_from(count).ok()?)?;
        self.rest = rest;
        Some(bytes)
    }

    /// A cursor over the next bytes; this one continues after them.
    pub(crate) fn split(&mut self, count: u64) -> Option<Self> {
        self.take(count).map(Self::new)
    }

    pub(crate) fn skip(&mut self, count: u64) -> Option<()> {
        self.take(count).map(drop)
    }

    pub(crate) fn byte(&mut self) -> Option<u8> {
        let (&byte, rest) = self.rest.split_first()?;
        self.rest = rest;
        Some(byte)
    }

    /// An unsigned number of at most eight bytes, in the byte order of this machine, because the tables
    /// belong to the running program.
    pub(crate) fn number(&mut self, size: u8) -> Option<u64> {
        let bytes = self.take(u64::from(size))?;
        let mut number = [0; 8];
        number.get_mut(..bytes.len())?.copy_from_slice(bytes);
        // This crate reads only tables of little-endian processors.
        Some(u64::from_le_bytes(number))
    }

    /// An unsigned LEB128 number.
    #[inline]
    pub(crate) fn leb(&mut self) -> Option<u64> {
        let first = self.byte()?;
        if first < 0x80 {
            return Some(u64::from(first));
        }
        self.long_leb(first)
    }

    #[inline(never)]
    fn long_leb(&mut self, first: u8) -> Option<u64> {
        let mut number = u64::from(first & 0x7f);
        for shift in (7..64).step_by(7) {
            let byte = self.byte()?;
            let bits = u64::from(byte & 0x7f);
            // The tenth byte holds the last bit.
            if shift == 63 && bits > 1 {
                return None;
            }
            number |= bits << shift;
            if byte < 0x80 {
                return Some(number);
            }
        }
        None
    }

    /// A signed LEB128 number.
    #[inline(never)]
    pub(crate) fn signed_leb(&mut self) -> Option<i64> {
        let mut number = 0;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            number |= i64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                let unused = 64 - (shift + 7).min(64);
                return Some(number << unused >> unused);
            }
        }
        None
    }

    /// A text without the zero byte that ends it.
    pub(crate) fn text(&mut self) -> Option<&'data [u8]> {
        let length = self.rest.iter().position(|&byte| byte == 0)?;
        let text = &self.rest[..length];
        self.rest = &self.rest[length + 1..];
        Some(text)
    }
}

#[cfg(test)]
mod tests {
    use super::Cursor;

    #[test]
    fn numbers() {
        let bytes = [1, 2, 3, 4, 5, 6, 7, 8, 9];
        let read = |size| Cursor::new(&bytes).number(size);
        assert_eq!(read(3), Some(0x03_0201));
        assert_eq!(read(8), Some(0x0807_0605_0403_0201));
        assert_eq!((read(9), read(10)), (None, None));
    }

    #[test]
    fn leb128() {
        // The examples of the DWARF standard, and the largest and smallest numbers.
        let mut max = [0xff; 10];
        max[9] = 1;
        let mut over = max;
        over[9] = 3;
        for (bytes, number) in [
            (&over[..], None),
            (&[2], Some(2)),
            (&[0x7f], Some(127)),
            (&[0x80, 1], Some(128)),
            (&[0xb9, 0x64], Some(12857)),
            (&max, Some(u64::MAX)),
            (&[0xff; 10], None),
            (&[0x80; 11], None),
            (&[0x80], None),
        ] {
            assert_eq!(Cursor::new(bytes).leb(), number, "{bytes:x?}");
        }
        let mut min = [0x80; 10];
        min[9] = 0x7f;
        for (bytes, number) in [
            (&[2][..], Some(2)),
            (&[0x7e], Some(-2)),
            (&[0xff, 0], Some(127)),
            (&[0x81, 0x7f], Some(-127)),
            (&[0x80, 0x7f], Some(-128)),
            (&[0xff, 0x7e], Some(-129)),
            (&min, Some(i64::MIN)),
            (&[0x80], None),
        ] {
            assert_eq!(Cursor::new(bytes).signed_leb(), number, "{bytes:x?}");
        }
    }

    #[test]
    fn texts() {
        let mut cursor = Cursor::new(b"a\0\0bc");
        assert_eq!(cursor.text(), Some(&b"a"[..]));
        assert_eq!(cursor.text(), Some(&b""[..]));
        assert_eq!((cursor.text(), cursor.len()), (None, 2));
    }
}
