//! Settings: when a stack is captured, how deep it is, and the stamp and the span that are stored with
//! it.

use std::num::NonZeroU64;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU8, AtomicUsize, Ordering};

/// The default depth of a captured stack, in frames.
pub(crate) const DEFAULT_DEPTH: usize = 50;

/// Addresses beyond the depth that are stored, because the top frames (this crate, `?`) can be
/// trimmed only when names are known.
pub(crate) const MARGIN: usize = 12;

/// The largest depth, which bounds the memory of one error.
pub(crate) const MAX_DEPTH: usize = 4096;

// Relaxed: each setting is independent, and no other memory depends on it.
static DEPTH: AtomicUsize = AtomicUsize::new(DEFAULT_DEPTH);
static POLICY: AtomicU8 = AtomicU8::new(0);
static STAMP: OnceLock<fn() -> u64> = OnceLock::new();
static SPAN: OnceLock<fn() -> Option<NonZeroU64>> = OnceLock::new();

/// When an error captures the stack; see [`set_capture`].
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

/// Sets the maximum number of frames of stacks that are captured from now on, for the whole
/// process. The default is 50, the maximum 4,096; with 0 nothing is captured.
///
/// Stacks that are captured in a panic hook may have four times as many: otherwise a recursion or a
/// parallel loop would hide its callers.
///
/// # Examples
///
/// ```
/// stackerr::set_max_depth(2);
/// let err = stackerr::err!("shallow");
/// assert!(err.stack_traces().iter().all(|trace| trace.frames().len() <= 2));
/// ```
pub fn set_max_depth(frames: usize) {
    DEPTH.store(frames.min(MAX_DEPTH), Ordering::Relaxed);
}

/// Sets when errors capture the stack, for the whole process. The default is
/// [`Capture::Always`]. Errors that exist already keep what they have.
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

/// Sets a function that is called each time a stack is captured, for the whole process. Its result
/// is stored with the stack ([`StackTrace::stamp`](crate::StackTrace::stamp)).
///
/// A log recorder can return the sequence number of its last record here. The stack then tells
/// which records came before the error, however late the error is handled. The function should be
/// quick and must not create errors of this crate.
///
/// The function can be set once; returns whether this call set it.
///
/// # Examples
///
/// ```
/// assert!(stackerr::set_capture_stamp(|| 7));
/// assert!(!stackerr::set_capture_stamp(|| 8));
/// let err = stackerr::err!("no");
/// assert_eq!(err.stack_traces().iter().next().unwrap().stamp(), Some(7));
/// ```
pub fn set_capture_stamp(stamp: fn() -> u64) -> bool {
    STAMP.set(stamp).is_ok()
}

pub(crate) fn stamp() -> Option<u64> {
    STAMP.get().map(|stamp| stamp())
}

/// Sets a function that is called each time a stack is captured, for the whole process. Its result
/// is stored with the stack ([`StackTrace::span`](crate::StackTrace::span)).
///
/// A recorder of spans can return the id of the span that the thread is in. The stack then tells
/// in which span the error was created. The function should be quick and must not create errors of
/// this crate.
///
/// The function can be set once; returns whether this call set it.
///
/// # Examples
///
/// ```
/// use std::num::NonZeroU64;
///
/// assert!(stackerr::set_capture_span(|| NonZeroU64::new(7)));
/// let err = stackerr::err!("no");
/// assert_eq!(err.stack_traces().iter().next().unwrap().span(), Some(7));
/// ```
pub fn set_capture_span(span: fn() -> Option<NonZeroU64>) -> bool {
    SPAN.set(span).is_ok()
}

pub(crate) fn span() -> Option<NonZeroU64> {
    SPAN.get().and_then(|span| span())
}

/// The current maximum depth, in frames.
pub(crate) fn depth() -> usize {
    DEPTH.load(Ordering::Relaxed)
}

/// The depth of stacks that are captured in a panic hook.
pub(crate) fn depth_of_panics(depth: usize) -> usize {
    depth.saturating_mul(4).min(MAX_DEPTH)
}

pub(crate) fn is_enabled() -> bool {
    match POLICY.load(Ordering::Relaxed) {
        0 => depth() > 0,
        1 => false,
        _ => depth() > 0 && is_asked_by_environment(),
    }
}

fn is_asked_by_environment() -> bool {
    static ASKED: OnceLock<bool> = OnceLock::new();
    *ASKED.get_or_init(|| {
        std::env::var_os("RUST_LIB_BACKTRACE")
            .or_else(|| std::env::var_os("RUST_BACKTRACE"))
            .is_some_and(|value| value != "0")
    })
}

/// Calls `look` with at most `limit` return addresses, innermost first.
#[inline(never)]
pub(crate) fn with_addresses<T>(limit: usize, look: impl FnOnce(&[usize]) -> T) -> T {
    // Most stacks need no allocation: 64 is enough for the default depth with its margin.
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
