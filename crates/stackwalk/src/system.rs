//! Walks with the system's unwinder.

#[cfg(all(target_os = "linux", not(target_arch = "arm")))]
pub(crate) use linux::walk;
#[cfg(not(all(target_os = "linux", not(target_arch = "arm"))))]
pub(crate) use portable::walk;

/// The unwinder that std is linked to, called directly: `backtrace::trace` takes a lock.
#[cfg(all(target_os = "linux", not(target_arch = "arm")))]
mod linux {
    use std::ffi::{c_int, c_void};

    type Visit = unsafe extern "C" fn(context: *mut c_void, data: *mut c_void) -> c_int;

    const URC_NO_REASON: c_int = 0;
    const URC_NORMAL_STOP: c_int = 4;

    // std links the library with these functions on every Linux target (libgcc_s or libunwind).
    unsafe extern "C" {
        fn _Unwind_Backtrace(visit: Visit, data: *mut c_void) -> c_int;
        fn _Unwind_GetIPInfo(context: *mut c_void, before_instruction: *mut c_int) -> usize;
        fn _Unwind_GetCFA(context: *mut c_void) -> usize;
    }

    struct Walk<'a> {
        addresses: &'a mut [usize],
        len: usize,
        /// The stack pointer of `walk`. The first frames, which are below it, belong to the walk.
        /// Later frames may be anywhere, because a signal handler may run on an alternate stack.
        own_sp: usize,
    }

    /// Writes the return addresses of this thread. Returns their number.
    #[inline(never)]
    pub(crate) fn walk(addresses: &mut [usize]) -> usize {
        let local = 0u8;
        let mut walk = Walk {
            addresses,
            len: 0,
            own_sp: std::hint::black_box(&raw const local).addr(),
        };
        // SAFETY: the callback runs only during this call, while `walk` is alive and not used by other
        // code. It does not unwind.
        unsafe { _Unwind_Backtrace(visit, (&raw mut walk).cast::<c_void>()) };
        walk.len
    }

    unsafe extern "C" fn visit(context: *mut c_void, data: *mut c_void) -> c_int {
        // SAFETY: `data` is the pointer to the live `Walk` that `walk` passed.
        let walk = unsafe { &mut *data.cast::<Walk<'_>>() };
        // SAFETY: the unwinder passes a context that is valid during the callback.
        let sp = unsafe { _Unwind_GetCFA(context) };
        if walk.len == 0 && sp != 0 && sp <= walk.own_sp {
            return URC_NO_REASON;
        }
        let mut before_instruction = 0;
        // SAFETY: as above, and the flag is a live integer.
        let ip = unsafe { _Unwind_GetIPInfo(context, &raw mut before_instruction) };
        if ip == 0 {
            return URC_NORMAL_STOP;
        }
        // In a frame that a signal interrupted, the address is that of the instruction itself. A
        // lookup subtracts 1 from every address, so 1 is added to this one.
        let ip = ip + usize::from(before_instruction != 0);
        let Some(slot) = walk.addresses.get_mut(walk.len) else {
            return URC_NORMAL_STOP;
        };
        *slot = ip;
        walk.len += 1;
        URC_NO_REASON
    }
}

/// Walks with the `backtrace` crate: outside Linux, and on 32-bit ARM, where `_Unwind_GetIPInfo` and
/// `_Unwind_GetCFA` are C macros.
#[cfg(not(all(target_os = "linux", not(target_arch = "arm"))))]
mod portable {
    /// Writes the return addresses of this thread. Returns their number.
    #[inline(never)]
    pub(crate) fn walk(addresses: &mut [usize]) -> usize {
        let local = 0u8;
        let own_sp = std::hint::black_box(&raw const local).addr();
        let mut len = 0;
        let visit = |frame: &backtrace::Frame| {
            let sp = frame.sp().addr();
            // The first frames, below this function's locals, belong to the walk. If the platform does
            // not know the stack pointer, it is 0; then these frames are trimmed later by their names.
            if len == 0 && sp != 0 && sp <= own_sp {
                return true;
            }
            let ip = frame.ip().addr();
            let Some(slot) = addresses.get_mut(len).filter(|_| ip != 0) else {
                return false;
            };
            *slot = ip;
            len += 1;
            true
        };
        // dbghelp on Windows must not be called by two threads at the same time.
        #[cfg(windows)]
        backtrace::trace(visit);
        // SAFETY: outside Windows, several threads may call the unwinder at the same time.
        #[cfg(not(windows))]
        unsafe {
            backtrace::trace_unsynchronized(visit);
        }
        len
    }
}
