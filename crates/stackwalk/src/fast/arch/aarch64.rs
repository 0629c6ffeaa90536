//! aarch64: a call leaves the return address in `x30`. A function that calls others saves it in its
//! frame, usually next to the caller's frame pointer. It may sign it before that.

use super::Registers;
use std::arch::asm;

/// Numbers of registers in DWARF: `x29`, `sp` and `x30`.
pub(in crate::fast) const FRAME_POINTER: u64 = 29;
pub(in crate::fast) const STACK_POINTER: u64 = 31;
pub(in crate::fast) const RETURN_ADDRESS: u64 = 30;

/// None: each function saves the return address at a different place.
pub(in crate::fast) const FIXED_RETURN_ADDRESS: Option<i64> = None;

/// The code that a signal handler returns to: `mov x8, #139; svc #0`.
pub(in crate::fast) const SIGNAL_RETURN: [u8; 8] = *b"\x68\x11\x80\xd2\x01\0\0\xd4";

impl Registers {
    /// The registers of the function into which this is inlined.
    #[inline(always)]
    pub(crate) fn here() -> Self {
        let (ip, sp, bp): (u64, u64, u64);
        // SAFETY: copies three registers and touches neither memory, stack nor flags.
        unsafe {
            asm!(
                "adr {ip}, .",
                "mov {sp}, sp",
                "mov {bp}, x29",
                ip = out(reg) ip,
                sp = out(reg) sp,
                bp = out(reg) bp,
                options(nomem, nostack, preserves_flags),
            );
        }
        Self { ip, sp, bp }
    }
}

/// Returns a saved return address without the signature that pointer authentication puts into its upper
/// bits.
#[inline(always)]
pub(in crate::fast) fn code_address(saved: u64) -> u64 {
    let mut address = saved;
    // SAFETY: this is `xpaclri`, which removes a signature from x30. Processors without pointer
    // authentication execute it as a no-op.
    unsafe {
        asm!(
            "hint #7",
            inout("x30") address,
            options(pure, nomem, nostack, preserves_flags),
        );
    }
    address
}

/// Whether this is an instruction of unwind tables that is specific to this processor and does not
/// change where registers are saved. There are two, which tell whether the return address is signed
/// (`DW_CFA_AARCH64_negate_ra_state` and the same `_with_pc`). [`code_address`] accepts both cases.
pub(in crate::fast) fn is_without_effect(instruction: u8) -> bool {
    matches!(instruction, 0x2c | 0x2d)
}

#[cfg(test)]
mod tests {
    use super::code_address;
    use std::arch::asm;

    #[test]
    fn a_signed_address_is_cleaned_and_another_one_is_unchanged() {
        let address = code_address as *const () as u64;
        let mut signed = address;
        // SAFETY: this is `pacia1716`, which signs x17 with x16, or does nothing on a processor
        // without pointer authentication.
        unsafe { asm!("hint #8", inout("x17") signed, in("x16") 0x1234_u64) };
        assert_eq!(code_address(signed), address);
        assert_eq!(code_address(address), address);
        // The lower 48 bits are the address in any case.
        assert_eq!(signed << 16, address << 16);
        if std::arch::is_aarch64_feature_detected!("paca") {
            // One signature in thousands is zero. With another modifier it is not.
            let mut other = address;
            // SAFETY: as above.
            unsafe { asm!("hint #8", inout("x17") other, in("x16") 0x4321_u64) };
            assert!(signed != address || other != address);
        }
    }
}
