#![doc = include_str!("../README.md")]
// Unwinding reads registers, memory of the stack and tables of the loader. Each module that needs
// unsafe code allows it where it is declared.
#![deny(unsafe_code)]

#[cfg(target_os = "linux")]
#[allow(unsafe_code)]
mod alternate_stack;
#[allow(unsafe_code)]
pub mod crash;
#[cfg(all(
    target_os = "linux",
    any(target_env = "gnu", target_env = "musl"),
    any(target_arch = "x86_64", target_arch = "aarch64"),
    target_pointer_width = "64",
    target_endian = "little"
))]
mod cursor;
#[allow(unsafe_code)]
pub mod ending;
#[cfg(all(
    target_os = "linux",
    any(target_env = "gnu", target_env = "musl"),
    any(target_arch = "x86_64", target_arch = "aarch64"),
    target_pointer_width = "64",
    target_endian = "little"
))]
#[allow(unsafe_code)]
mod fast;
mod modules;
#[cfg(all(
    target_os = "linux",
    target_env = "gnu",
    target_arch = "x86_64",
    target_pointer_width = "64"
))]
#[allow(unsafe_code)]
mod own_stack;
#[cfg(target_os = "linux")]
#[allow(unsafe_code)]
mod process_lock;
#[allow(unsafe_code)]
pub mod signal;
mod stack_end;
#[allow(unsafe_code)]
mod system;
pub mod threads;
#[cfg(all(
    target_os = "linux",
    target_env = "gnu",
    target_arch = "x86_64",
    target_pointer_width = "64"
))]
#[allow(unsafe_code)]
mod unwind;

pub use modules::{Module, modules};
pub use stack_end::StackEnd;

/// Writes the return addresses of this thread's stack to `addresses`, innermost first, and
/// returns how many it wrote.
///
/// The first address is in this crate or in its caller. The callers follow, with one address per
/// call. Inlined functions have no return address of their own. The walk ends at the outermost
/// function, when `addresses` is full, or where the unwinder finds no unwind information.
///
/// Each address points after the call, so a lookup of names must subtract 1. For a function that a
/// signal interrupted, it is the start of the interrupted instruction plus one.
///
/// The walk takes no lock of this crate. It allocates 16 KiB once per thread, to cache unwind rules. It
/// is the fast walk if that is possible (see [`fast_walk`]), and the system's unwinder otherwise.
///
/// # Examples
///
/// ```
/// let mut addresses = [0; 64];
/// let len = stackwalk::walk(&mut addresses);
/// assert!(len > 1);
/// ```
#[inline(never)]
pub fn walk(addresses: &mut [usize]) -> usize {
    match fast_walk(addresses) {
        Some(len) => len,
        None => system::walk(addresses),
    }
}

/// Like [`walk`], but never uses the system's unwinder: returns `None` if the fast walk can't continue.
///
/// The fast walk exists on Linux for x86-64 and little-endian aarch64, with glibc and with musl. It
/// can't walk through code without unwind tables, signal frames, frames that their table describes by
/// an expression, and stacks that are not the thread's own (coroutines, alternate signal stacks).
///
/// # Examples
///
/// ```
/// let mut addresses = [0; 64];
/// let expected = cfg!(all(
///     target_os = "linux",
///     any(target_env = "gnu", target_env = "musl"),
///     any(target_arch = "x86_64", target_arch = "aarch64"),
/// ));
/// assert_eq!(stackwalk::fast_walk(&mut addresses).is_some(), expected);
/// ```
#[inline]
pub fn fast_walk(addresses: &mut [usize]) -> Option<usize> {
    #[cfg(all(
        target_os = "linux",
        any(target_env = "gnu", target_env = "musl"),
        any(target_arch = "x86_64", target_arch = "aarch64"),
        target_pointer_width = "64",
        target_endian = "little"
    ))]
    return fast::walk(addresses);
    #[cfg(not(all(
        target_os = "linux",
        any(target_env = "gnu", target_env = "musl"),
        any(target_arch = "x86_64", target_arch = "aarch64"),
        target_pointer_width = "64",
        target_endian = "little"
    )))]
    {
        let _ = addresses;
        None
    }
}
