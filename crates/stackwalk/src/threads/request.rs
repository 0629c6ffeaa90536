//! Asks threads for their stacks.

use super::answer::{ANSWERS, HAS_TABLES, MAX_REQUEST, PREPARE, SI_QUEUE, Ticket};
use super::claim::{claim_signal, set_action};
use super::procfs::{self, Listed};
use super::slots::{self, Slot};
use super::{Outcome, Thread};
use crate::alternate_stack;
use crate::fast::{has_tables, prepare_for_signals};
use crate::process_lock::{ProcessGuard, ProcessLock};
use std::ffi::c_int;
use std::process;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

/// The time that each thread has to answer.
const TIMEOUT: Duration = Duration::from_secs(1);
/// The time that all threads together have to answer.
const TOTAL_TIMEOUT: Duration = Duration::from_secs(2);
/// The time that all threads together have to unblock the signal.
const SETTLE_TIMEOUT: Duration = Duration::from_millis(50);
/// How often the waiting thread checks whether threads have ended.
const CHECK_INTERVAL: Duration = Duration::from_millis(10);

static REQUESTS: AtomicU64 = AtomicU64::new(1);

pub(super) fn next_request() -> u64 {
    REQUESTS.fetch_add(1, Ordering::Relaxed) % MAX_REQUEST
}

/// Adds the stacks to the threads. Threads that have ended meanwhile are left out.
pub(super) fn stacks(listed: Vec<Listed>) -> Vec<Thread> {
    let Some(_lock) = lock() else {
        return unanswered(listed);
    };
    let signal = slots::make().ok().and_then(|()| claim_signal(&listed));
    let Some(signal) = signal else {
        return unanswered(listed);
    };
    prepare_for_answers();
    let listed = settled(listed, signal);
    prepare_main(signal, &listed);
    let mut round = Round {
        signal,
        threads: listed.into_iter().map(Some).collect(),
        asked: Vec::new(),
        free: slots::usable(),
        ends: Instant::now() + TOTAL_TIMEOUT,
    };
    round.run();
    let threads = round.threads.into_iter().flatten();
    threads.map(procfs::described).collect()
}

/// Checks running threads that block the signal again: the C library blocks all signals for a short time
/// while it starts a thread. Threads that have ended are left out.
fn settled(threads: Vec<Listed>, signal: c_int) -> Vec<Listed> {
    let ends = Instant::now() + SETTLE_TIMEOUT;
    let check_again = |mut listed: Listed| {
        while listed.is_running() && listed.blocks(signal) && Instant::now() < ends {
            thread::sleep(Duration::from_millis(1));
            listed = procfs::listed(listed.thread.id)?;
        }
        Some(listed)
    };
    threads.into_iter().filter_map(check_again).collect()
}

fn unanswered(listed: Vec<Listed>) -> Vec<Thread> {
    let threads = listed.into_iter().map(|mut listed| {
        listed.thread.outcome = Outcome::NotSent;
        procfs::described(listed)
    });
    threads.collect()
}

/// Makes this thread the only one that asks. Returns `None` if another thread takes too long.
fn lock() -> Option<ProcessGuard<'static>> {
    static IN_USE: ProcessLock = ProcessLock::new();
    let guard = IN_USE.lock(TOTAL_TIMEOUT)?;
    if guard.is_inherited {
        // The threads of the parent do not exist in this child.
        slots::all().iter().for_each(Slot::reset);
    }
    Some(guard)
}

fn prepare_for_answers() {
    prepare_for_signals();
    HAS_TABLES.store(has_tables(), Ordering::Relaxed);
}

/// Claims the signal, and allocates the memory that the crash handler needs to ask threads. If this
/// fails, the crash handler asks no threads.
pub(crate) fn prepare_for_crash() {
    if let Some(_lock) = lock()
        && slots::make_of_crash().is_ok()
    {
        prepare_for_answers();
        claim_signal(&procfs::threads().unwrap_or_default());
    }
}

/// Ensures that the main thread handles requests on an alternate stack that is never unmapped.
///
/// The first request only replaces its alternate stack, in a handler that runs on its own stack.
fn prepare_main(signal: c_int, threads: &[Listed]) {
    alternate_stack::prepare_main();
    let is_main = |listed: &&Listed| listed.thread.id == process::id();
    let main = threads.iter().find(is_main);
    let can_be_asked = main.is_some_and(|main| obstacle(main, signal).is_none());
    let flag = alternate_stack::flag();
    if flag == libc::SA_ONSTACK || !can_be_asked {
        return;
    }
    set_action(signal, flag);
    let (seen, ends) = (ANSWERS.load(Ordering::Acquire), Instant::now() + TIMEOUT);
    if send(signal, process::id(), PREPARE).is_ok() {
        while ANSWERS.load(Ordering::Acquire) == seen && Instant::now() < ends {
            wait(seen);
        }
    }
    set_action(signal, libc::SA_ONSTACK);
}

/// The requests of one call.
struct Round {
    signal: c_int,
    /// `None` for threads that have ended.
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
                self.collect(|asked| now > ends || now > asked.at + TIMEOUT);
            }
        }
    }

    /// Asks a thread. Returns whether the slot is in use now.
    fn ask(&mut self, thread: usize, slot: usize) -> bool {
        let Some(listed) = &mut self.threads[thread] else {
            return false;
        };
        listed.thread.outcome = obstacle(listed, self.signal).unwrap_or(Outcome::NoAnswer);
        if listed.thread.outcome != Outcome::NoAnswer || Instant::now() > self.ends {
            return false;
        }
        let request = next_request();
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
                // It may have answered just before the request was withdrawn.
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

/// Why a thread can't be asked.
fn obstacle(listed: &Listed, signal: c_int) -> Option<Outcome> {
    let is_exec =
        |&number: &u64| number == libc::SYS_execve as u64 || number == libc::SYS_execveat as u64;
    if !listed.is_alive() {
        Some(Outcome::Stopped)
    } else if listed.blocks(signal) {
        Some(Outcome::Blocked)
    } else if listed.thread.system_call.as_ref().is_some_and(is_exec) {
        Some(Outcome::NotSent)
    } else {
        None
    }
}

/// Sends the signal to a thread of this process.
pub(super) fn send(signal: c_int, thread: u32, ticket: Ticket) -> Result<(), c_int> {
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

pub(super) fn has_ended(thread: u32) -> bool {
    // SAFETY: signal 0 only asks whether the thread exists.
    unsafe {
        libc::syscall(libc::SYS_tgkill, libc::getpid(), thread, 0) != 0
            && *libc::__errno_location() == libc::ESRCH
    }
}

/// Waits a short time until there are more answers than `seen`.
pub(super) fn wait(seen: u32) {
    let time = libc::timespec {
        tv_sec: 0,
        tv_nsec: CHECK_INTERVAL.subsec_nanos().into(),
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
