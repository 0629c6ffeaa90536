//! The walk from the registers that a signal has interrupted, through memory that may be damaged.

use crate::StackEnd;
use crate::fast::{Registers, Rule};
use std::ffi::{c_int, c_void};

/// The registers at the place that a signal has interrupted.
pub(crate) fn registers_of(context: &libc::ucontext_t) -> Registers {
    let register = |index: c_int| context.uc_mcontext.gregs[index as usize].cast_unsigned();
    Registers {
        ip: register(libc::REG_RIP),
        sp: register(libc::REG_RSP),
        bp: register(libc::REG_RBP),
    }
}

/// Reads a word without a fault; `None` if there is no such memory.
pub(crate) fn read(address: u64) -> Option<u64> {
    let mut word = 0_u64;
    let local = libc::iovec {
        iov_base: (&raw mut word).cast::<c_void>(),
        iov_len: 8,
    };
    let remote = libc::iovec {
        iov_base: std::ptr::without_provenance_mut(usize::try_from(address).ok()?),
        iov_len: 8,
    };
    // SAFETY: the kernel writes at most 8 bytes to `word`, and reports an unreadable address.
    let got = unsafe {
        libc::process_vm_readv(libc::getpid(), &raw const local, 1, &raw const remote, 1, 0)
    };
    (got == 8).then_some(word)
}

/// Whether the code at the return address is what a signal handler returns to:
/// `mov rax, 15; syscall`.
fn is_signal_return(address: u64) -> bool {
    read(address) == Some(0x0f00_0000_0fc0_c748)
        && address
            .checked_add(1)
            .and_then(read)
            .is_some_and(|word| word >> 56 == 0x05)
}

/// Calls `found` with each address and whether it is a guess, innermost first, for at most
/// `max_frames` frames.
///
/// `rule_of` finds the rule of an address. It is told whether a guess led there, so that the
/// address may be anything. Without a rule, the walk follows the frame pointer.
pub(crate) fn walk(
    registers: &Registers,
    max_frames: usize,
    mut rule_of: impl FnMut(u64, bool) -> Option<Rule>,
    mut found: impl FnMut(u64, bool),
) -> StackEnd {
    let (mut sp, mut bp) = (registers.sp, registers.bp);
    let mut ip = registers.ip.wrapping_add(1);
    // Whether a guess was made so far.
    let mut is_guess = false;
    found(ip, false);
    // Whether `ip` is that of an interrupted instruction, not of a call.
    let mut interrupted = true;
    for _ in 1..max_frames {
        if !interrupted && is_signal_return(ip) {
            // The stack pointer points to the ucontext; these are RBP, RSP and RIP in it.
            let saved = |offset: u64| read(sp.wrapping_add(offset));
            let (Some(its_bp), Some(its_sp), Some(its_ip)) = (saved(120), saved(160), saved(168))
            else {
                return StackEnd::Unreadable;
            };
            // The interrupted function may have run on another stack, so `sp` may shrink here.
            (bp, sp, ip) = (its_bp, its_sp, its_ip.wrapping_add(1));
            interrupted = true;
            found(ip, false);
            continue;
        }
        let mut guessed = false;
        if let Some(rule) = rule_of(ip, is_guess) {
            if rule.is_end() {
                return StackEnd::Outermost;
            }
            let base = if rule.by_frame_pointer() { bp } else { sp };
            let cfa = base.wrapping_add(rule.distance());
            // A leaf function that has pushed nothing has its CFA 8 above the stack pointer.
            if cfa <= sp {
                return StackEnd::Damaged;
            }
            let Some(caller) = read(cfa.wrapping_sub(8)) else {
                return StackEnd::Unreadable;
            };
            if let Some(below) = rule.saved() {
                let Some(saved) = read(cfa.wrapping_sub(below)) else {
                    return StackEnd::Unreadable;
                };
                bp = saved;
            }
            (ip, sp) = (caller, cfa);
        } else if interrupted && read(ip.wrapping_sub(1)).is_none() {
            // A call to an address without code: the return address was pushed last.
            let Some(caller) = read(sp) else {
                return StackEnd::Unreadable;
            };
            if rule_of(caller, true).is_none() {
                return StackEnd::NoCaller;
            }
            (ip, sp, guessed) = (caller, sp.wrapping_add(8), true);
        } else {
            if bp < sp || bp % 8 != 0 {
                return StackEnd::NoCaller;
            }
            let (Some(its_bp), Some(caller)) = (read(bp), read(bp.wrapping_add(8))) else {
                return StackEnd::NoCaller;
            };
            // Where it leads must be code.
            if caller == 0 || read(caller.wrapping_sub(1)).is_none() {
                return StackEnd::NoCaller;
            }
            (ip, sp, bp, guessed) = (caller, bp.wrapping_add(16), its_bp, true);
        }
        if ip == 0 {
            return StackEnd::Outermost;
        }
        interrupted = false;
        is_guess |= guessed;
        found(ip, guessed);
    }
    StackEnd::TooLong
}
