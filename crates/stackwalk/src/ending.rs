//! Ends of a process that are no crashes: ordinary exits, and requests to end.
//!
//! [`at_exit`] calls a function when the process exits. [`note_requests`] makes a request to end
//! (SIGTERM, SIGINT, SIGHUP) leave its number where the caller asks, such as in a mapped file, so
//! that it can be told from a kill.

use std::io;
use std::sync::atomic::AtomicU8;

/// Calls `hook` when the process exits: when `main` returns, or by [`std::process::exit`] or C's
/// `exit`. An abort, a fatal signal and `_exit` do not call it.
///
/// The hook runs in the thread that exits, while other threads may still run. The values of that
/// thread's thread-locals are gone if they have destructors. A forked child calls the hook, too. If
/// this crate is part of a shared library, closing the library calls it.
///
/// # Errors
///
/// `Unsupported` where there is no such function, and `OutOfMemory`.
pub fn at_exit(hook: extern "C" fn()) -> io::Result<()> {
    #[cfg(unix)]
    {
        // SAFETY: a function of the C library with a hook of the type that it asks for.
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
/// Only a signal that would end the process by default gets a handler. The handler writes the note
/// and lets the signal end the process as if there were no handler. If the program installs a
/// handler of its own later, its handler counts: this one writes nothing, also if it is called from
/// there.
///
/// Called again, it replaces the note. In a forked child nothing is written until the child calls
/// this itself.
///
/// # Errors
///
/// `Unsupported` where there are no signals, and the system's errors of installing handlers.
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
    /// The process that the note belongs to; 0 for none.
    static PROCESS: AtomicU32 = AtomicU32::new(0);
    static IS_INSTALLED: AtomicBool = AtomicBool::new(false);

    pub(super) fn note(note: &'static AtomicU8) -> io::Result<()> {
        // A signal in between writes nothing.
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
        // SAFETY: the pointers are live. The handler only does what is safe in a handler.
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
        // Another handler that calls this one decides itself whether the process ends.
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
