//! Calling a function on another stack: that of a signal handler may be small.

use std::arch::asm;

/// Where a handler can make [`call_on`] return early: the instruction and the stack pointer.
pub(crate) type Resume = [usize; 2];

/// Calls `work` with `argument` on the stack that ends at `top`.
///
/// Meanwhile `resume` says where this function goes on. A signal handler that interrupts `work` may
/// put these two into the registers that it returns to, so that the rest of `work` is left out.
///
/// # Safety
///
/// Nothing else uses that stack until the function returns, and it has the room that `work` needs.
/// `work` may be called with `argument`, and does not unwind. `resume` is live.
pub(crate) unsafe fn call_on<T>(
    top: *mut u8,
    work: unsafe extern "C" fn(*mut T),
    argument: *mut T,
    resume: *mut Resume,
) {
    // A call asks for this alignment.
    let top = top.wrapping_sub(top.addr() % 16);
    // SAFETY: all registers that a callee preserves are kept on the stack, and the stack pointer in
    // one of them. The rest is guaranteed by the caller. The inputs are in registers that are named,
    // so that none of them is in one that is written here.
    unsafe {
        asm!(
            "push rbx",
            "push rbp",
            "push r12",
            "push r13",
            "push r14",
            "push r15",
            "lea rax, [rip + 2f]",
            "mov [rcx], rax",
            "mov [rcx + 8], rsp",
            "mov r12, rsp",
            "mov rsp, rsi",
            "call rdx",
            "mov rsp, r12",
            "2:",
            "pop r15",
            "pop r14",
            "pop r13",
            "pop r12",
            "pop rbp",
            "pop rbx",
            in("rdi") argument,
            in("rsi") top,
            in("rdx") work,
            in("rcx") resume,
            clobber_abi("C"),
        );
    }
}
