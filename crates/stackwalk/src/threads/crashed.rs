//! Lists and asks the threads of a process that crashes. This runs in a signal handler, so it must not
//! allocate or lock, and its time is limited.

use super::Outcome;
use super::answer::{ANSWERS, Ticket};
use super::claim::claimed_signal;
use super::request::{has_ended, next_request, send, wait};
use super::slots::{self, CRASH_SLOT, Slot};
use std::ffi::{CStr, c_int, c_long};
use std::ptr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// The time that each thread has to answer.
const TIMEOUT: Duration = Duration::from_millis(100);
/// The time that all threads together have to answer.
const TOTAL_TIMEOUT: Duration = Duration::from_millis(500);
/// How often a running thread that blocks the signal is checked again.
const MAX_CHECKS: usize = 5;

/// A thread other than the one that crashes.
pub(crate) struct Other<'a> {
    pub(crate) id: u32,
    pub(crate) name: &'a [u8],
    /// The kernel's letter for its state.
    pub(crate) state: u8,
    pub(crate) system_call: Option<u64>,
    pub(crate) outcome: Outcome,
    pub(crate) addresses: &'a [AtomicUsize],
}

/// Calls `found` with each thread of this process except `own`, in the order of their ids. Returns
/// whether the list is complete.
pub(crate) fn each_other(own: c_int, mut found: impl FnMut(&Other<'_>)) -> bool {
    let Some(tasks) = File::open(libc::AT_FDCWD, c"/proc/self/task", libc::O_DIRECTORY) else {
        return false;
    };
    let ends = Instant::now() + TOTAL_TIMEOUT;
    let mut entries = Entries([0; 2048]);
    loop {
        // SAFETY: the kernel writes at most that many bytes.
        let read = unsafe {
            let (buffer, len) = (entries.0.as_mut_ptr(), entries.0.len());
            libc::syscall(libc::SYS_getdents64, tasks.0, buffer, len)
        };
        let Ok(len @ 1..) = usize::try_from(read) else {
            return read == 0;
        };
        let mut rest = entries.0.get(..len).unwrap_or_default();
        while let Some((id, after)) = next_entry(rest) {
            rest = after;
            if let Some(id) = id.filter(|id| i64::from(*id) != i64::from(own)) {
                ask(&tasks, id, ends, &mut found);
            }
        }
    }
}

/// The buffer for `getdents64`, which must be aligned.
#[repr(align(8))]
struct Entries([u8; 2048]);

/// The thread id that is the name of the first entry, and the entries after it.
fn next_entry(entries: &[u8]) -> Option<(Option<u32>, &[u8])> {
    /// The offsets of an entry's length and name.
    const LEN: usize = 16;
    const NAME: usize = 19;
    let len = u16::from_ne_bytes([*entries.get(LEN)?, *entries.get(LEN + 1)?]);
    let name = entries.get(NAME..len.into())?;
    let name = name.split(|&byte| byte == 0).next()?;
    let id = std::str::from_utf8(name)
        .ok()
        .and_then(|name| name.parse().ok());
    Some((id, entries.get(len.into()..)?))
}

/// Calls `found` with the thread, unless it has ended.
fn ask(tasks: &File, id: u32, ends: Instant, found: &mut impl FnMut(&Other<'_>)) {
    let target = claimed_signal().zip(slots::of_crash());
    let mut buffer = [0; 4096];
    let mut checks = 0;
    let status = loop {
        let Some(len) = read(tasks, id, "status", &mut buffer) else {
            return;
        };
        let status = &buffer[..len];
        // The C library blocks all signals for a short time while it starts a thread.
        let is_busy = state(status) == b'R'
            && target.is_some_and(|(signal, _)| blocks(status, signal))
            && checks < MAX_CHECKS
            && Instant::now() < ends;
        if !is_busy {
            break status;
        }
        checks += 1;
        sleep_1_ms();
    };
    let mut line = [0; 256];
    // "running", or the number and the arguments; -1 outside of system calls.
    let call = read(tasks, id, "syscall", &mut line).and_then(|len| {
        let number = line[..len].split(|&byte| byte == b' ').next()?;
        std::str::from_utf8(number).ok()?.parse().ok()
    });
    let mut other = Other {
        id,
        name: field(status, b"Name:").unwrap_or_default(),
        state: state(status),
        system_call: call,
        outcome: Outcome::NotSent,
        addresses: &[],
    };
    let is_exec =
        |number: u64| [libc::SYS_execve, libc::SYS_execveat].contains(&(number as c_long));
    match target {
        _ if !b"RSDI".contains(&other.state) => other.outcome = Outcome::Stopped,
        Some((signal, _)) if blocks(status, signal) => other.outcome = Outcome::Blocked,
        Some((signal, slot)) if !call.is_some_and(is_exec) => {
            let Some(answer) = answer(slot, id, signal, ends) else {
                return;
            };
            (other.outcome, other.addresses) = answer;
        }
        _ => {}
    }
    found(&other);
}

type Answer<'a> = (Outcome, &'a [AtomicUsize]);

/// Asks the thread for its stack; `None` if it has ended.
fn answer(slot: &Slot, id: u32, signal: c_int, ends: Instant) -> Option<Answer<'_>> {
    let now = Instant::now();
    if now > ends {
        return Some((Outcome::NoAnswer, &[]));
    }
    let request = next_request();
    if !slot.ask(request) {
        // Another thread takes too long for its walk and still uses the slot.
        return Some((Outcome::NotSent, &[]));
    }
    let ticket = Ticket {
        request,
        slot: CRASH_SLOT,
    };
    if let Err(error) = send(signal, id, ticket) {
        slot.withdraw(request);
        return (error != libc::ESRCH).then_some((Outcome::NotSent, &[]));
    }
    let ends = ends.min(now + TIMEOUT);
    loop {
        let seen = ANSWERS.load(Ordering::Acquire);
        let has_ended = slot.answer_in_place(request).is_none() && has_ended(id);
        let is_over = has_ended || Instant::now() > ends;
        if is_over {
            slot.withdraw(request);
        }
        // It may have answered just before the request was withdrawn.
        match slot.answer_in_place(request) {
            Some((addresses, end)) => return Some((Outcome::Walked(end), addresses)),
            None if has_ended => return None,
            None if is_over => return Some((Outcome::NoAnswer, &[])),
            None => wait(seen),
        }
    }
}

/// The value of the line that begins with `key`, in a file `status`.
fn field<'a>(status: &'a [u8], key: &[u8]) -> Option<&'a [u8]> {
    let mut lines = status.split(|&byte| byte == b'\n');
    let value = lines.find_map(|line| line.strip_prefix(key))?;
    Some(value.trim_ascii())
}

/// Whether the thread with this `status` blocks the signal. Also true if that is not known.
fn blocks(status: &[u8], signal: c_int) -> bool {
    let mask = field(status, b"SigBlk:").and_then(|mask| std::str::from_utf8(mask).ok());
    let mask = mask.and_then(|mask| u64::from_str_radix(mask, 16).ok());
    mask.is_none_or(|mask| mask >> (signal - 1) & 1 != 0)
}

/// The kernel's letter for the state of the thread with this `status`.
fn state(status: &[u8]) -> u8 {
    let state = field(status, b"State:").and_then(|state| state.first());
    state.copied().unwrap_or(b'?')
}

fn sleep_1_ms() {
    let time = libc::timespec {
        tv_sec: 0,
        tv_nsec: 1_000_000,
    };
    // SAFETY: the pointer is live. See `read`.
    unsafe {
        libc::syscall(
            libc::SYS_nanosleep,
            &raw const time,
            ptr::null_mut::<libc::timespec>(),
        );
    }
}

/// Reads the first bytes of a file about a thread. Returns their number.
fn read(tasks: &File, id: u32, name: &str, buffer: &mut [u8]) -> Option<usize> {
    let mut path = [0; 32];
    let path = path_of(id, name, &mut path)?;
    let file = File::open(tasks.0, path, 0)?;
    // SAFETY: the kernel writes at most that many bytes. It is a bare system call, because the C
    // library's function is a cancellation point, which may end the thread.
    let len = unsafe { libc::syscall(libc::SYS_read, file.0, buffer.as_mut_ptr(), buffer.len()) };
    usize::try_from(len)
        .ok()
        .filter(|len| (1..=buffer.len()).contains(len))
}

fn path_of<'a>(id: u32, name: &str, path: &'a mut [u8; 32]) -> Option<&'a CStr> {
    use std::io::Write;
    // Writing to a slice does not allocate. The last byte stays zero.
    let len = path.len() - 1;
    write!(&mut path[..len], "{id}/{name}").ok()?;
    CStr::from_bytes_until_nul(path).ok()
}

struct File(c_int);

impl File {
    fn open(dir: c_int, path: &CStr, flags: c_int) -> Option<File> {
        let flags = libc::O_RDONLY | libc::O_CLOEXEC | flags;
        // SAFETY: the path is a C string. See `read`.
        let file = unsafe { libc::syscall(libc::SYS_openat, dir, path.as_ptr(), flags) };
        c_int::try_from(file)
            .ok()
            .filter(|&file| file >= 0)
            .map(File)
    }
}

impl Drop for File {
    fn drop(&mut self) {
        // SAFETY: the descriptor is open, and has no other owner.
        unsafe { libc::syscall(libc::SYS_close, self.0) };
    }
}
