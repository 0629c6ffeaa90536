//! The earlier actions of the signals, and passing signals on to them.

use crate::signal::ERRORS;
use std::ffi::{c_int, c_void};
use std::io;
use std::mem::MaybeUninit;
use std::ptr;
use std::sync::atomic::{AtomicBool, AtomicPtr, Ordering};

/// The action of each signal before the handler was installed. Never freed.
static EARLIER: AtomicPtr<[libc::sigaction; ERRORS.len()]> = AtomicPtr::new(ptr::null_mut());
/// Whether the earlier handler has restored the default action.
static IS_DEFAULT: [AtomicBool; ERRORS.len()] = [const { AtomicBool::new(false) }; ERRORS.len()];

/// Stores the current actions of the signals. Returns false if that was done before.
pub(super) fn remember() -> io::Result<bool> {
    if !EARLIER.load(Ordering::Acquire).is_null() {
        return Ok(false);
    }
    let mut earlier = [none(); ERRORS.len()];
    for (signal, action) in ERRORS.iter().zip(&mut earlier) {
        // SAFETY: `action` is live.
        if unsafe { libc::sigaction(*signal, ptr::null(), action) } != 0 {
            return Err(io::Error::last_os_error());
        }
    }
    EARLIER.store(Box::into_raw(Box::new(earlier)), Ordering::Release);
    Ok(true)
}

/// Installs the handler for all signals whose stored action is not to ignore them.
pub(super) fn replace_by(handler: usize) -> io::Result<()> {
    for (signal, action) in ERRORS.iter().zip(earlier().into_iter().flatten()) {
        if action.sa_sigaction != libc::SIG_IGN {
            install(handler, *signal, action)?;
        }
    }
    Ok(())
}

fn earlier() -> Option<&'static [libc::sigaction; ERRORS.len()]> {
    // SAFETY: the pointer is null or points to memory that is never freed.
    unsafe { EARLIER.load(Ordering::Acquire).as_ref() }
}

pub(super) fn none() -> libc::sigaction {
    // SAFETY: all fields are integers or optional functions, for which zero is valid.
    unsafe { MaybeUninit::zeroed().assume_init() }
}

fn install(handler: usize, signal: c_int, earlier: &libc::sigaction) -> io::Result<()> {
    let mut action = none();
    action.sa_sigaction = handler;
    action.sa_flags = libc::SA_SIGINFO | libc::SA_ONSTACK | (earlier.sa_flags & libc::SA_RESTART);
    // SAFETY: both pointers are live. The handler is async-signal-safe.
    let done = unsafe {
        libc::sigfillset(&raw mut action.sa_mask);
        libc::sigaction(signal, &raw const action, ptr::null_mut())
    };
    if done == 0 {
        Ok(())
    } else {
        Err(io::Error::last_os_error())
    }
}

/// Has the effect that the signal would have had without `ours`, the handler that is running. Returns
/// whether the process continues. Calls `before_death` if the process is about to die of the signal.
///
/// # Safety
///
/// The other arguments must be those of the running handler.
pub(super) unsafe fn pass_on(
    ours: usize,
    signal: c_int,
    info: *mut libc::siginfo_t,
    context: *mut c_void,
    before_death: impl FnOnce(),
) -> bool {
    let Some(index) = ERRORS.iter().position(|&its| its == signal) else {
        return true;
    };
    let Some(earlier) = earlier().map(|earlier| &earlier[index]) else {
        return true;
    };
    let code = code_of(info);
    let handler = earlier.sa_sigaction;
    if handler == libc::SIG_DFL || IS_DEFAULT[index].load(Ordering::Acquire) {
        // A handler that was installed later has called this one. Let the process continue, as that
        // handler would if the earlier action were the default. After a fault, this would loop forever.
        if !is_repeated(signal, code) && current(signal).sa_sigaction != ours {
            return true;
        }
        before_death();
        // SAFETY: by the caller.
        unsafe { die(signal, info, code) };
        return false;
    }
    let before = current(signal).sa_sigaction;
    // SAFETY: by the caller. The address is that of the handler that was installed for this signal, and
    // its flags tell its signature.
    unsafe {
        restore_mask(signal, earlier, context.cast());
        if earlier.sa_flags & libc::SA_SIGINFO != 0 {
            type Handler = unsafe extern "C" fn(c_int, *mut libc::siginfo_t, *mut c_void);
            let handler: Handler = std::mem::transmute::<usize, Handler>(handler);
            handler(signal, info, context);
        } else {
            type Handler = unsafe extern "C" fn(c_int);
            let handler: Handler = std::mem::transmute::<usize, Handler>(handler);
            handler(signal);
        }
    }
    let now = current(signal).sa_sigaction;
    // std's handler restores the default action and returns, so that the instruction faults again.
    // Other handlers restore the handler that they had replaced.
    if now != before && is_repeated(signal, code) {
        before_death();
        return false;
    }
    if now != libc::SIG_DFL {
        return true;
    }
    // A signal that another process sent is not raised again: only the next one is fatal.
    IS_DEFAULT[index].store(true, Ordering::Release);
    let _ = install(ours, signal, earlier);
    true
}

/// The action of the signal.
fn current(signal: c_int) -> libc::sigaction {
    let mut action = none();
    // SAFETY: `action` is live.
    unsafe { libc::sigaction(signal, ptr::null(), &raw mut action) };
    action
}

/// Whether the signal comes from C's `abort`, or was sent by this process in the same way.
///
/// # Safety
///
/// `info` must be that of a running handler.
pub(super) unsafe fn is_abort(signal: c_int, info: *const libc::siginfo_t) -> bool {
    /// Missing in the oldest `libc` that this crate accepts.
    const SI_TKILL: c_int = -6;
    // SAFETY: by the caller. Such a signal has a sender.
    let sender = |info: *const libc::siginfo_t| unsafe { (*info).si_pid() };
    // SAFETY: no preconditions.
    let own = unsafe { libc::getpid() };
    signal == libc::SIGABRT && code_of(info) == SI_TKILL && sender(info) == own
}

/// The reason for the signal (`si_code`).
pub(super) fn code_of(info: *const libc::siginfo_t) -> c_int {
    // SAFETY: the kernel passed it to the handler, where it is valid.
    unsafe { (*info).si_code }
}

/// Whether the signal is raised again when its handler returns, because the instruction is repeated.
pub(super) fn is_repeated(signal: c_int, code: c_int) -> bool {
    /// A memory error that no instruction has accessed yet.
    const BUS_MCEERR_AO: c_int = 5;
    match signal {
        libc::SIGSEGV | libc::SIGILL | libc::SIGFPE => code > 0,
        libc::SIGBUS => code > 0 && code != BUS_MCEERR_AO,
        _ => false,
    }
}

/// Sets the signal mask with which the earlier handler must run.
///
/// # Safety
///
/// `context` must be that of a running handler.
unsafe fn restore_mask(signal: c_int, earlier: &libc::sigaction, context: *const libc::ucontext_t) {
    // SAFETY: by the caller; all sets are live.
    unsafe {
        let mut mask = (*context).uc_sigmask;
        // The kernel saves only 8 bytes of the C library's 128.
        let mut set = none().sa_mask;
        libc::sigemptyset(&raw mut set);
        for number in 1..=64 {
            let is_blocked = libc::sigismember(&raw mut mask, number) == 1
                || libc::sigismember(&raw const earlier.sa_mask, number) == 1
                || number == signal && earlier.sa_flags & libc::SA_NODEFER == 0;
            if is_blocked {
                libc::sigaddset(&raw mut set, number);
            }
        }
        libc::pthread_sigmask(libc::SIG_SETMASK, &raw const set, ptr::null_mut());
    }
}

/// Restores the default action, and makes sure that the signal is raised again when the handler returns.
///
/// # Safety
///
/// `info` must be that of the running handler.
unsafe fn die(signal: c_int, info: *mut libc::siginfo_t, code: c_int) {
    let mut default = none();
    default.sa_sigaction = libc::SIG_DFL;
    // SAFETY: by the caller. The signal is blocked until the handler returns, so the signal that is
    // sent here is delivered where the first one was, with the same information.
    unsafe {
        libc::sigaction(signal, &raw const default, ptr::null_mut());
        if !is_repeated(signal, code) {
            let (pid, thread) = (libc::getpid(), libc::gettid());
            let sent = libc::syscall(libc::SYS_rt_tgsigqueueinfo, pid, thread, signal, info);
            if sent != 0 {
                libc::syscall(libc::SYS_tgkill, pid, thread, signal);
            }
        }
    }
}
