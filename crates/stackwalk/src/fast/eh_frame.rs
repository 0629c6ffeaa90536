//! Entries of `.eh_frame`: the CIE (shared by several functions) and the FDE (one function).
//!
//! The format is described in the Linux Standard Base, "Exception Frames", which extends DWARF's call
//! frame information. Cases that can't be expressed as a [`Rule`] are `None`: an expression, a signal
//! frame, a register that is saved in another register.

use super::arch::RETURN_ADDRESS;
use super::cfi::Program;
use super::rule::Rule;
use crate::cursor::Cursor;

/// An FDE and its CIE, both without their length and identifier.
pub(super) struct Entries<'a> {
    pub(super) cie: &'a [u8],
    /// From the function's first address on.
    pub(super) fde: &'a [u8],
    /// The address of the function.
    pub(super) start: u64,
}

impl Entries<'_> {
    /// The rule at the instruction `at`.
    pub(super) fn rule(&self, at: u64) -> Option<Rule> {
        let mut cie = Cursor::new(self.cie);
        let header = CieHeader::read(&mut cie)?;
        let mut fde = Cursor::new(self.fde);
        // Skips the first address, which is known already, and the length.
        fde.skip(2 * header.pointer_size)?;
        let augmentation = fde.leb()?;
        fde.skip(augmentation)?;

        let distance = at.checked_sub(self.start)?;
        Program::new(header.code_factor, header.data_factor, distance).run(cie, fde)
    }
}

/// The fields before a CIE's instructions.
struct CieHeader {
    code_factor: u64,
    data_factor: i64,
    /// The size of the pointers in the FDE, in bytes.
    pointer_size: u64,
}

impl CieHeader {
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
        // `z`: the length of the augmentation data follows. Every compiler writes it.
        let (&b'z', letters) = augmentation.split_first()? else {
            return None;
        };
        let len = bytes.leb()?;
        let mut data = bytes.split(len)?;
        // Without an `R`, pointers are absolute.
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
                // Return addresses are signed with the second of two keys (aarch64).
                b'B' => {}
                // `S`, a signal frame: all its registers are saved elsewhere.
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

/// The size of a pointer in that encoding, in bytes.
fn pointer_size(encoding: u8) -> Option<u64> {
    match encoding & 0x0f {
        0x00 | 0x04 | 0x0c => Some(8),
        0x02 | 0x0a => Some(2),
        0x03 | 0x0b => Some(4),
        _ => None,
    }
}
