//! Calling a function on another stack: that of a signal handler may be small.

use std::arch::asm;

/// Calls `work` with `argument` on the stack that ends at `top`.
///
/// # Safety
///
/// Nothing else uses that stack until the function returns, and it has the room that `work` needs.
/// `work` may be called with `argument`, and does not unwind.
pub(crate) unsafe fn call_on<T>(
    top: *mut u8,
    work: unsafe extern "C" fn(*mut T),
    argument: *mut T,
) {
    // A call asks for this alignment.
    let top = top.wrapping_sub(top.addr() % 16);
    // SAFETY: the stack pointer is kept in a register that a callee preserves, and restored. The
    // rest is guaranteed by the caller.
    unsafe {
        asm!(
            "mov r12, rsp",
            "mov rsp, {top}",
            "call {work}",
            "mov rsp, r12",
            top = in(reg) top,
            work = in(reg) work,
            in("rdi") argument,
            out("r12") _,
            clobber_abi("C"),
        );
    }
}
