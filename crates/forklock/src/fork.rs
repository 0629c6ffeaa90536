//! Tells which threads exist in this process.
//!
//! A thread gets a number when it first takes a lock. `fork` copies the counter, so a new thread of a
//! child never gets the number of a thread that the parent had at the fork.
#![cfg_attr(unix, allow(unsafe_code))]

use std::cell::Cell;
use std::sync::atomic::{AtomicUsize, Ordering};

thread_local! {
    // Without a destructor, so that it can be read in the destructors of other thread-locals.
    static NUMBER: Cell<usize> = const { Cell::new(0) };
}

// Relaxed everywhere: `NEXT` is only a counter, and the others change only in a new child, which has
// one thread.
static NEXT: AtomicUsize = AtomicUsize::new(1);
/// The first number that a thread created in this process can have.
static FIRST_OF_PROCESS: AtomicUsize = AtomicUsize::new(0);
/// The number of the thread that forked; zero if that thread had no number.
static FORKED_BY: AtomicUsize = AtomicUsize::new(0);

/// Grows in each child.
static GENERATION: AtomicUsize = AtomicUsize::new(0);

/// Returns a number that is greater in a forked child than in its parent.
///
/// It is a cheap way to notice a fork: two loads, and no system call. A fork changes the number in
/// the child only, and only if this function was called before the fork.
#[inline]
pub fn generation() -> usize {
    watch_forks();
    GENERATION.load(Ordering::Relaxed)
}

/// The number of this thread, which is not zero.
#[inline]
pub(crate) fn this_thread() -> usize {
    match NUMBER.get() {
        0 => claim_number(),
        number => number,
    }
}

/// Whether a fork ended the thread `number`.
pub(crate) fn is_gone(number: usize) -> bool {
    number < FIRST_OF_PROCESS.load(Ordering::Relaxed) && number != FORKED_BY.load(Ordering::Relaxed)
}

#[cold]
fn claim_number() -> usize {
    // The handler must be registered before this thread can hold a lock.
    watch_forks();
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    NUMBER.set(number);
    number
}

#[cfg(unix)]
fn watch_forks() {
    use std::sync::atomic::AtomicBool;

    // Not a `Once`: a fork during the call would leave it unfinished in the child. Two threads may
    // register the handler twice, which does no harm.
    static WATCHED: AtomicBool = AtomicBool::new(false);
    if WATCHED.load(Ordering::Relaxed) {
        return;
    }
    // SAFETY: the handler has the required signature. It accesses only atomics and a thread-local
    // without a destructor.
    if unsafe { libc::pthread_atfork(None, None, Some(in_child)) } == 0 {
        WATCHED.store(true, Ordering::Relaxed);
    }
}

/// Runs in the only thread of a child, before `fork` returns there.
#[cfg(unix)]
extern "C" fn in_child() {
    // If two handlers were registered, it grows by two, which does no harm.
    GENERATION.fetch_add(1, Ordering::Relaxed);
    FORKED_BY.store(NUMBER.get(), Ordering::Relaxed);
    FIRST_OF_PROCESS.store(NEXT.load(Ordering::Relaxed), Ordering::Relaxed);
    #[cfg(not(any(target_os = "linux", target_os = "android")))]
    crate::wait::renew();
}

#[cfg(not(unix))]
fn watch_forks() {}
