//! Walks from the interrupted registers of a signal, through memory that may be damaged.

use crate::StackEnd;
use crate::fast::{Registers, Rule};
use std::ffi::{c_int, c_void};

/// The registers at the place where the signal interrupted the thread.
pub(crate) fn registers_of(context: &libc::ucontext_t) -> Registers {
    let register = |index: c_int| context.uc_mcontext.gregs[index as usize].cast_unsigned();
    Registers {
        ip: register(libc::REG_RIP),
        sp: register(libc::REG_RSP),
        bp: register(libc::REG_RBP),
    }
}

/// Reads a word without a fault; `None` if the memory is not readable.
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

/// Whether a signal handler returns to this address: the code there is `mov rax, 15; syscall`.
fn is_signal_return(address: u64) -> bool {
    read(address) == Some(0x0f00_0000_0fc0_c748)
        && address
            .checked_add(1)
            .and_then(read)
            .is_some_and(|word| word >> 56 == 0x05)
}

/// The caller, its stack pointer and its frame pointer, found by the frame pointer. `None` if that does
/// not lead to code.
fn caller_by_frame_pointer(sp: u64, bp: u64) -> Option<(u64, u64, u64)> {
    if bp < sp || !bp.is_multiple_of(8) {
        return None;
    }
    let (its_bp, caller) = (read(bp)?, read(bp.wrapping_add(8))?);
    // The return address must point to code.
    if caller == 0 {
        return None;
    }
    read(caller.wrapping_sub(1))?;
    Some((caller, bp.wrapping_add(16), its_bp))
}

/// The caller and its stack pointer, found by the first word on the stack that looks like a return
/// address. This is for the `main` that rustc generates for a program whose panics abort, which has a
/// small frame and no table.
fn caller_near(sp: u64, rule_of: &mut impl FnMut(u64, bool) -> Option<Rule>) -> Option<(u64, u64)> {
    /// How many words are checked.
    const NEAR: u64 = 16;
    (0..NEAR).find_map(|n| {
        let at = sp.wrapping_add(8 * n);
        let caller = read(at)?;
        let is_caller = follows_call(caller) && rule_of(caller, true).is_some();
        is_caller.then_some((caller, at.wrapping_add(8)))
    })
}

/// Whether the bytes before this address look like a call of a usual form.
fn follows_call(address: u64) -> bool {
    let bytes = read(address.wrapping_sub(8)).unwrap_or(0).to_le_bytes();
    // A direct call, or one through a pointer at a fixed address, a register, or a pointer relative to
    // a register.
    bytes[3] == 0xe8
        || bytes[2..4] == [0xff, 0x15]
        || bytes[6] == 0xff && bytes[7] & 0xf8 == 0xd0
        || bytes[5] == 0xff && bytes[6] & 0xf8 == 0x50
}

/// The same for all forms of a call, through any register or pointer.
fn may_follow_call(address: u64) -> bool {
    let bytes = read(address.wrapping_sub(8)).unwrap_or(0).to_le_bytes();
    let is_indirect = |pair: &[u8]| pair[0] == 0xff && pair[1] & 0x38 == 0x10;
    bytes[3] == 0xe8 || bytes[1..].windows(2).any(is_indirect)
}

/// Calls `found` with each address and whether it is a guess, innermost first, for at most
/// `max_frames` frames.
///
/// `rule_of` finds the rule of an address. Its second argument tells whether the address comes from a
/// guess, and so may be wrong. Without a rule, the walk follows the frame pointer.
pub(crate) fn walk(
    registers: &Registers,
    max_frames: usize,
    mut rule_of: impl FnMut(u64, bool) -> Option<Rule>,
    mut found: impl FnMut(u64, bool),
) -> StackEnd {
    let (mut sp, mut bp) = (registers.sp, registers.bp);
    let mut ip = registers.ip.wrapping_add(1);
    // Whether the walk has made a guess so far.
    let mut is_guess = false;
    found(ip, false);
    // Whether `ip` is from an interrupted instruction, not from a call.
    let mut interrupted = true;
    for _ in 1..max_frames {
        if !interrupted && is_signal_return(ip) {
            // The stack pointer points to the ucontext, which has RBP, RSP and RIP at these offsets.
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
            // The CFA is at least 8 above the stack pointer, even in a leaf function without a frame.
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
            // After a call to an address without code, the return address is on top of the stack. After a
            // return to a smashed address, any word may be there.
            let Some(caller) = read(sp) else {
                return StackEnd::Unreadable;
            };
            if !may_follow_call(caller) || rule_of(caller, true).is_none() {
                return StackEnd::NoCaller;
            }
            (ip, sp, guessed) = (caller, sp.wrapping_add(8), true);
        } else {
            let by_frame_pointer = caller_by_frame_pointer(sp, bp);
            let caller = by_frame_pointer.or_else(|| {
                let (caller, sp) = caller_near(sp, &mut rule_of)?;
                Some((caller, sp, bp))
            });
            let Some(caller) = caller else {
                return StackEnd::NoCaller;
            };
            ((ip, sp, bp), guessed) = (caller, true);
        }
        if ip == 0 {
            // After a guess, this may not be the outermost function: any word may have been taken for a
            // return address.
            return if is_guess {
                StackEnd::NoCaller
            } else {
                StackEnd::Outermost
            };
        }
        interrupted = false;
        is_guess |= guessed;
        found(ip, guessed);
    }
    StackEnd::TooLong
}
