//! Crash handlers, which write the stacks to memory that outlives the process.
//!
//! [`arm`] installs handlers for the signals that end a process because of an error in it. A
//! handler writes the signal, the registers and the stack of the thread into an area that the
//! caller provides, such as a part of a mapped file. Then the signal has the same effect as without
//! the handler. [`CrashRecord::read`] reads such an area, in another process.
//!
//! Just before the process dies of the signal, the handler asks the other threads for their stacks, by the
//! signal of [`threads`](crate::threads), which [`arm`] claims. It waits at most 100 ms for each thread
//! and 500 ms for all. If an earlier handler lets the process continue, as those of virtual machines do,
//! no thread is disturbed, and the area is cleared. If an earlier handler ends the process itself, the
//! record has no other threads.
//!
//! The handlers exist only on x86-64 Linux with glibc.
//!
//! - A signal that is ignored when [`arm`] is called stays ignored.
//! - A thread whose stack overflows needs an alternate signal stack. In a Rust program, threads that
//!   std starts have one; [`arm`] gives one to the thread that calls it. By default, threads that foreign
//!   code starts have none, nor have other threads if the `main` function is not Rust's. Without one, the
//!   kernel ends the process and nothing is written.
//! - Other code may install handlers before or after [`arm`], and may pass signals on. If a handler that
//!   was installed later passes on a fault that was fatal before (by default, SIGILL and SIGFPE), the
//!   process dies of that signal, even if that handler would have ended the process differently.
//! - The stack is written before an earlier handler gets the signal, even if that handler repairs the
//!   fault: 10,000 null pointers in code of a Java virtual machine took about a second longer.
//! - If a process survives a SIGABRT that it has sent to itself, the record stays until the next one.
//! - If an earlier handler leaves by `siglongjmp`, the record of its signal stays, and later crashes are
//!   not written.

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
/// A second call replaces the area. A forked child writes nothing until it calls this itself. Each call
/// allocates about 340 KiB that are never freed; the first one allocates up to 150 KiB more. Most of this
/// is for stacks, whose unused pages take no memory.
///
/// # Errors
///
/// `Unsupported` on systems without these handlers, `InvalidInput` if the area is smaller than
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
