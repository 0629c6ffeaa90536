//! The handlers, and where a signal goes afterwards.

use super::record::{MAGIC, word};
use super::write::{Armed, Crash, set, write, write_modules, write_threads};
use crate::alternate_stack;
use crate::fast::{RuleCache, has_tables, prepare_for_signals};
use crate::own_stack::{Resume, call_on};
use crate::process_lock::ProcessLock;
use crate::threads;
use std::ffi::{c_int, c_void};
use std::io;
use std::mem::MaybeUninit;
use std::ptr;
use std::sync::atomic::{AtomicBool, AtomicI32, AtomicPtr, AtomicU8, AtomicUsize, Ordering};
use std::time::Duration;

const SIGNALS: [c_int; 7] = [
    libc::SIGSEGV,
    libc::SIGBUS,
    libc::SIGILL,
    libc::SIGFPE,
    libc::SIGABRT,
    libc::SIGTRAP,
    libc::SIGSYS,
];

/// The alternate stack of a thread may have a few KiB only, so the walk gets its own.
const STACK_BYTES: usize = 256 << 10;

const NO_STACK: libc::stack_t = libc::stack_t {
    ss_sp: ptr::null_mut(),
    ss_flags: libc::SS_DISABLE,
    ss_size: 0,
};

/// How long other threads that crash wait for the first one, in milliseconds.
const PATIENCE: u32 = 2_000;

/// Never freed: a handler may read it at any time.
static ARMED: AtomicPtr<Armed> = AtomicPtr::new(ptr::null_mut());
/// The thread whose crash is written; 0 for none.
static OWNER: AtomicI32 = AtomicI32::new(0);
/// Where the owner goes on if it faults while it writes; zeros if it does not write.
static RESUME: [AtomicUsize; 2] = [const { AtomicUsize::new(0) }; 2];
static IS_WRITTEN: AtomicBool = AtomicBool::new(false);
/// Whether all of it was written.
static IS_COMPLETE: AtomicBool = AtomicBool::new(false);
/// Whether the owner asks the other threads for their stacks.
static ARE_OTHERS_ASKED: AtomicBool = AtomicBool::new(false);
/// How many threads are in the handler, or [`CLEARING`].
static INSIDE: AtomicUsize = AtomicUsize::new(0);
/// The last of them clears the area.
const CLEARING: usize = usize::MAX;
/// A signal that was sent to the thread that writes, or 0.
static SENT_MEANWHILE: AtomicI32 = AtomicI32::new(0);
/// What each signal did before; never freed.
static EARLIER: AtomicPtr<[libc::sigaction; SIGNALS.len()]> = AtomicPtr::new(ptr::null_mut());
/// Whether the earlier handler has restored the default action.
static IS_DEFAULT: [AtomicBool; SIGNALS.len()] = [const { AtomicBool::new(false) }; SIGNALS.len()];

pub(super) fn arm(area: &'static [AtomicU8]) -> io::Result<()> {
    static ARMING: ProcessLock = ProcessLock::new();
    let one_at_a_time = ARMING.lock(Duration::from_secs(1));
    let _one_at_a_time = one_at_a_time.ok_or(io::ErrorKind::TimedOut)?;
    prepare_for_signals();
    threads::prepare_for_crash();
    write_modules(area);
    set(area, word::STATE, 0);
    set(area, word::MAGIC, MAGIC);
    // Without one, an overflow of the stack is not written.
    alternate_stack::prepare_this_thread();
    let armed = Armed {
        area,
        // SAFETY: no preconditions.
        pid: unsafe { libc::getpid() },
        tables: has_tables(),
        cache: Box::into_raw(Box::new(RuleCache::new())),
        stack: Box::leak(vec![0_u8; STACK_BYTES].into_boxed_slice()).as_mut_ptr(),
    };
    if EARLIER.load(Ordering::Acquire).is_null() {
        let mut earlier = [none(); SIGNALS.len()];
        for (signal, action) in SIGNALS.iter().zip(&mut earlier) {
            // SAFETY: `action` is live.
            if unsafe { libc::sigaction(*signal, ptr::null(), action) } != 0 {
                return Err(io::Error::last_os_error());
            }
        }
        EARLIER.store(Box::into_raw(Box::new(earlier)), Ordering::Release);
        ARMED.store(Box::into_raw(Box::new(armed)), Ordering::Release);
        for (signal, action) in SIGNALS.iter().zip(&earlier) {
            if action.sa_sigaction != libc::SIG_IGN {
                install(*signal, action)?;
            }
        }
    } else {
        ARMED.store(Box::into_raw(Box::new(armed)), Ordering::Release);
        // A forked child inherits what its parent had written.
        OWNER.store(0, Ordering::Release);
        IS_WRITTEN.store(false, Ordering::Release);
    }
    Ok(())
}

fn none() -> libc::sigaction {
    // SAFETY: all fields are integers or optional functions, for which zero is valid.
    unsafe { MaybeUninit::zeroed().assume_init() }
}

fn install(signal: c_int, earlier: &libc::sigaction) -> io::Result<()> {
    let mut action = none();
    action.sa_sigaction = on_signal as *const () as usize;
    action.sa_flags = libc::SA_SIGINFO | libc::SA_ONSTACK | (earlier.sa_flags & libc::SA_RESTART);
    // SAFETY: both pointers are live. The handler only does what is safe in a handler.
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

unsafe extern "C" fn on_signal(signal: c_int, info: *mut libc::siginfo_t, context: *mut c_void) {
    // SAFETY: errno of this thread.
    let errno = unsafe { *libc::__errno_location() };
    let armed = ARMED.load(Ordering::Acquire);
    let mut entered = None;
    // SAFETY: ARMED is null or points to what is never freed.
    if let Some(armed) = unsafe { armed.as_ref() } {
        // SAFETY: no preconditions. A forked child leaves its parent's area alone.
        let (pid, thread) = unsafe { (libc::getpid(), libc::gettid()) };
        if pid == armed.pid {
            entered = enter().then_some(armed);
            match OWNER.compare_exchange(0, thread, Ordering::AcqRel, Ordering::Acquire) {
                Ok(_) => {
                    let mut crash = Crash {
                        armed,
                        signal,
                        info,
                        context,
                        thread,
                        work: write,
                        is_complete: false,
                        alternate_stack: NO_STACK,
                    };
                    do_guarded(&mut crash);
                    let sent = SENT_MEANWHILE.swap(0, Ordering::Relaxed);
                    if sent != 0 {
                        // SAFETY: no preconditions.
                        unsafe { libc::syscall(libc::SYS_tgkill, pid, thread, sent) };
                    }
                    IS_COMPLETE.store(crash.is_complete, Ordering::Relaxed);
                    IS_WRITTEN.store(true, Ordering::Release);
                }
                // A signal was sent to this thread while it writes. It is no fault of the writing: it
                // is sent again when that is done, and blocked until then.
                Err(owner)
                    if owner == thread
                        && !IS_WRITTEN.load(Ordering::Acquire)
                        && !is_repeated(signal, code_of(info)) =>
                {
                    SENT_MEANWHILE.store(signal, Ordering::Relaxed);
                    entered.inspect(|armed| leave(armed));
                    // SAFETY: these are the arguments of a handler, and errno is this thread's.
                    unsafe {
                        let context = &mut *context.cast::<libc::ucontext_t>();
                        libc::sigaddset(&raw mut context.uc_sigmask, signal);
                        *libc::__errno_location() = errno;
                    }
                    return;
                }
                // This thread has faulted while it wrote: the file may have been cut.
                // SAFETY: these are the arguments of a handler.
                Err(owner) if owner == thread && unsafe { resume(context) } => {
                    entered.inspect(|armed| leave(armed));
                    // SAFETY: as above.
                    unsafe { *libc::__errno_location() = errno };
                    return;
                }
                // The earlier handler of the signal that was written aborts.
                Err(owner) if owner == thread => {}
                Err(_) => wait(|| IS_WRITTEN.load(Ordering::Acquire)),
            }
        }
    }
    // SAFETY: these are the arguments of a handler.
    let survives = unsafe { pass_on(signal, info, context) };
    if survives && let Some(armed) = entered {
        // SAFETY: as above.
        if unsafe { is_abort(signal, info) } {
            // `abort` restores the default action now, and sends the signal again.
            IS_COMPLETE.store(false, Ordering::Relaxed);
        }
        leave(armed);
    }
    // SAFETY: as above.
    unsafe { *libc::__errno_location() = errno };
}

/// Counts a thread that is in the handler. Returns whether it was counted.
fn enter() -> bool {
    for _ in 0..PATIENCE {
        match INSIDE.load(Ordering::Acquire) {
            CLEARING => pause(),
            inside => {
                let more = INSIDE.compare_exchange(
                    inside,
                    inside + 1,
                    Ordering::AcqRel,
                    Ordering::Acquire,
                );
                if more.is_ok() {
                    return true;
                }
            }
        }
    }
    false
}

/// A thread that was counted leaves the handler, and the process goes on. The last one clears the
/// area: before, another thread may be about to end the process, which is the crash that is written.
fn leave(armed: &Armed) {
    loop {
        let inside = INSIDE.load(Ordering::Acquire);
        let less = if inside == 1 { CLEARING } else { inside - 1 };
        let left = INSIDE.compare_exchange(inside, less, Ordering::AcqRel, Ordering::Acquire);
        match left {
            Err(_) => {}
            Ok(_) if less != CLEARING => return,
            Ok(_) => break,
        }
    }
    // An area that could not be written is not touched again.
    if IS_COMPLETE.swap(false, Ordering::Relaxed) {
        set(armed.area, word::STATE, 0);
    }
    IS_WRITTEN.store(false, Ordering::Release);
    OWNER.store(0, Ordering::Release);
    INSIDE.store(0, Ordering::Release);
}

/// Calls [`Crash::work`] on the stack of its own. If it faults, the rest of it is left out.
fn do_guarded(crash: &mut Crash<'_>) {
    let mut mask = none().sa_mask;
    let stack = crash.armed.stack.wrapping_add(STACK_BYTES);
    // SAFETY: all sets are live. The stack is this thread's, which has just become the owner.
    unsafe {
        libc::pthread_sigmask(libc::SIG_BLOCK, ptr::null(), &raw mut mask);
        let resume = RESUME.as_ptr().cast_mut().cast::<Resume>();
        call_on(stack, work_without_alternate_stack, crash, resume);
        libc::pthread_sigmask(libc::SIG_SETMASK, &raw const mask, ptr::null_mut());
        RESUME[0].store(0, Ordering::Relaxed);
        libc::sigaltstack(&raw const crash.alternate_stack, ptr::null_mut());
    }
}

/// Writes the other threads, if this thread has written its crash. The process is about to die of the
/// signal: one that goes on, because an earlier handler has repaired what was wrong, is not disturbed.
///
/// # Safety
///
/// The arguments are those of a handler that runs.
unsafe fn write_other_threads(signal: c_int, info: *mut libc::siginfo_t, context: *mut c_void) {
    // SAFETY: it is null or points to what is never freed.
    let Some(armed) = (unsafe { ARMED.load(Ordering::Acquire).as_ref() }) else {
        return;
    };
    // SAFETY: no preconditions.
    let (pid, thread) = unsafe { (libc::getpid(), libc::gettid()) };
    if pid != armed.pid || !IS_COMPLETE.load(Ordering::Acquire) {
        return;
    }
    if OWNER.load(Ordering::Acquire) != thread {
        wait(|| !ARE_OTHERS_ASKED.load(Ordering::Acquire));
        return;
    }
    ARE_OTHERS_ASKED.store(true, Ordering::Release);
    do_guarded(&mut Crash {
        armed,
        signal,
        info,
        context,
        thread,
        work: write_threads,
        is_complete: false,
        alternate_stack: NO_STACK,
    });
    ARE_OTHERS_ASKED.store(false, Ordering::Release);
}

/// Makes the handler return to where [`call_on`] said; false if nothing is written now.
///
/// # Safety
///
/// `context` is that of a handler that runs, in the thread that writes.
unsafe fn resume(context: *mut c_void) -> bool {
    let [ip, sp] = [&RESUME[0], &RESUME[1]].map(|word| word.load(Ordering::Relaxed));
    if ip == 0 {
        return false;
    }
    RESUME[0].store(0, Ordering::Relaxed);
    // SAFETY: by the caller.
    let registers = unsafe { &mut (*context.cast::<libc::ucontext_t>()).uc_mcontext.gregs };
    registers[libc::REG_RIP as usize] = ip as i64;
    registers[libc::REG_RSP as usize] = sp as i64;
    true
}

/// Waits until the other thread has written, or too long.
fn wait(is_written: impl Fn() -> bool) {
    for _ in 0..PATIENCE {
        if is_written() {
            return;
        }
        pause();
    }
}

/// Sleeps for a millisecond.
fn pause() {
    let time = libc::timespec {
        tv_sec: 0,
        tv_nsec: 1_000_000,
    };
    // SAFETY: `time` is live.
    unsafe { libc::nanosleep(&raw const time, ptr::null_mut()) };
}

/// Calls [`Crash::work`]. A fault in it must not be handled on the alternate stack, where the handler of
/// the crash itself has its frame: signals are unblocked only when there is no alternate stack.
unsafe extern "C" fn work_without_alternate_stack(crash: *mut Crash<'_>) {
    let mut faults = none().sa_mask;
    let mut mask = none().sa_mask;
    // SAFETY: the caller passes a live pointer, which nothing else uses meanwhile. This function
    // does not run on the alternate stack, so that it may be changed. All sets are live.
    unsafe {
        let crash = &mut *crash;
        libc::sigaltstack(&NO_STACK, &raw mut crash.alternate_stack);
        libc::sigemptyset(&raw mut faults);
        for signal in [libc::SIGSEGV, libc::SIGBUS, libc::SIGILL, libc::SIGFPE] {
            libc::sigaddset(&raw mut faults, signal);
        }
        // The kernel ends a process that faults while that signal is blocked.
        libc::pthread_sigmask(libc::SIG_UNBLOCK, &raw const faults, &raw mut mask);
        (crash.work)(crash);
        crash.is_complete = true;
        // Before this function returns to the stack that the alternate one is.
        libc::pthread_sigmask(libc::SIG_SETMASK, &raw const mask, ptr::null_mut());
    }
}

/// Does what the signal would have done without us. Returns whether the process goes on.
///
/// # Safety
///
/// The arguments are those of a handler that runs.
unsafe fn pass_on(signal: c_int, info: *mut libc::siginfo_t, context: *mut c_void) -> bool {
    let Some(index) = SIGNALS.iter().position(|&its| its == signal) else {
        return true;
    };
    // SAFETY: it is null or points to what is never freed.
    let Some(earlier) = (unsafe { EARLIER.load(Ordering::Acquire).as_ref() }) else {
        return true;
    };
    let earlier = &earlier[index];
    let code = code_of(info);
    let handler = earlier.sa_sigaction;
    if handler == libc::SIG_DFL || IS_DEFAULT[index].load(Ordering::Acquire) {
        // A handler that was installed later has called this one. It lets the process go on, as it would
        // if it had found the default action. After a fault, that would go on forever.
        if !is_repeated(signal, code) && !is_ours(signal) {
            return true;
        }
        // SAFETY: by the caller.
        unsafe {
            write_other_threads(signal, info, context);
            die(signal, info, code);
        }
        return false;
    }
    let before = current(signal).sa_sigaction;
    // SAFETY: by the caller, and the address is that of the handler that was installed for this
    // signal, with the signature that its flags tell.
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
    // Others restore the handler that they had found.
    if now != before && is_repeated(signal, code) {
        // SAFETY: by the caller.
        unsafe { write_other_threads(signal, info, context) };
        return false;
    }
    if now != libc::SIG_DFL {
        return true;
    }
    // A signal that another process sent does not come again: the next one is fatal.
    IS_DEFAULT[index].store(true, Ordering::Release);
    let _ = install(signal, earlier);
    true
}

/// The action of the signal.
fn current(signal: c_int) -> libc::sigaction {
    let mut action = none();
    // SAFETY: `action` is live.
    unsafe { libc::sigaction(signal, ptr::null(), &raw mut action) };
    action
}

fn is_ours(signal: c_int) -> bool {
    current(signal).sa_sigaction == on_signal as *const () as usize
}

/// Whether the signal is that of C's `abort`, or was sent by this process as `abort` does.
///
/// # Safety
///
/// `info` is that of a handler that runs.
unsafe fn is_abort(signal: c_int, info: *const libc::siginfo_t) -> bool {
    /// The oldest `libc` that we accept lacks it.
    const SI_TKILL: c_int = -6;
    // SAFETY: by the caller. Such a signal has a sender.
    let sender = |info: *const libc::siginfo_t| unsafe { (*info).si_pid() };
    // SAFETY: no preconditions.
    let own = unsafe { libc::getpid() };
    signal == libc::SIGABRT && code_of(info) == SI_TKILL && sender(info) == own
}

/// Why the signal was sent.
fn code_of(info: *const libc::siginfo_t) -> c_int {
    // SAFETY: the kernel's argument of a handler is valid in it.
    unsafe { (*info).si_code }
}

/// Whether the signal comes again when its handler returns, because the instruction is repeated.
fn is_repeated(signal: c_int, code: c_int) -> bool {
    /// A memory error that no instruction has met yet.
    const BUS_MCEERR_AO: c_int = 5;
    match signal {
        libc::SIGSEGV | libc::SIGILL | libc::SIGFPE => code > 0,
        libc::SIGBUS => code > 0 && code != BUS_MCEERR_AO,
        _ => false,
    }
}

/// Sets the signals that are blocked in the earlier handler.
///
/// # Safety
///
/// `context` is that of a handler that runs.
unsafe fn restore_mask(signal: c_int, earlier: &libc::sigaction, context: *const libc::ucontext_t) {
    // SAFETY: by the caller; all sets are live.
    unsafe {
        let mut mask = (*context).uc_sigmask;
        // The kernel saves 8 bytes of the 128 that the C library has room for.
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

/// Restores the default action, and makes the signal come again when the handler returns.
///
/// # Safety
///
/// `info` is that of the handler that runs.
unsafe fn die(signal: c_int, info: *mut libc::siginfo_t, code: c_int) {
    let mut default = none();
    default.sa_sigaction = libc::SIG_DFL;
    // SAFETY: by the caller. The signal is blocked until the handler returns, so a signal that is
    // sent here is delivered at the place of the first one, with the same information.
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
