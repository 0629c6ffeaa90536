//! The unwinder that the Rust runtime itself is linked to.
//!
//! Asked directly, it needs no lock: `backtrace::trace` takes one around it.

use std::ffi::{c_int, c_void};

type Visit = unsafe extern "C" fn(context: *mut c_void, data: *mut c_void) -> c_int;

/// `_URC_NO_REASON`: go on.
const GO_ON: c_int = 0;
/// `_URC_NORMAL_STOP`.
const STOP: c_int = 4;

// std links the library that has these on every Linux target (libgcc_s or libunwind).
unsafe extern "C" {
    fn _Unwind_Backtrace(visit: Visit, data: *mut c_void) -> c_int;
    fn _Unwind_GetIPInfo(context: *mut c_void, before_instruction: *mut c_int) -> usize;
    fn _Unwind_GetCFA(context: *mut c_void) -> usize;
}

struct Walk<'a> {
    ips: &'a mut [usize],
    len: usize,
    here: usize,
}

/// Walks the stack of this thread; returns how many addresses it found. The frames of the walk
/// itself are left out by comparing stack pointers, which needs no names and so holds in a
/// stripped binary.
#[inline(never)]
pub(super) fn walk(ips: &mut [usize]) -> usize {
    let mark = 0u8;
    let mut walk = Walk {
        ips,
        len: 0,
        here: std::hint::black_box(&raw const mark).addr(),
    };
    // SAFETY: the callback is called during this call only, with `walk` alive and otherwise
    // unused; it does not unwind.
    unsafe { _Unwind_Backtrace(visit, (&raw mut walk).cast::<c_void>()) };
    walk.len
}

unsafe extern "C" fn visit(context: *mut c_void, data: *mut c_void) -> c_int {
    // SAFETY: `data` is the pointer to the live `Walk` that was passed along.
    let walk = unsafe { &mut *data.cast::<Walk<'_>>() };
    // SAFETY: the unwinder passes a context that is valid during the callback.
    let sp = unsafe { _Unwind_GetCFA(context) };
    if sp != 0 && sp <= walk.here {
        // Below this function's caller's own locals: a frame of the walk.
        return GO_ON;
    }
    let mut before_instruction = 0;
    // SAFETY: as above, and the flag is a live integer.
    let ip = unsafe { _Unwind_GetIPInfo(context, &raw mut before_instruction) };
    if ip == 0 {
        return STOP;
    }
    // A frame that a signal interrupted holds the address of the instruction itself; all others
    // that of the next one, and so whoever looks them up subtracts one.
    let ip = ip + usize::from(before_instruction != 0);
    let Some(slot) = walk.ips.get_mut(walk.len) else {
        return STOP;
    };
    *slot = ip;
    walk.len += 1;
    GO_ON
}
