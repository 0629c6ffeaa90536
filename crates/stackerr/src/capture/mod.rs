//! Taking a stack: whether, how deep, and through which unwinder.

#[cfg(all(
    target_os = "linux",
    target_env = "gnu",
    target_arch = "x86_64",
    target_pointer_width = "64"
))]
#[allow(unsafe_code)]
mod fast;
#[cfg(target_os = "linux")]
#[allow(unsafe_code)]
mod linux;
#[cfg(not(target_os = "linux"))]
mod system;

#[cfg(target_os = "linux")]
use linux as unwind;
#[cfg(not(target_os = "linux"))]
use system as unwind;

use std::cell::Cell;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU8, AtomicUsize, Ordering};

/// How deep a captured stack is unless [`set_max_depth`] says otherwise, in frames.
pub(crate) const DEFAULT_DEPTH: usize = 50;

/// Frames beyond the depth that are stored because the top ones (this crate, `?`) are trimmed
/// only when names are known.
pub(crate) const MARGIN: usize = 12;

/// No stack is deeper than this, whatever was asked: it bounds the memory of one error.
pub(crate) const LIMIT: usize = 4096;

// Relaxed, both: each is a setting by itself, and no memory is reached through it.
static DEPTH: AtomicUsize = AtomicUsize::new(DEFAULT_DEPTH);
static POLICY: AtomicU8 = AtomicU8::new(0);

thread_local! {
    /// Stacks taken by this thread, and by the fast walk of them. Per thread, so that threads
    /// share no cache line for the sake of tests.
    static TAKEN: Cell<(u64, u64)> = const { Cell::new((0, 0)) };
}

/// When an error's birth takes the stack; see [`set_capture`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Capture {
    /// Always, whatever `RUST_BACKTRACE` says. The default.
    Always,
    /// Never: errors keep their message, causes and trail only.
    Never,
    /// As std does: if `RUST_LIB_BACKTRACE`, or else `RUST_BACKTRACE`, is set and not `0`.
    /// The variables are read once.
    Env,
}

/// Sets how many frames a stack captured from now on may have, for the whole process; 50 unless
/// set, 4,096 at most. With 0 nothing is captured.
///
/// # Examples
///
/// ```
/// stackerr::set_max_depth(2);
/// let err = stackerr::err!("shallow");
/// assert!(err.stack_traces().iter().all(|trace| trace.frames().len() <= 2));
/// ```
pub fn set_max_depth(frames: usize) {
    DEPTH.store(frames.min(LIMIT), Ordering::Relaxed);
}

/// Sets when an error's birth takes the stack, for the whole process; [`Capture::Always`] unless
/// set. Errors that exist already keep what they have.
///
/// # Examples
///
/// ```
/// use stackerr::{Capture, err, set_capture};
///
/// set_capture(Capture::Never);
/// assert!(err!("no stack").stack_traces().is_empty());
/// set_capture(Capture::Always);
/// assert!(!err!("a stack").stack_traces().is_empty());
/// ```
pub fn set_capture(capture: Capture) {
    let policy = match capture {
        Capture::Always => 0,
        Capture::Never => 1,
        Capture::Env => 2,
    };
    POLICY.store(policy, Ordering::Relaxed);
}

/// How many stacks this thread has captured, and how many of them the fast walk took; lets tests show who captures, and how.
#[doc(hidden)]
#[must_use]
pub fn capture_counts() -> (u64, u64) {
    TAKEN.try_with(Cell::get).unwrap_or_default()
}

fn count(fast: u64) {
    let _ = TAKEN.try_with(|taken| {
        let (all, of_them) = taken.get();
        taken.set((all + 1, of_them + fast));
    });
}

/// The present depth limit, in frames.
pub(crate) fn depth() -> usize {
    DEPTH.load(Ordering::Relaxed)
}

pub(crate) fn is_enabled() -> bool {
    match POLICY.load(Ordering::Relaxed) {
        0 => depth() > 0,
        1 => false,
        _ => depth() > 0 && env_asks(),
    }
}

fn env_asks() -> bool {
    static ASKS: OnceLock<bool> = OnceLock::new();
    *ASKS.get_or_init(|| {
        std::env::var_os("RUST_LIB_BACKTRACE")
            .or_else(|| std::env::var_os("RUST_BACKTRACE"))
            .is_some_and(|value| value != "0")
    })
}

/// Hands over the instruction addresses from the caller outwards, at most `limit` of them.
#[inline(never)]
pub(crate) fn with_addresses<T>(limit: usize, look: impl FnOnce(&[usize]) -> T) -> T {
    // The default depth with its margin, then most others; what is deeper may cost an allocation.
    if limit <= 64 {
        let mut ips = [0; 64];
        let len = fill(&mut ips[..limit]);
        look(&ips[..len])
    } else if limit <= 192 {
        let mut ips = [0; 192];
        let len = fill(&mut ips[..limit]);
        look(&ips[..len])
    } else {
        let mut ips = vec![0; limit];
        let len = fill(&mut ips);
        look(&ips[..len])
    }
}

#[inline(never)]
fn fill(ips: &mut [usize]) -> usize {
    #[cfg(all(
        target_os = "linux",
        target_env = "gnu",
        target_arch = "x86_64",
        target_pointer_width = "64"
    ))]
    if let Some(len) = fast::walk(ips) {
        count(1);
        return len;
    }
    count(0);
    unwind::walk(ips)
}
