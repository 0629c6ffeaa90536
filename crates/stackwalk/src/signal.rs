//! Waits for a signal that requests something from this process.
//!
//! [`listen`] installs a handler that counts the signals and wakes the thread that waits. It also calls
//! the handler that was installed before. Linux only.

use std::io;

/// The signals by which a process crashes: the system ends it because of an error in it.
#[cfg(target_os = "linux")]
pub(crate) const ERRORS: [std::ffi::c_int; 7] = [
    libc::SIGSEGV,
    libc::SIGBUS,
    libc::SIGILL,
    libc::SIGFPE,
    libc::SIGABRT,
    libc::SIGTRAP,
    libc::SIGSYS,
];

/// Listens for a signal. Several listeners may listen for the same signal.
#[derive(Debug)]
pub struct Listener {
    signal: i32,
    #[cfg(target_os = "linux")]
    seen: u32,
}

/// Handles a signal from now on, such as SIGUSR1. The program continues after it.
///
/// A handler that was installed before is called, too. System calls that the signal interrupts are
/// restarted if possible. A forked child ignores the signal until it calls this itself; a program that
/// it starts has the default action.
///
/// # Errors
///
/// `InvalidInput` for signals that can't be caught, and for signals that report errors of the program
/// itself, such as SIGSEGV. `Unsupported` outside Linux.
pub fn listen(signal: i32) -> io::Result<Listener> {
    #[cfg(target_os = "linux")]
    return linux::listen(signal);
    #[cfg(not(target_os = "linux"))]
    {
        let _ = signal;
        Err(io::ErrorKind::Unsupported.into())
    }
}

impl Listener {
    /// The number of the signal.
    #[must_use]
    pub fn signal(&self) -> i32 {
        self.signal
    }

    /// Blocks until the signal has arrived at least once since the last call, or since [`listen`].
    pub fn wait(&mut self) {
        #[cfg(target_os = "linux")]
        linux::wait(self);
    }
}

/// Creates an anonymous file with this text. Other programs of the same user can find it among the open
/// files of this process (`/proc/PID/fd`), as `memfd:NAME`. It exists until the process ends or replaces
/// itself by `exec`.
///
/// # Errors
///
/// Errors of creating the file, and `Unsupported` outside Linux.
pub fn publish(name: &std::ffi::CStr, text: &[u8]) -> io::Result<()> {
    #[cfg(target_os = "linux")]
    return linux::publish(name, text);
    #[cfg(not(target_os = "linux"))]
    {
        let _ = (name, text);
        Err(io::ErrorKind::Unsupported.into())
    }
}

#[cfg(target_os = "linux")]
mod linux {
    use super::{ERRORS, Listener};
    use crate::alternate_stack;
    use crate::process_lock::ProcessLock;
    use std::ffi::{CStr, c_int, c_void};
    use std::fs::File;
    use std::io::{self, Write};
    use std::mem::MaybeUninit;
    use std::os::fd::{FromRawFd, IntoRawFd};
    use std::ptr;
    use std::sync::atomic::{AtomicI32, AtomicU32, AtomicUsize, Ordering};
    use std::time::Duration;

    /// Signals have numbers from 1 to 64.
    const SIGNALS: usize = 65;
    /// How often each signal has arrived. Listeners wait on these words.
    static COUNTS: [AtomicU32; SIGNALS] = [const { AtomicU32::new(0) }; SIGNALS];
    /// The address and the flags of the handler that was installed before.
    static EARLIER: [[AtomicUsize; 2]; SIGNALS] =
        [const { [const { AtomicUsize::new(0) }; 2] }; SIGNALS];
    /// The process that listens.
    static PROCESS: AtomicI32 = AtomicI32::new(0);

    pub(super) fn listen(signal: c_int) -> io::Result<Listener> {
        static LISTENING: ProcessLock = ProcessLock::new();
        if ERRORS.contains(&signal) || !(1..SIGNALS as c_int).contains(&signal) {
            return Err(io::ErrorKind::InvalidInput.into());
        }
        let one_at_a_time = LISTENING.lock(Duration::from_secs(1));
        let _one_at_a_time = one_at_a_time.ok_or(io::ErrorKind::TimedOut)?;
        alternate_stack::prepare_main();
        // SAFETY: no preconditions.
        PROCESS.store(unsafe { libc::getpid() }, Ordering::SeqCst);
        let mut action = none();
        // SAFETY: `action` is live.
        if unsafe { libc::sigaction(signal, ptr::null(), &raw mut action) } != 0 {
            return Err(io::Error::last_os_error());
        }
        let ours = on_signal as *const () as usize;
        if action.sa_sigaction != ours {
            let [handler, flags] = &EARLIER[signal as usize];
            flags.store(action.sa_flags as usize, Ordering::SeqCst);
            handler.store(action.sa_sigaction, Ordering::SeqCst);
            action.sa_sigaction = ours;
            action.sa_flags = libc::SA_SIGINFO
                | alternate_stack::flag()
                | libc::SA_RESTART
                | (action.sa_flags & libc::SA_NODEFER);
            // SAFETY: both pointers are live. The handler is async-signal-safe.
            if unsafe { libc::sigaction(signal, &raw const action, ptr::null_mut()) } != 0 {
                return Err(io::Error::last_os_error());
            }
        }
        let seen = COUNTS[signal as usize].load(Ordering::SeqCst);
        Ok(Listener { signal, seen })
    }

    fn none() -> libc::sigaction {
        // SAFETY: all fields are integers or optional functions, for which zero is valid.
        unsafe { MaybeUninit::zeroed().assume_init() }
    }

    pub(super) fn wait(listener: &mut Listener) {
        let count = &COUNTS[listener.signal as usize];
        loop {
            let now = count.load(Ordering::SeqCst);
            if now != listener.seen {
                listener.seen = now;
                return;
            }
            futex(count, libc::FUTEX_WAIT, now);
        }
    }

    fn futex(count: &AtomicU32, operation: c_int, value: u32) {
        // SAFETY: the first pointer is live. The second is null, which means no timeout.
        unsafe {
            libc::syscall(
                libc::SYS_futex,
                count.as_ptr(),
                operation | libc::FUTEX_PRIVATE_FLAG,
                value,
                ptr::null::<libc::timespec>(),
            );
        }
    }

    unsafe extern "C" fn on_signal(
        signal: c_int,
        info: *mut libc::siginfo_t,
        context: *mut c_void,
    ) {
        // SAFETY: errno of this thread.
        let errno = unsafe { *libc::__errno_location() };
        let index = signal as usize % SIGNALS;
        // SAFETY: no preconditions.
        if unsafe { libc::getpid() } == PROCESS.load(Ordering::SeqCst) {
            COUNTS[index].fetch_add(1, Ordering::SeqCst);
            futex(&COUNTS[index], libc::FUTEX_WAKE, u32::MAX >> 1);
        }
        let [handler, flags] = &EARLIER[index];
        let handler = handler.load(Ordering::SeqCst);
        if handler != libc::SIG_DFL && handler != libc::SIG_IGN {
            let has_info = flags.load(Ordering::SeqCst) as c_int & libc::SA_SIGINFO != 0;
            // SAFETY: it is the address of the handler that was installed for this signal, and its
            // flags tell its signature. The arguments are those of this handler.
            unsafe {
                if has_info {
                    type Handler = unsafe extern "C" fn(c_int, *mut libc::siginfo_t, *mut c_void);
                    std::mem::transmute::<usize, Handler>(handler)(signal, info, context);
                } else {
                    type Handler = unsafe extern "C" fn(c_int);
                    std::mem::transmute::<usize, Handler>(handler)(signal);
                }
            }
        }
        // SAFETY: as above.
        unsafe { *libc::__errno_location() = errno };
    }

    pub(super) fn publish(name: &CStr, text: &[u8]) -> io::Result<()> {
        // SAFETY: the name is a C string. The new descriptor has no other owner.
        let mut file = unsafe {
            let descriptor = libc::memfd_create(name.as_ptr(), libc::MFD_CLOEXEC);
            if descriptor < 0 {
                return Err(io::Error::last_os_error());
            }
            File::from_raw_fd(descriptor)
        };
        file.write_all(text)?;
        // The file must stay open.
        let _ = file.into_raw_fd();
        Ok(())
    }
}
