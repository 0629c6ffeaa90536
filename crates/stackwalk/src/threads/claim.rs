//! Claims the signal that asks threads for their stacks, and installs its handler.

use super::answer::on_request;
use super::procfs::Listed;
use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::ffi::c_int;
use std::iter;
use std::mem::MaybeUninit;
use std::ptr;
use std::sync::atomic::{AtomicI32, Ordering};

/// The signal for which our handler is installed; 0 for none.
static SIGNAL: AtomicI32 = AtomicI32::new(0);

/// Returns a signal for which our handler is installed.
pub(super) fn claim_signal(threads: &[Listed]) -> Option<c_int> {
    if let Some(current) = claimed_signal() {
        return Some(current);
    }
    let blocking = |signal| {
        threads
            .iter()
            .filter(|thread| thread.blocks(signal))
            .count()
    };
    // Signals that fewer threads block come first, and of those the highest. It is a heap, because a
    // sort of integers by a computed key takes forty kilobytes of code.
    let mut signals: BinaryHeap<(Reverse<usize>, c_int)> = (libc::SIGRTMIN()..=libc::SIGRTMAX())
        .map(|signal| (Reverse(blocking(signal)), signal))
        .collect();
    let free = |signal: c_int| {
        action_of(signal).is_some_and(|action| action.sa_sigaction == libc::SIG_DFL)
    };
    let signal = iter::from_fn(|| signals.pop())
        .map(|(_, signal)| signal)
        .find(|&signal| free(signal) && install(signal))?;
    SIGNAL.store(signal, Ordering::Relaxed);
    Some(signal)
}

/// The signal, if our handler is still installed for it. May be called in a signal handler.
pub(super) fn claimed_signal() -> Option<c_int> {
    let current = SIGNAL.load(Ordering::Relaxed);
    (current != 0 && is_ours(&action_of(current)?)).then_some(current)
}

fn none() -> libc::sigaction {
    // SAFETY: all fields are integers or optional functions, for which zero is valid.
    unsafe { MaybeUninit::zeroed().assume_init() }
}

fn action_of(signal: c_int) -> Option<libc::sigaction> {
    let mut action = none();
    // SAFETY: `action` is live.
    let got = unsafe { libc::sigaction(signal, ptr::null(), &raw mut action) };
    (got == 0).then_some(action)
}

fn is_ours(action: &libc::sigaction) -> bool {
    action.sa_sigaction == on_request as *const () as usize
}

/// Sets the action of our signal again, with `SA_ONSTACK` or without. On failure nothing changes.
pub(super) fn set_action(signal: c_int, on_stack: c_int) {
    let action = handler(on_stack);
    // SAFETY: `action` is live. The handler is async-signal-safe.
    unsafe { libc::sigaction(signal, &raw const action, ptr::null_mut()) };
}

/// The action of the signal.
fn handler(on_stack: c_int) -> libc::sigaction {
    let mut action = none();
    action.sa_sigaction = on_request as *const () as usize;
    action.sa_flags = libc::SA_SIGINFO | libc::SA_RESTART | on_stack;
    // SAFETY: the set is live.
    unsafe {
        libc::sigfillset(&raw mut action.sa_mask);
        // If an instruction raises a blocked signal, the kernel ends the process immediately.
        for fault in [libc::SIGSEGV, libc::SIGBUS, libc::SIGILL, libc::SIGFPE] {
            libc::sigdelset(&raw mut action.sa_mask, fault);
        }
    }
    action
}

/// Installs the handler. Returns false if another thread has installed one of its own meanwhile.
fn install(signal: c_int) -> bool {
    let action = handler(libc::SA_ONSTACK);
    let mut earlier = none();
    // SAFETY: all pointers are live. The handler is async-signal-safe.
    unsafe {
        if libc::sigaction(signal, &raw const action, &raw mut earlier) != 0 {
            return false;
        }
        if earlier.sa_sigaction == libc::SIG_DFL {
            return true;
        }
        libc::sigaction(signal, &raw const earlier, ptr::null_mut());
    }
    false
}
