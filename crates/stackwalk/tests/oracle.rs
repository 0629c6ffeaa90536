//! Compares return addresses with those of the `backtrace` crate in usual situations: recursion,
//! callbacks, signal handlers, threads, destructors, futures.
#![cfg(target_os = "linux")]

use std::cell::Cell;
use std::ffi::{c_int, c_void};
use std::hint::black_box;
use std::sync::Mutex;

thread_local! {
    static IN_HANDLER: Cell<bool> = const { Cell::new(false) };
}

/// Compares both walks from here. Returns whether the fast walk is possible from here.
#[inline(never)]
fn check() -> bool {
    let mut ours = [0; 1024];
    let len = stackwalk::walk(&mut ours);
    let mut theirs = Vec::new();
    backtrace::trace(|frame| {
        theirs.push(frame.ip().addr());
        true
    });
    // Some stacks end with a frame without an address.
    theirs.retain(|&ip| ip != 0);
    // Our walk begins in the crate; theirs includes this function at another place.
    let here = |&ip: &usize| ip.abs_diff(check as fn() -> bool as usize) < 4096;
    let ours = &ours[..len];
    let ours = &ours[ours.iter().rposition(here).unwrap() + 1..];
    let theirs = &theirs[theirs.iter().rposition(here).unwrap() + 1..];
    // musl's `raise` has no unwind table: stacks of its signal handlers end there.
    let ends_early = cfg!(target_env = "musl") && IN_HANDLER.get();
    assert!(ours.len() > 2 || ends_early, "{ours:x?}");
    assert_eq!(ours.len(), theirs.len(), "{ours:x?} {theirs:x?}");
    for (&ours, &theirs) in ours.iter().zip(theirs) {
        // For the interrupted function, their address is that of the instruction itself.
        let interrupted = usize::from(ours == theirs + 1 && IN_HANDLER.get());
        assert_eq!(ours, theirs + interrupted);
    }
    stackwalk::fast_walk(&mut [0; 1024]).is_some()
}

#[test]
fn the_fast_walk_is_used_where_it_exists() {
    let exists = cfg!(all(
        any(target_env = "gnu", target_env = "musl"),
        any(target_arch = "x86_64", target_arch = "aarch64"),
        target_endian = "little"
    ));
    assert_eq!(check(), exists);
}

#[test]
fn recursion() {
    #[inline(never)]
    fn recurse(n: u32) {
        if n == 0 {
            check();
        } else {
            recurse(n - 1);
        }
        black_box(n);
    }
    (0..40).for_each(recurse);
}

#[test]
fn closures_generics_and_dyn_calls() {
    #[inline(never)]
    fn generic<T: Copy, F: Fn(T)>(value: T, f: F) {
        f(value);
        black_box(());
    }
    let dynamic: Box<dyn Fn(i32)> = Box::new(|n| {
        check();
        black_box(n);
    });
    generic(1, &dynamic);
    generic(1u8, |n| {
        generic([n; 3], |_| [1, 2].iter().for_each(|&n| dynamic(n)))
    });
    let mut items = [3, 1, 2];
    items.sort_by(|a, b| {
        check();
        a.cmp(b)
    });
}

/// Handles a signal on this thread. Returns whether the fast walk is possible in the handler.
#[allow(unsafe_code)]
fn in_a_handler(signal: c_int, flags: c_int) -> bool {
    static FAST: Mutex<bool> = Mutex::new(false);
    extern "C" fn handle(_: c_int) {
        // This thread raises the signal without holding a lock, so the handler may do anything.
        IN_HANDLER.set(true);
        let fast = check();
        IN_HANDLER.set(false);
        *FAST.lock().unwrap() = fast;
    }
    // SAFETY: all zeros is a valid sigaction; the handler has the right signature.
    unsafe {
        let mut action: libc::sigaction = std::mem::zeroed();
        action.sa_sigaction = handle as extern "C" fn(c_int) as usize;
        action.sa_flags = flags;
        let set = libc::sigaction(signal, &raw const action, std::ptr::null_mut());
        assert_eq!(set, 0);
        assert_eq!(libc::raise(signal), 0);
    }
    *FAST.lock().unwrap()
}

#[test]
fn a_signal_handler_needs_the_system_unwinder() {
    assert!(!in_a_handler(libc::SIGUSR1, 0));
}

#[test]
#[allow(unsafe_code)]
fn an_alternate_signal_stack_needs_the_system_unwinder() {
    let stack = vec![0u8; 1 << 20].leak();
    let alternative = libc::stack_t {
        ss_sp: stack.as_mut_ptr().cast::<c_void>(),
        ss_flags: 0,
        ss_size: stack.len(),
    };
    // SAFETY: the stack is leaked, so that it outlives the thread.
    let set = unsafe { libc::sigaltstack(&raw const alternative, std::ptr::null_mut()) };
    assert_eq!(set, 0);
    assert!(!in_a_handler(libc::SIGUSR2, libc::SA_ONSTACK));
}

#[test]
fn threads() {
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..50 {
                    check();
                }
            });
        }
    });
}

#[test]
fn a_destructor_during_a_panic() {
    struct Guard;
    impl Drop for Guard {
        fn drop(&mut self) {
            check();
        }
    }
    let caught = std::panic::catch_unwind(|| {
        let _guard = Guard;
        std::panic::resume_unwind(Box::new("quietly"));
    });
    assert!(caught.is_err());
}

#[test]
fn async_functions() {
    use std::future::Future;
    use std::task::{Context, Poll, Waker};
    async fn inner() {
        check();
    }
    async fn outer() {
        inner().await;
    }
    let mut future = std::pin::pin!(outer());
    let mut context = Context::from_waker(Waker::noop());
    assert_eq!(future.as_mut().poll(&mut context), Poll::Ready(()));
}

// A function that signs its return address, like C code compiled with `-mbranch-protection=pac-ret`.
// On processors without pointer authentication the address does not change.
#[cfg(target_arch = "aarch64")]
std::arch::global_asm!(
    ".globl stackwalk_test_call_signed",
    ".type stackwalk_test_call_signed, %function",
    "stackwalk_test_call_signed:",
    ".cfi_startproc",
    // paciasp
    "hint #25",
    ".cfi_negate_ra_state",
    "stp x29, x30, [sp, #-16]!",
    ".cfi_def_cfa_offset 16",
    ".cfi_offset x29, -16",
    ".cfi_offset x30, -8",
    "mov x29, sp",
    "blr x0",
    "ldp x29, x30, [sp], #16",
    ".cfi_restore x29",
    ".cfi_restore x30",
    ".cfi_def_cfa_offset 0",
    // autiasp
    "hint #29",
    ".cfi_negate_ra_state",
    "ret",
    ".cfi_endproc",
    ".size stackwalk_test_call_signed, . - stackwalk_test_call_signed",
);

#[cfg(target_arch = "aarch64")]
#[test]
#[allow(unsafe_code)]
fn signed_return_addresses() {
    unsafe extern "C" {
        fn stackwalk_test_call_signed(callback: extern "C" fn());
    }
    extern "C" fn callback() {
        assert!(check());
    }
    // SAFETY: the function calls its argument and preserves the callee-saved registers.
    unsafe { stackwalk_test_call_signed(callback) };
}
