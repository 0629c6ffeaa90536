//! Calls a function on another stack, because the stack of a signal handler may be small.

use std::arch::asm;

/// The instruction pointer and the stack pointer with which a handler makes [`call_on`] return early.
pub(crate) type Resume = [usize; 2];

/// Calls `work` with `argument` on the stack that ends at `top`.
///
/// Meanwhile `resume` holds the place after the call. A signal handler that interrupts `work` may return
/// to it by setting these two registers; the rest of `work` is then skipped.
///
/// # Safety
///
/// Nothing else may use the stack until the function returns, and it must be large enough for `work`.
/// `work` must accept `argument`, and must not unwind. `resume` must be live.
pub(crate) unsafe fn call_on<T>(
    top: *mut u8,
    work: unsafe extern "C" fn(*mut T),
    argument: *mut T,
    resume: *mut Resume,
) {
    // A call requires this alignment.
    let top = top.wrapping_sub(top.addr() % 16);
    // SAFETY: all callee-saved registers are saved on the stack, and the stack pointer in one of them.
    // The caller guarantees the rest. The inputs are in named registers, so that none of them is in a
    // register that is written here.
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
