//! The stacks of all threads of this process.
//!
//! [`capture`] lists the threads with the system's information about them, and asks each by a signal to
//! walk its own stack. The threads are not stopped together: each continues after its own walk, so the
//! stacks are not from the same instant.
//!
//! Stacks are available on x86-64 Linux with glibc. Before glibc 2.35, they are walked only with frame
//! pointers. On other Linux systems the list has no stacks.
//!
//! # The signal
//!
//! The first call takes a real-time signal that has the default action: the one that the fewest
//! threads block and, if there are several, the one with the highest number. The handler stays
//! installed. It neither allocates nor locks. It walks on a stack of its own, so it needs little room on
//! the stack of the thread.
//!
//! The signal interrupts system calls of the threads. Most of them are restarted by the kernel
//! (`SA_RESTART`). These are not, and return `EINTR`: `poll`, `select`, `epoll_wait`, `nanosleep`,
//! `io_getevents`, `sigtimedwait`, calls on System V message queues and semaphores, and calls on
//! sockets with a timeout (`SO_RCVTIMEO`, `SO_SNDTIMEO`). The standard library and asynchronous
//! executors repeat them; other code must be ready for `EINTR`, as it must be for any signal.
//!
//! No thread may replace the process by `exec` during a capture: a signal that arrives too late would
//! end the new program. Starting child processes is safe.

#[cfg(all(
    target_os = "linux",
    target_env = "gnu",
    target_arch = "x86_64",
    target_pointer_width = "64"
))]
#[allow(unsafe_code)]
mod answer;
#[cfg(all(
    target_os = "linux",
    target_env = "gnu",
    target_arch = "x86_64",
    target_pointer_width = "64"
))]
#[allow(unsafe_code)]
mod claim;
#[cfg(all(
    target_os = "linux",
    target_env = "gnu",
    target_arch = "x86_64",
    target_pointer_width = "64"
))]
#[allow(unsafe_code)]
mod crashed;
#[cfg(target_os = "linux")]
mod procfs;
#[cfg(all(
    target_os = "linux",
    target_env = "gnu",
    target_arch = "x86_64",
    target_pointer_width = "64"
))]
#[allow(unsafe_code)]
mod request;
#[cfg(all(
    target_os = "linux",
    target_env = "gnu",
    target_arch = "x86_64",
    target_pointer_width = "64"
))]
#[allow(unsafe_code)]
mod slots;

#[cfg(all(
    target_os = "linux",
    target_env = "gnu",
    target_arch = "x86_64",
    target_pointer_width = "64"
))]
pub(crate) use crashed::{Other, each_other};
#[cfg(all(
    target_os = "linux",
    target_env = "gnu",
    target_arch = "x86_64",
    target_pointer_width = "64"
))]
pub(crate) use request::prepare_for_crash;

use crate::StackEnd;
use std::fmt;
use std::io;

/// One thread of this process.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Thread {
    /// The system's id of the thread. The id of the main thread is the id of the process.
    pub id: u32,
    /// The system's name of the thread, of at most 15 bytes.
    pub name: String,
    /// The kernel's word for the state of the thread before it was asked for its stack, such as
    /// `running`, `sleeping` or `disk sleep`.
    pub state: String,
    /// The number of the system call in which it waits, if any.
    pub system_call: Option<u64>,
    /// The kernel function in which it waits, if the kernel tells. Only set for threads without a
    /// stack.
    pub waits_in: Option<String>,
    /// At most 512 return addresses, innermost first. The first one is the start of the interrupted
    /// instruction plus one.
    pub addresses: Vec<usize>,
    /// Whether the stack was walked, and how far.
    pub outcome: Outcome,
}

impl Thread {
    /// The name of the system call in which it waits, if it is a common one.
    #[must_use]
    pub fn system_call_name(&self) -> Option<&'static str> {
        #[cfg(target_os = "linux")]
        return procfs::system_call_name(self.system_call?);
        #[cfg(not(target_os = "linux"))]
        None
    }
}

/// The outcome of the request for a thread's stack.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Outcome {
    /// The thread walked its stack. Tells why the walk ended.
    Walked(StackEnd),
    /// The thread blocks the signal, so it was not asked.
    Blocked,
    /// The thread is stopped, or has ended but still exists, so it was not asked.
    Stopped,
    /// The thread did not answer in time.
    NoAnswer,
    /// The signal could not be sent.
    NotSent,
    /// Threads can't walk their stacks on this system.
    Unsupported,
}

impl Outcome {
    const NOT_WALKED: [Outcome; 5] = [
        Outcome::Unsupported,
        Outcome::Blocked,
        Outcome::Stopped,
        Outcome::NoAnswer,
        Outcome::NotSent,
    ];
    const WALKED: u64 = 0x80;

    #[cfg_attr(
        not(all(target_os = "linux", target_env = "gnu", target_arch = "x86_64")),
        expect(dead_code)
    )]
    pub(crate) fn to_word(self) -> u64 {
        match self {
            Outcome::Walked(end) => Outcome::WALKED | end as u64,
            _ => {
                let mut kinds = Outcome::NOT_WALKED.iter();
                kinds.position(|its| *its == self).unwrap_or(0) as u64
            }
        }
    }

    pub(crate) fn from_word(word: u64) -> Outcome {
        if word & Outcome::WALKED != 0 {
            return Outcome::Walked(StackEnd::from_word(word & !Outcome::WALKED));
        }
        let mut kinds = Outcome::NOT_WALKED.iter().copied();
        kinds.nth(word as usize).unwrap_or(Outcome::Unsupported)
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Outcome::Walked(end) => return end.fmt(f),
            Outcome::Blocked => "the thread blocks the signal that asks for its stack",
            Outcome::Stopped => "the thread is stopped",
            Outcome::NoAnswer => "the thread did not answer in time",
            Outcome::NotSent => "the signal that asks for the stack could not be sent",
            Outcome::Unsupported => "stacks of threads can't be walked on this system",
        })
    }
}

/// Lists the threads of this process with their stacks.
///
/// It takes at most two seconds, and only some milliseconds if hundreds of threads answer. Before that,
/// it waits for a call by another thread to end, for at most two seconds. Threads that start meanwhile
/// may be missing. Must not be called in a signal handler.
///
/// # Errors
///
/// Fails if `/proc/self/task` can't be read, and with `Unsupported` outside Linux.
///
/// # Examples
///
/// ```
/// if cfg!(target_os = "linux") {
///     let threads = stackwalk::threads::capture()?;
///     assert!(threads.iter().any(|thread| thread.id == std::process::id()));
/// }
/// # Ok::<(), std::io::Error>(())
/// ```
pub fn capture() -> io::Result<Vec<Thread>> {
    #[cfg(all(
        target_os = "linux",
        target_env = "gnu",
        target_arch = "x86_64",
        target_pointer_width = "64"
    ))]
    return Ok(request::stacks(procfs::threads()?));
    #[cfg(all(
        target_os = "linux",
        not(all(
            target_env = "gnu",
            target_arch = "x86_64",
            target_pointer_width = "64"
        ))
    ))]
    return Ok(procfs::threads()?
        .into_iter()
        .map(procfs::described)
        .collect());
    #[cfg(not(target_os = "linux"))]
    Err(io::ErrorKind::Unsupported.into())
}

/// Prepares for [`capture`]. Call it early, on the main thread.
///
/// The standard library unmaps the main thread's alternate signal stack when another thread calls
/// [`std::process::exit`]. If the main thread is asked for its stack at that moment, the process ends
/// by SIGSEGV. This function gives the main thread another alternate stack. If only other threads call
/// it, the first capture does so, by an extra signal to the main thread.
pub fn prepare() {
    #[cfg(target_os = "linux")]
    crate::alternate_stack::prepare_main();
}

/// The system's id of this thread, as in [`Thread::id`]; 0 if it is not known.
///
/// It is a system call.
#[must_use]
#[allow(unsafe_code)]
pub fn current_id() -> u32 {
    #[cfg(target_os = "linux")]
    // SAFETY: no preconditions.
    return unsafe { libc::syscall(libc::SYS_gettid) } as u32;
    #[cfg(not(target_os = "linux"))]
    0
}
