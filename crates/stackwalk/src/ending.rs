//! Ends of a process that are not crashes: ordinary exits, and requests to end.
//!
//! [`at_exit`] calls a function when the process exits. [`note_requests`] writes the number of the
//! signal that requests the end (SIGTERM, SIGINT, SIGHUP) to memory of the caller, such as a mapped
//! file, so that this end can be distinguished from a kill.

use std::io;
use std::sync::atomic::AtomicU8;

/// Calls `hook` when the process exits: when `main` returns, or by [`std::process::exit`] or C's
/// `exit`. An abort, a fatal signal and `_exit` do not call it.
///
/// The hook runs in the thread that exits, while other threads may still run. Thread-locals with
/// destructors are already destroyed in that thread. A forked child calls the hook, too. If this crate
/// is part of a shared library, closing the library calls it.
///
/// # Errors
///
/// `Unsupported` on systems without `atexit`, and `OutOfMemory`.
pub fn at_exit(hook: extern "C" fn()) -> io::Result<()> {
    #[cfg(unix)]
    {
        // SAFETY: the hook has the type that the C library requires.
        match unsafe { libc::atexit(hook) } {
            0 => Ok(()),
            _ => Err(io::ErrorKind::OutOfMemory.into()),
        }
    }
    #[cfg(not(unix))]
    {
        let _ = hook;
        Err(io::ErrorKind::Unsupported.into())
    }
}

/// Writes the number of the signal to `note` if SIGTERM, SIGINT or SIGHUP ends this process.
///
/// Only signals that have the default action get a handler. The handler writes the note and lets the
/// signal end the process as if there were no handler. If the program installs its own handler later,
/// that one counts: this handler writes nothing, even if the other one calls it.
///
/// A second call replaces the note. In a forked child nothing is written until the child calls this
/// itself.
///
/// # Errors
///
/// `Unsupported` on systems without signals, and the system's errors of installing handlers.
pub fn note_requests(note: &'static AtomicU8) -> io::Result<()> {
    #[cfg(unix)]
    return requests::note(note);
    #[cfg(not(unix))]
    {
        let _ = note;
        Err(io::ErrorKind::Unsupported.into())
    }
}

#[cfg(unix)]
mod requests {
    use std::ffi::c_int;
    use std::io;
    use std::mem::MaybeUninit;
    use std::process;
    use std::ptr;
    use std::sync::atomic::{AtomicBool, AtomicPtr, AtomicU8, AtomicU32, Ordering};

    const SIGNALS: [c_int; 3] = [libc::SIGTERM, libc::SIGINT, libc::SIGHUP];

    /// Points to a static, or is null.
    static NOTE: AtomicPtr<AtomicU8> = AtomicPtr::new(ptr::null_mut());
    /// The process to which the note belongs; 0 for none.
    static PROCESS: AtomicU32 = AtomicU32::new(0);
    static IS_INSTALLED: AtomicBool = AtomicBool::new(false);

    pub(super) fn note(note: &'static AtomicU8) -> io::Result<()> {
        // A signal that arrives between these stores writes nothing.
        PROCESS.store(0, Ordering::SeqCst);
        NOTE.store(ptr::from_ref(note).cast_mut(), Ordering::SeqCst);
        PROCESS.store(process::id(), Ordering::SeqCst);
        if IS_INSTALLED.swap(true, Ordering::SeqCst) {
            return Ok(());
        }
        for signal in SIGNALS {
            if current(signal)?.sa_sigaction == libc::SIG_DFL {
                set(signal, on_request as *const () as usize)?;
            }
        }
        Ok(())
    }

    fn none() -> libc::sigaction {
        // SAFETY: all fields are integers or optional functions, for which zero is valid.
        unsafe { MaybeUninit::zeroed().assume_init() }
    }

    fn current(signal: c_int) -> io::Result<libc::sigaction> {
        let mut action = none();
        // SAFETY: `action` is live.
        match unsafe { libc::sigaction(signal, ptr::null(), &raw mut action) } {
            0 => Ok(action),
            _ => Err(io::Error::last_os_error()),
        }
    }

    fn set(signal: c_int, handler: usize) -> io::Result<()> {
        let mut action = none();
        action.sa_sigaction = handler;
        action.sa_flags = libc::SA_ONSTACK;
        // SAFETY: the pointers are live. The handler is async-signal-safe.
        let done = unsafe {
            libc::sigemptyset(&raw mut action.sa_mask);
            libc::sigaction(signal, &raw const action, ptr::null_mut())
        };
        match done {
            0 => Ok(()),
            _ => Err(io::Error::last_os_error()),
        }
    }

    extern "C" fn on_request(signal: c_int) {
        // If another handler has called this one, that handler decides whether the process ends.
        let is_ours = current(signal)
            .is_ok_and(|action| action.sa_sigaction == on_request as *const () as usize);
        if !is_ours {
            return;
        }
        let note = NOTE.load(Ordering::SeqCst);
        if PROCESS.load(Ordering::SeqCst) == process::id() && !note.is_null() {
            // SAFETY: it points to a static.
            unsafe { (*note).store(signal as u8, Ordering::SeqCst) };
        }
        // The signal is blocked until the handler returns. Then it ends the process.
        let _ = set(signal, libc::SIG_DFL);
        // SAFETY: no preconditions.
        unsafe { libc::raise(signal) };
    }
}
