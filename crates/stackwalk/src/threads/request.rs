//! Asking threads for their stacks, and the handler that answers.

use super::procfs::{self, Listed};
use super::slots::{self, MAX_FRAMES, Slot};
use super::{Outcome, Thread};
use crate::StackEnd;
use crate::alternate_stack;
use crate::fast::{RuleCache, has_tables, is_permanent, prepare_for_signals, rule_in_signal};
use crate::own_stack::call_on;
use crate::process_lock::{ProcessGuard, ProcessLock};
use crate::unwind::{self, registers_of};
use std::ffi::{c_int, c_void};
use std::mem::MaybeUninit;
use std::ptr;
use std::sync::atomic::{AtomicBool, AtomicI32, AtomicU32, AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// The code of a signal that `rt_sigqueueinfo` sends. The oldest `libc` that we accept lacks it.
const SI_QUEUE: c_int = -1;

/// How long a thread has time to answer.
const PATIENCE: Duration = Duration::from_secs(1);
/// How long all threads have time in all.
const PATIENCE_IN_ALL: Duration = Duration::from_secs(2);
/// How often the one that waits looks whether threads have ended.
const LOOK: Duration = Duration::from_millis(10);

/// The signal that our handler is installed for; 0 for none.
static SIGNAL: AtomicI32 = AtomicI32::new(0);
/// Grows with each answer.
static ANSWERS: AtomicU32 = AtomicU32::new(0);
static REQUESTS: AtomicU64 = AtomicU64::new(1);
static HAS_TABLES: AtomicBool = AtomicBool::new(false);

/// Adds the stacks to the threads. Threads that have ended meanwhile are left out.
pub(super) fn stacks(listed: Vec<Listed>) -> Vec<Thread> {
    let signal = lock().and_then(|lock| Some((claim_signal(&listed)?, lock)));
    let Some((signal, _lock)) = signal else {
        return unanswered(listed);
    };
    let mut round = Round {
        signal,
        threads: listed.into_iter().map(Some).collect(),
        asked: Vec::new(),
        free: slots::usable(),
        ends: Instant::now() + PATIENCE_IN_ALL,
    };
    round.run();
    let threads = round.threads.into_iter().flatten();
    threads.map(procfs::described).collect()
}

fn unanswered(listed: Vec<Listed>) -> Vec<Thread> {
    let threads = listed.into_iter().map(|mut listed| {
        listed.thread.outcome = Outcome::NotSent;
        procfs::described(listed)
    });
    threads.collect()
}

/// Makes this thread the only one that asks. `None` if another one does for too long, or if there
/// is no memory.
fn lock() -> Option<ProcessGuard<'static>> {
    static IN_USE: ProcessLock = ProcessLock::new();
    let guard = IN_USE.lock(PATIENCE_IN_ALL)?;
    if guard.is_inherited {
        // The threads of the parent do not exist here.
        slots::all().iter().for_each(Slot::reset);
    }
    slots::make().ok()?;
    alternate_stack::prepare_main();
    prepare_for_signals();
    HAS_TABLES.store(has_tables(), Ordering::Relaxed);
    Some(guard)
}

/// A signal that our handler is installed for.
fn claim_signal(threads: &[Listed]) -> Option<c_int> {
    let current = SIGNAL.load(Ordering::Relaxed);
    if current != 0 && is_ours(&action_of(current)?) {
        return Some(current);
    }
    let mut signals: Vec<c_int> = (libc::SIGRTMIN()..=libc::SIGRTMAX()).rev().collect();
    // Stable, so that the highest of the best comes first.
    signals.sort_by_key(|&signal| {
        let blocking = threads.iter().filter(|thread| thread.blocks(signal));
        blocking.count()
    });
    let free = |signal: c_int| {
        action_of(signal).is_some_and(|action| action.sa_sigaction == libc::SIG_DFL)
    };
    let signal = signals
        .into_iter()
        .find(|&signal| free(signal) && install(signal))?;
    SIGNAL.store(signal, Ordering::Relaxed);
    Some(signal)
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

/// Installs the handler; false if another thread was faster with a handler of its own.
fn install(signal: c_int) -> bool {
    let mut action = none();
    action.sa_sigaction = on_request as *const () as usize;
    action.sa_flags = libc::SA_SIGINFO | libc::SA_ONSTACK | libc::SA_RESTART;
    let mut earlier = none();
    // SAFETY: all pointers are live. The handler only does what is safe in a handler.
    unsafe {
        libc::sigfillset(&raw mut action.sa_mask);
        // If a blocked one is raised by an instruction, the kernel ends the process at once.
        for fault in [libc::SIGSEGV, libc::SIGBUS, libc::SIGILL, libc::SIGFPE] {
            libc::sigdelset(&raw mut action.sa_mask, fault);
        }
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

/// The requests of one call.
struct Round {
    signal: c_int,
    /// `None` for those that have ended.
    threads: Vec<Option<Listed>>,
    asked: Vec<Asked>,
    /// The slots that are not in use.
    free: Vec<usize>,
    ends: Instant,
}

struct Asked {
    thread: usize,
    slot: usize,
    request: u64,
    at: Instant,
}

impl Round {
    fn run(&mut self) {
        let mut next = 0;
        loop {
            while next < self.threads.len()
                && let Some(&slot) = self.free.last()
            {
                if self.ask(next, slot) {
                    self.free.pop();
                }
                next += 1;
            }
            if self.asked.is_empty() {
                return;
            }
            let seen = ANSWERS.load(Ordering::Acquire);
            let before = self.asked.len();
            self.collect(|_| false);
            if self.asked.len() == before {
                wait(seen);
                let (now, ends) = (Instant::now(), self.ends);
                self.collect(|asked| now > ends || now > asked.at + PATIENCE);
            }
        }
    }

    /// Asks a thread. Returns whether the slot is in use now.
    fn ask(&mut self, thread: usize, slot: usize) -> bool {
        let Some(listed) = &mut self.threads[thread] else {
            return false;
        };
        let is_exec = |&number: &u64| {
            number == libc::SYS_execve as u64 || number == libc::SYS_execveat as u64
        };
        listed.thread.outcome = if !listed.is_alive() {
            Outcome::Stopped
        } else if listed.blocks(self.signal) {
            Outcome::Blocked
        } else if listed.thread.system_call.as_ref().is_some_and(is_exec) {
            Outcome::NotSent
        } else {
            Outcome::NoAnswer
        };
        if listed.thread.outcome != Outcome::NoAnswer || Instant::now() > self.ends {
            return false;
        }
        let request = REQUESTS.fetch_add(1, Ordering::Relaxed) % MAX_REQUEST;
        if !slots::all()[slot].ask(request) {
            listed.thread.outcome = Outcome::NotSent;
            return true;
        }
        if let Err(error) = send(self.signal, listed.thread.id, Ticket { request, slot }) {
            slots::all()[slot].withdraw(request);
            listed.thread.outcome = Outcome::NotSent;
            if error == libc::ESRCH {
                self.threads[thread] = None;
            }
            return false;
        }
        self.asked.push(Asked {
            thread,
            slot,
            request,
            at: Instant::now(),
        });
        true
    }

    /// Takes the answers, and withdraws the requests to threads that take too long or have ended.
    fn collect(&mut self, is_too_late: impl Fn(&Asked) -> bool) {
        let (threads, free) = (&mut self.threads, &mut self.free);
        self.asked.retain(|asked| {
            let slot = &slots::all()[asked.slot];
            let is_gone = || {
                let listed = threads[asked.thread].as_ref();
                listed.is_none_or(|listed| has_ended(listed.thread.id))
            };
            let mut answer = slot.answer(asked.request);
            let mut has_ended = false;
            if answer.is_none() {
                has_ended = is_gone();
                if !has_ended && !is_too_late(asked) {
                    return true;
                }
                slot.withdraw(asked.request);
                // It may have answered just before.
                answer = slot.answer(asked.request);
            }
            if let (Some((addresses, end)), Some(listed)) = (answer, &mut threads[asked.thread]) {
                listed.thread.addresses = addresses;
                listed.thread.outcome = Outcome::Walked(end);
            } else if has_ended {
                threads[asked.thread] = None;
            }
            if !slot.is_walking() {
                free.push(asked.slot);
            }
            false
        });
    }
}

/// What the signal carries: which request, and the slot for its answer.
struct Ticket {
    request: u64,
    slot: usize,
}

/// A ticket must fit into a pointer.
const MAX_REQUEST: u64 = 1 << 48;

impl Ticket {
    fn to_word(&self) -> usize {
        (self.request << 8) as usize | self.slot
    }

    fn from_word(word: usize) -> Ticket {
        Ticket {
            request: word as u64 >> 8,
            slot: word & 0xff,
        }
    }
}

/// Sends the signal to a thread of this process.
fn send(signal: c_int, thread: u32, ticket: Ticket) -> Result<(), c_int> {
    /// `siginfo_t` of a signal with a value.
    #[repr(C)]
    struct Queued {
        signal: c_int,
        error: c_int,
        code: c_int,
        padding: c_int,
        pid: libc::pid_t,
        uid: libc::uid_t,
        value: usize,
        rest: [u64; 12],
    }
    const _: () = assert!(size_of::<Queued>() >= size_of::<libc::siginfo_t>());
    const _: () = assert!(std::mem::offset_of!(Queued, pid) == 16);
    // SAFETY: the kernel reads the structure, which is as large as it expects.
    let sent = unsafe {
        let pid = libc::getpid();
        let info = Queued {
            signal,
            error: 0,
            code: SI_QUEUE,
            padding: 0,
            pid,
            uid: libc::getuid(),
            value: ticket.to_word(),
            rest: [0; 12],
        };
        libc::syscall(
            libc::SYS_rt_tgsigqueueinfo,
            pid,
            thread,
            signal,
            &raw const info,
        )
    };
    if sent == 0 {
        return Ok(());
    }
    // SAFETY: errno of this thread.
    Err(unsafe { *libc::__errno_location() })
}

fn has_ended(thread: u32) -> bool {
    // SAFETY: signal 0 only asks whether the thread exists.
    unsafe {
        libc::syscall(libc::SYS_tgkill, libc::getpid(), thread, 0) != 0
            && *libc::__errno_location() == libc::ESRCH
    }
}

/// Waits for an answer after the `seen` ones, for a short time.
fn wait(seen: u32) {
    let time = libc::timespec {
        tv_sec: 0,
        tv_nsec: LOOK.subsec_nanos().into(),
    };
    // SAFETY: both pointers are live.
    unsafe {
        libc::syscall(
            libc::SYS_futex,
            ANSWERS.as_ptr(),
            libc::FUTEX_WAIT | libc::FUTEX_PRIVATE_FLAG,
            seen,
            &raw const time,
        );
    }
}

unsafe extern "C" fn on_request(_: c_int, info: *mut libc::siginfo_t, context: *mut c_void) {
    // SAFETY: errno of this thread; the kernel's arguments are valid in the handler.
    let (errno, info) = unsafe { (*libc::__errno_location(), &*info) };
    // SAFETY: both have a sender.
    if info.si_code == SI_QUEUE && unsafe { info.si_pid() == libc::getpid() } {
        // SAFETY: the code says that there is a value.
        let ticket = Ticket::from_word(unsafe { info.si_value() }.sival_ptr.addr());
        if let Some(slot) = slots::all().get(ticket.slot) {
            answer(slot, ticket.request, context.cast());
        }
    }
    // SAFETY: as above.
    unsafe { *libc::__errno_location() = errno };
}

fn answer(slot: &Slot, request: u64, context: *mut libc::ucontext_t) {
    let has_answered = slot.walk(request, |stack, cache, found| {
        let mut walk = Walk {
            context,
            cache,
            found,
            end: StackEnd::Interrupted,
        };
        // SAFETY: the slot's stack belongs to this thread until it has answered.
        unsafe { call_on(stack, walk_here, &raw mut walk, &mut [0; 2]) };
        walk.end
    });
    if has_answered {
        ANSWERS.fetch_add(1, Ordering::Release);
        // SAFETY: the pointer is live.
        unsafe {
            libc::syscall(
                libc::SYS_futex,
                ANSWERS.as_ptr(),
                libc::FUTEX_WAKE | libc::FUTEX_PRIVATE_FLAG,
                1,
            );
        }
    }
}

struct Walk<'a> {
    context: *mut libc::ucontext_t,
    cache: &'a mut RuleCache,
    found: &'a mut dyn FnMut(u64),
    end: StackEnd,
}

unsafe extern "C" fn walk_here(walk: *mut Walk<'_>) {
    // SAFETY: `answer` passes a pointer to a live value that nothing else uses meanwhile, and the
    // kernel's context is valid in the handler.
    let (walk, registers) = unsafe { (&mut *walk, registers_of(&*(*walk).context)) };
    // SAFETY: this function runs on the slot's stack, in a handler with this context.
    unsafe { alternate_stack::replace(walk.context) };
    let has_tables = HAS_TABLES.load(Ordering::Relaxed);
    // The process goes on, so a guess must not lead to tables that may be unloaded now.
    let rule_of = |ip: u64, is_guess: bool| {
        let is_safe = has_tables && (!is_guess || is_permanent(ip.wrapping_sub(1)));
        is_safe.then(|| rule_in_signal(walk.cache, ip)).flatten()
    };
    walk.end = unwind::walk(&registers, MAX_FRAMES, rule_of, |address, _| {
        (walk.found)(address);
    });
}
