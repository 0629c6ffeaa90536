//! x86-64: a call pushes the return address, so it is always the last word below the CFA.

use super::Registers;
use std::arch::asm;

/// Numbers of registers in DWARF.
pub(in crate::fast) const FRAME_POINTER: u64 = 6;
pub(in crate::fast) const STACK_POINTER: u64 = 7;
pub(in crate::fast) const RETURN_ADDRESS: u64 = 16;

/// The place of the return address in every function, in bytes from the CFA.
pub(in crate::fast) const FIXED_RETURN_ADDRESS: Option<i64> = Some(-8);

/// The code that a signal handler returns to: `mov rax, 15; syscall`.
pub(in crate::fast) const SIGNAL_RETURN: [u8; 9] = *b"\x48\xc7\xc0\x0f\0\0\0\x0f\x05";

impl Registers {
    /// The registers of the function into which this is inlined.
    #[inline(always)]
    pub(crate) fn here() -> Self {
        let (ip, sp, bp): (u64, u64, u64);
        // SAFETY: copies three registers and touches neither memory, stack nor flags.
        unsafe {
            asm!(
                "lea {ip}, [rip]",
                "mov {sp}, rsp",
                "mov {bp}, rbp",
                ip = out(reg) ip,
                sp = out(reg) sp,
                bp = out(reg) bp,
                options(nomem, nostack, preserves_flags),
            );
        }
        Self { ip, sp, bp }
    }
}

/// Returns the address unchanged: this processor does not sign return addresses.
#[inline(always)]
pub(in crate::fast) fn code_address(saved: u64) -> u64 {
    saved
}

/// Whether this is an instruction of unwind tables that is specific to this processor and does not
/// change where registers are saved. There are none.
pub(in crate::fast) fn is_without_effect(_instruction: u8) -> bool {
    false
}
