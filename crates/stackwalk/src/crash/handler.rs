//! The signal handler. The first thread that crashes writes the record, other crashing threads wait.

use super::earlier::{self, code_of, is_abort, is_repeated, none, pass_on};
use super::record::{MAGIC, word};
use super::write::{Armed, Crash, set, write, write_modules, write_threads};
use crate::alternate_stack;
use crate::fast::{RuleCache, has_tables, prepare_for_signals};
use crate::own_stack::{Resume, call_on};
use crate::process_lock::ProcessLock;
use crate::threads;
use std::ffi::{c_int, c_void};
use std::io;
use std::ptr;
use std::sync::atomic::{AtomicBool, AtomicI32, AtomicPtr, AtomicU8, AtomicUsize, Ordering};
use std::time::Duration;

/// The walk runs on a stack of its own, because the alternate stack of a thread may have only a few KiB.
const STACK_BYTES: usize = 256 << 10;

/// A signal that arrives during the first one gets another alternate stack: the standard library's
/// handler aborts, and SIGABRT has this handler, too. If the processor has many registers, a thread's
/// alternate stack of 8 KiB has no room for a second signal frame.
const NESTED_BYTES: usize = 64 << 10;

const NO_STACK: libc::stack_t = libc::stack_t {
    ss_sp: ptr::null_mut(),
    ss_flags: libc::SS_DISABLE,
    ss_size: 0,
};

/// How long other crashing threads wait for the first one, in milliseconds.
const TIMEOUT_MS: u32 = 2_000;

/// Never freed: a handler may read it at any time.
static ARMED: AtomicPtr<Armed> = AtomicPtr::new(ptr::null_mut());
/// The thread whose crash is written; 0 for none.
static OWNER: AtomicI32 = AtomicI32::new(0);
/// Where the owner continues if it faults while it writes; zeros if it does not write.
static RESUME: [AtomicUsize; 2] = [const { AtomicUsize::new(0) }; 2];
static IS_WRITTEN: AtomicBool = AtomicBool::new(false);
/// Whether the record was written completely.
static IS_COMPLETE: AtomicBool = AtomicBool::new(false);
/// Whether the owner has asked the other threads for their stacks.
static ARE_OTHERS_ASKED: AtomicBool = AtomicBool::new(false);
/// How many threads are in the handler, or [`CLEARING`].
static INSIDE: AtomicUsize = AtomicUsize::new(0);
/// The last thread in the handler is clearing the area.
const CLEARING: usize = usize::MAX;
/// A signal that was sent to the thread that writes, or 0.
static SENT_MEANWHILE: AtomicI32 = AtomicI32::new(0);
pub(super) fn arm(area: &'static [AtomicU8]) -> io::Result<()> {
    static ARMING: ProcessLock = ProcessLock::new();
    let one_at_a_time = ARMING.lock(Duration::from_secs(1));
    let _one_at_a_time = one_at_a_time.ok_or(io::ErrorKind::TimedOut)?;
    prepare_for_signals();
    threads::prepare_for_crash();
    write_modules(area);
    set(area, word::STATE, 0);
    set(area, word::MAGIC, MAGIC);
    // Without an alternate stack, a stack overflow is not written.
    alternate_stack::prepare_this_thread();
    let armed = Armed {
        area,
        // SAFETY: no preconditions.
        pid: unsafe { libc::getpid() },
        tables: has_tables(),
        cache: Box::into_raw(Box::new(RuleCache::new())),
        stack: leak(STACK_BYTES),
        nested: leak(NESTED_BYTES),
    };
    let is_first = earlier::remember()?;
    ARMED.store(Box::into_raw(Box::new(armed)), Ordering::Release);
    if is_first {
        earlier::replace_by(handler())?;
    } else {
        // A forked child inherits the values of its parent.
        OWNER.store(0, Ordering::Release);
        IS_WRITTEN.store(false, Ordering::Release);
    }
    Ok(())
}

/// Memory for a stack. Unused pages take no memory.
fn leak(bytes: usize) -> *mut u8 {
    Box::leak(vec![0_u8; bytes].into_boxed_slice()).as_mut_ptr()
}

fn handler() -> usize {
    on_signal as *const () as usize
}

unsafe extern "C" fn on_signal(signal: c_int, info: *mut libc::siginfo_t, context: *mut c_void) {
    // SAFETY: errno of this thread.
    let errno = unsafe { *libc::__errno_location() };
    let armed = ARMED.load(Ordering::Acquire);
    let mut entered = None;
    // SAFETY: ARMED is null or points to memory that is never freed.
    if let Some(armed) = unsafe { armed.as_ref() } {
        // SAFETY: no preconditions. A forked child must not write to its parent's area.
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
                // A signal was sent to this thread while it writes; the write has not faulted. The
                // signal is blocked until the record is written, and then sent again.
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
                // This thread has faulted while it wrote: the file may have been truncated.
                // SAFETY: these are the arguments of a handler.
                Err(owner) if owner == thread && unsafe { resume(context) } => {
                    entered.inspect(|armed| leave(armed));
                    // SAFETY: as above.
                    unsafe { *libc::__errno_location() = errno };
                    return;
                }
                // The record is written, and the earlier handler of its signal aborts.
                Err(owner) if owner == thread => {}
                Err(_) => wait(|| IS_WRITTEN.load(Ordering::Acquire)),
            }
        }
    }
    // SAFETY: these are the arguments of a handler.
    let survives = unsafe {
        let before_death = || write_other_threads(signal, info, context);
        pass_on(handler(), signal, info, context, before_death)
    };
    if survives && let Some(armed) = entered {
        // SAFETY: as above.
        if unsafe { is_abort(signal, info) } {
            // After the handler, `abort` restores the default action and sends the signal again.
            IS_COMPLETE.store(false, Ordering::Relaxed);
        }
        leave(armed);
    }
    // SAFETY: as above.
    unsafe { *libc::__errno_location() = errno };
}

/// Counts this thread as being in the handler. Returns whether it was counted.
fn enter() -> bool {
    for _ in 0..TIMEOUT_MS {
        match INSIDE.load(Ordering::Acquire) {
            CLEARING => sleep_1_ms(),
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

/// A counted thread leaves the handler, and the process continues. Only the last one clears the area,
/// because another thread in the handler may be about to end the process by the recorded crash.
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

/// Calls [`Crash::work`] on a stack of its own. If it faults, the rest of it is skipped.
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
        if crash.alternate_stack.ss_flags & libc::SS_DISABLE == 0 {
            // The handler of this thread, the owner, runs on its current alternate stack. The kernel
            // restores that one when the handler returns.
            let nested = libc::stack_t {
                ss_sp: crash.armed.nested.cast(),
                ss_flags: 0,
                ss_size: NESTED_BYTES,
            };
            libc::sigaltstack(&raw const nested, ptr::null_mut());
        }
    }
}

/// Writes the other threads, if this thread has written its crash. Called only if the process is about
/// to die of the signal, so that a process whose earlier handler repairs the fault is not disturbed.
///
/// # Safety
///
/// The arguments must be those of a running handler.
unsafe fn write_other_threads(signal: c_int, info: *mut libc::siginfo_t, context: *mut c_void) {
    // SAFETY: the pointer is null or points to memory that is never freed.
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

/// Makes the handler return to the place stored by [`call_on`]. Returns false if nothing is being
/// written.
///
/// # Safety
///
/// `context` must be that of a running handler, in the thread that writes.
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

/// Waits until the other thread has written its record, or until the timeout.
fn wait(is_written: impl Fn() -> bool) {
    for _ in 0..TIMEOUT_MS {
        if is_written() {
            return;
        }
        sleep_1_ms();
    }
}

fn sleep_1_ms() {
    let time = libc::timespec {
        tv_sec: 0,
        tv_nsec: 1_000_000,
    };
    // SAFETY: `time` is live.
    unsafe { libc::nanosleep(&raw const time, ptr::null_mut()) };
}

/// Calls [`Crash::work`]. A fault in it must not be handled on the alternate stack, because the frame of
/// the running crash handler is there. So signals are unblocked only while there is no alternate stack.
unsafe extern "C" fn work_without_alternate_stack(crash: *mut Crash<'_>) {
    let mut faults = none().sa_mask;
    let mut mask = none().sa_mask;
    // SAFETY: the caller passes a live pointer, which nothing else uses meanwhile. This function does
    // not run on the alternate stack, so it may change it. All sets are live.
    unsafe {
        let crash = &mut *crash;
        libc::sigaltstack(&NO_STACK, &raw mut crash.alternate_stack);
        libc::sigemptyset(&raw mut faults);
        for signal in [libc::SIGSEGV, libc::SIGBUS, libc::SIGILL, libc::SIGFPE] {
            libc::sigaddset(&raw mut faults, signal);
        }
        // The kernel ends a process that faults while the signal of the fault is blocked.
        libc::pthread_sigmask(libc::SIG_UNBLOCK, &raw const faults, &raw mut mask);
        (crash.work)(crash);
        crash.is_complete = true;
        // Blocks the signals before this function returns to the alternate stack.
        libc::pthread_sigmask(libc::SIG_SETMASK, &raw const mask, ptr::null_mut());
    }
}
