//! The birth mark: a number that somebody else keeps, noted when a stack is captured.

use std::sync::OnceLock;

static HOOK: OnceLock<fn() -> u64> = OnceLock::new();

/// Sets the function that is asked for a number each time a stack is captured; the number is kept
/// beside the stack ([`StackTrace::birth`](crate::StackTrace::birth)).
///
/// A log recorder gives its sequence number here: one then sees which records came just before
/// an error was born, however late it is handled. The function must be quick and must not create
/// errors of this crate. It can be set once in a process; returns whether this call set it.
///
/// # Examples
///
/// ```
/// assert!(stackerr::set_birth_hook(|| 7));
/// assert!(!stackerr::set_birth_hook(|| 8));
/// let err = stackerr::err!("no");
/// assert_eq!(err.stack_traces().iter().next().unwrap().birth(), Some(7));
/// ```
pub fn set_birth_hook(hook: fn() -> u64) -> bool {
    HOOK.set(hook).is_ok()
}

pub(crate) fn mark() -> Option<u64> {
    HOOK.get().map(|hook| hook())
}
