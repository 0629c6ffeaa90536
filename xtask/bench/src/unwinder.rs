//! The floor of a stack: the system's unwinder walks it, and the addresses are stored.

/// More frames than any case has.
const FRAMES: usize = 256;

/// Walks the stack, and returns the number of frames.
#[cfg(unix)]
pub(crate) fn walk() -> usize {
    use std::ffi::{c_int, c_void};

    type Visit = unsafe extern "C" fn(*mut c_void, *mut c_void) -> c_int;

    unsafe extern "C" {
        fn _Unwind_Backtrace(visit: Visit, data: *mut c_void) -> c_int;
        fn _Unwind_GetIP(context: *mut c_void) -> usize;
    }

    struct Found {
        len: usize,
        addresses: [usize; FRAMES],
    }

    unsafe extern "C" fn visit(context: *mut c_void, data: *mut c_void) -> c_int {
        // SAFETY: `data` points to the array below, which is not used elsewhere during the call.
        let found = unsafe { &mut *data.cast::<Found>() };
        if let Some(address) = found.addresses.get_mut(found.len) {
            // SAFETY: the context is valid during the call.
            *address = unsafe { _Unwind_GetIP(context) };
            found.len += 1;
        }
        0
    }

    let mut found = Found {
        len: 0,
        addresses: [0; FRAMES],
    };
    // SAFETY: the array outlives the call, and the unwinder keeps no pointer to it.
    unsafe { _Unwind_Backtrace(visit, (&raw mut found).cast()) };
    std::hint::black_box(&found.addresses);
    found.len
}

/// The closest equivalent in std.
#[cfg(not(unix))]
pub(crate) fn walk() -> usize {
    std::hint::black_box(std::backtrace::Backtrace::force_capture());
    FRAMES
}
