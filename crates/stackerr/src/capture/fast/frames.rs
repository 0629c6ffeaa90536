//! Unwind tables (`.eh_frame`), read for the one rule that is wanted of them.
//!
//! The format is that of the Linux Standard Base, "Exception Frames", and of DWARF's call frame
//! information. Whatever does not come down to a [`Rule`] is `None`: an expression, a frame that
//! a signal handler returns to, a register saved in another.

use super::rows::{Program, RETURN_ADDRESS};
use super::rule::Rule;
use crate::cursor::Cursor;

/// The tables are those of the running program.
const BIG: bool = cfg!(target_endian = "big");

/// The two entries that tell of a function, without their lengths.
pub(super) struct Entries<'a> {
    /// What several functions share.
    pub(super) common: &'a [u8],
    /// What is the function's own, from its first address on.
    pub(super) own: &'a [u8],
    /// Where the function begins.
    pub(super) start: u64,
}

impl Entries<'_> {
    /// The rule that holds at the instruction `at`.
    pub(super) fn rule(&self, at: u64) -> Option<Rule> {
        let mut common = Cursor::new(self.common, BIG);
        let shared = Common::read(&mut common)?;
        let mut own = Cursor::new(self.own, BIG);
        // First address and length: the first is known already.
        own.skip(2 * shared.pointer_size)?;
        let augmentation = own.leb()?;
        own.skip(augmentation)?;

        let distance = at.checked_sub(self.start)?;
        Program::new(shared.code_factor, shared.data_factor, distance).run(common, own)
    }
}

/// The common entry's head.
struct Common {
    /// What distances in code and in the frame are multiples of.
    code_factor: u64,
    data_factor: i64,
    /// Of the pointers in the function's own entry.
    pointer_size: u64,
}

impl Common {
    fn read(bytes: &mut Cursor<'_>) -> Option<Self> {
        let version = bytes.byte()?;
        let augmentation = bytes.text()?;
        let code_factor = bytes.leb()?;
        let data_factor = bytes.signed_leb()?;
        let return_address = match version {
            1 => u64::from(bytes.byte()?),
            3 => bytes.leb()?,
            _ => return None,
        };
        // `z`: the length of the data, by which what follows can be skipped; always there.
        let (&b'z', letters) = augmentation.split_first()? else {
            return None;
        };
        let len = bytes.leb()?;
        let mut data = bytes.split(len)?;
        // Absolute, unless said otherwise.
        let mut encoding = 0;
        for letter in letters {
            match letter {
                b'R' => encoding = data.byte()?,
                b'L' => {
                    data.byte()?;
                }
                b'P' => {
                    let encoding = data.byte()?;
                    data.skip(pointer_size(encoding)?)?;
                }
                // `S` is the frame that a signal interrupted: all its registers are elsewhere.
                _ => return None,
            }
        }
        (return_address == RETURN_ADDRESS).then_some(Self {
            code_factor,
            data_factor,
            pointer_size: pointer_size(encoding)?,
        })
    }
}

/// How long a pointer of that encoding is.
fn pointer_size(encoding: u8) -> Option<u64> {
    match encoding & 0x0f {
        0x00 | 0x04 | 0x0c => Some(8),
        0x02 | 0x0a => Some(2),
        0x03 | 0x0b => Some(4),
        _ => None,
    }
}
