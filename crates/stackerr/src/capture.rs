//! When a stack is captured, and how deep it is.

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

/// Calls `look` with the return addresses from the caller outwards, at most `limit` of them.
#[inline(never)]
pub(crate) fn with_addresses<T>(limit: usize, look: impl FnOnce(&[usize]) -> T) -> T {
    // The default depth with its margin, then most others; a deeper one may cost an allocation.
    if limit <= 64 {
        let mut ips = [0; 64];
        let len = stackwalk::walk(&mut ips[..limit]);
        look(&ips[..len])
    } else if limit <= 192 {
        let mut ips = [0; 192];
        let len = stackwalk::walk(&mut ips[..limit]);
        look(&ips[..len])
    } else {
        let mut ips = vec![0; limit];
        let len = stackwalk::walk(&mut ips);
        look(&ips[..len])
    }
}
