//! The bytes of a section, read one thing after the other: of debug information, of an ELF file,
//! of unwind tables.

/// What is left to read. Whatever is asked for beyond the end is none.
#[derive(Clone, Copy)]
pub(crate) struct Cursor<'data> {
    rest: &'data [u8],
    big: bool,
}

impl<'data> Cursor<'data> {
    pub(crate) fn new(bytes: &'data [u8], big: bool) -> Self {
        Self { rest: bytes, big }
    }

    /// From an offset in a section on.
    pub(crate) fn at(section: &'data [u8], offset: u64, big: bool) -> Option<Self> {
        let rest = section.get(usize::try_from(offset).ok()?..)?;
        Some(Self { rest, big })
    }

    pub(crate) fn len(&self) -> usize {
        self.rest.len()
    }

    pub(crate) fn take(&mut self, count: u64) -> Option<&'data [u8]> {
        let (bytes, rest) = self.rest.split_at_checked(usize::try_from(count).ok()?)?;
        self.rest = rest;
        Some(bytes)
    }

    /// The next bytes as something to read, and this goes on behind them.
    pub(crate) fn split(&mut self, count: u64) -> Option<Self> {
        let rest = self.take(count)?;
        Some(Self { rest, ..*self })
    }

    pub(crate) fn skip(&mut self, count: u64) -> Option<()> {
        self.take(count).map(drop)
    }

    pub(crate) fn byte(&mut self) -> Option<u8> {
        let (&byte, rest) = self.rest.split_first()?;
        self.rest = rest;
        Some(byte)
    }

    /// An unsigned number of up to eight bytes.
    // Not inlined: there are some fifty places that read one.
    #[inline(never)]
    pub(crate) fn number(&mut self, size: u8) -> Option<u64> {
        let bytes = self.take(u64::from(size))?;
        if bytes.len() > 8 {
            return None;
        }
        let mut number = 0;
        if self.big {
            for &byte in bytes {
                number = number << 8 | u64::from(byte);
            }
        } else {
            for &byte in bytes.iter().rev() {
                number = number << 8 | u64::from(byte);
            }
        }
        Some(number)
    }

    /// An offset, of eight bytes in the 64-bit format of DWARF, else of four (7.4).
    pub(crate) fn offset(&mut self, wide: bool) -> Option<u64> {
        self.number(if wide { 8 } else { 4 })
    }

    /// The length of what follows, and whether it is in the 64-bit format (7.4).
    pub(crate) fn length(&mut self) -> Option<(u64, bool)> {
        match self.number(4)? {
            0xffff_ffff => Some((self.number(8)?, true)),
            // The rest from here on is reserved.
            0xffff_fff0.. => None,
            length => Some((length, false)),
        }
    }

    /// An unsigned LEB128 number (7.6).
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
            // The tenth byte has room for one more bit.
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

    /// A signed LEB128 number (7.6).
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

    /// A text that ends with a zero byte, which is left out.
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
        let read = |size, big| Cursor::new(&bytes, big).number(size);
        assert_eq!(read(3, false), Some(0x03_0201));
        assert_eq!(read(3, true), Some(0x01_0203));
        assert_eq!(read(8, false), Some(0x0807_0605_0403_0201));
        assert_eq!((read(9, false), read(10, false)), (None, None));
    }

    #[test]
    fn leb128() {
        // The standard's own examples (figures 22 and 23), and the ends of the world.
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
            assert_eq!(Cursor::new(bytes, false).leb(), number, "{bytes:x?}");
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
            assert_eq!(Cursor::new(bytes, false).signed_leb(), number, "{bytes:x?}");
        }
    }

    #[test]
    fn lengths() {
        let read = |bytes: &[u8]| Cursor::new(bytes, false).length();
        assert_eq!(read(&[1, 0, 0, 0]), Some((1, false)));
        assert_eq!(read(&[0xf0, 0xff, 0xff, 0xff]), None);
        let wide = [&[0xff; 4][..], &[2, 0, 0, 0, 0, 0, 0, 0]].concat();
        assert_eq!(read(&wide), Some((2, true)));
        assert_eq!(read(&wide[..11]), None);
    }

    #[test]
    fn texts() {
        let mut cursor = Cursor::new(b"a\0\0bc", false);
        assert_eq!(cursor.text(), Some(&b"a"[..]));
        assert_eq!(cursor.text(), Some(&b""[..]));
        assert_eq!((cursor.text(), cursor.len()), (None, 2));
    }
}
