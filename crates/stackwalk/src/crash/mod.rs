//! Stacks of fatal signals, written where they outlive the process.
//!
//! [`arm`] installs handlers for the signals that end a process because of an error in it. A
//! handler writes the signal, the registers and the stack of the thread into an area that the
//! caller provides, such as a part of a mapped file. Then the signal goes where it would have gone
//! without the handler. [`CrashRecord::read`] reads such an area, in another process.
//!
//! Just before the process dies of the signal, the handler asks the other threads for their stacks, by the
//! signal of [`threads`](crate::threads), which [`arm`] claims. It waits at most 100 ms for each and
//! 500 ms for all. Where an earlier handler lets the process go on, as those of virtual machines do, no
//! thread is disturbed, and the area is cleared. Where one ends the process by itself, the other threads
//! are missing.
//!
//! Handlers exist on x86-64 Linux with glibc.
//!
//! - A signal that is ignored when [`arm`] is called stays ignored.
//! - A thread whose stack overflows needs an alternate signal stack. In a Rust program, threads that
//!   std starts have one; [`arm`] gives one to the thread that calls it. Other threads have none by
//!   default, such as those that foreign code starts, and all others where the `main` function is not
//!   Rust's: the kernel ends the process and nothing is written.
//! - Handlers of others may be installed before [`arm`] or after it, and may pass signals on. If one that
//!   was installed later passes on the exception of an instruction that was fatal before (by default,
//!   SIGILL and SIGFPE), the process dies of that signal, also if the other handler would have ended it in
//!   its own way.
//! - The stack is written before an earlier handler gets the signal, also if that repairs the fault: 10,000
//!   null pointers in code of a Java virtual machine took about a second longer.
//! - A process that survives a SIGABRT that it has sent to itself keeps the record, until the next one.
//! - An earlier handler that leaves by `siglongjmp` keeps the record of its signal: later crashes
//!   are not written.

#[cfg(all(
    target_os = "linux",
    target_env = "gnu",
    target_arch = "x86_64",
    target_pointer_width = "64"
))]
mod earlier;
#[cfg(all(
    target_os = "linux",
    target_env = "gnu",
    target_arch = "x86_64",
    target_pointer_width = "64"
))]
mod handler;
mod record;
#[cfg(all(
    target_os = "linux",
    target_env = "gnu",
    target_arch = "x86_64",
    target_pointer_width = "64"
))]
mod write;

pub use crate::StackEnd;
pub use record::{AREA_BYTES, CrashFrame, CrashModule, CrashRecord};

use std::io;
use std::sync::atomic::AtomicU8;

/// Installs the handlers, which write the first crash of this process into `area`.
///
/// Called again, it replaces the area. A forked child writes nothing until it calls this itself.
/// Each call keeps 300 KiB of memory, the first one 20 KiB more.
///
/// # Errors
///
/// `Unsupported` where there are no handlers, `InvalidInput` if the area has less than
/// [`AREA_BYTES`], and the system's errors of installing handlers.
pub fn arm(area: &'static [AtomicU8]) -> io::Result<()> {
    if area.len() < AREA_BYTES {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    #[cfg(all(
        target_os = "linux",
        target_env = "gnu",
        target_arch = "x86_64",
        target_pointer_width = "64"
    ))]
    return handler::arm(area);
    #[cfg(not(all(
        target_os = "linux",
        target_env = "gnu",
        target_arch = "x86_64",
        target_pointer_width = "64"
    )))]
    Err(io::ErrorKind::Unsupported.into())
}
