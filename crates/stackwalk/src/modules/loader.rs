//! The loader's list of modules.
//!
//! The loader holds a lock while it iterates over its list, and glibc does not release that lock in a
//! forked child. So a fork waits until no thread is in this module.

use std::ffi::{c_int, c_void};
use std::slice;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

/// How many threads iterate over the list.
static INSIDE: AtomicUsize = AtomicUsize::new(0);
/// How many threads are forking.
static FORKING: AtomicUsize = AtomicUsize::new(0);
static IS_REGISTERED: AtomicBool = AtomicBool::new(false);

/// How often a thread checks whether it may continue. A program that forks in a signal handler may have
/// interrupted a thread that iterates, so neither side waits for more than a second.
const MAX_CHECKS: u32 = 2_000;

/// Calls `visit` for each module, the executable first. The description is valid only in that call.
///
/// `visit` must not unwind.
pub(crate) fn each_module(mut visit: impl FnMut(&libc::dl_phdr_info)) {
    // Two threads may register the handlers twice, which does no harm.
    if !IS_REGISTERED.load(Ordering::Acquire) {
        // SAFETY: the functions may be called at any time.
        unsafe { libc::pthread_atfork(Some(before_fork), Some(in_parent), Some(in_child)) };
        IS_REGISTERED.store(true, Ordering::Release);
    }
    enter();
    let mut visit: &mut dyn FnMut(&libc::dl_phdr_info) = &mut visit;
    // SAFETY: the callback has the signature that dl_iterate_phdr asks for, and `data` is a pointer
    // to `visit`, which outlives the call and which nothing else uses meanwhile.
    unsafe { libc::dl_iterate_phdr(Some(call), (&raw mut visit).cast::<c_void>()) };
    decrease(&INSIDE);
}

unsafe extern "C" fn call(
    info: *mut libc::dl_phdr_info,
    _size: libc::size_t,
    data: *mut c_void,
) -> c_int {
    // SAFETY: `data` is the pointer that `each_module` passed. The loader passes a valid
    // description, and holds its lock until we return, so that nothing described is unmapped.
    let (visit, info) = unsafe {
        (
            &mut *data.cast::<&mut dyn FnMut(&libc::dl_phdr_info)>(),
            &*info,
        )
    };
    visit(info);
    0
}

/// The array of `count` elements at `first`, for instance the program headers of a module.
///
/// # Safety
///
/// `first` and `count` must be from the same description from [`each_module`]. The result may only be
/// used in the same call.
pub(crate) unsafe fn array<'a, T>(first: *const T, count: u16) -> &'a [T] {
    if first.is_null() {
        return &[];
    }
    // SAFETY: by the caller: the count is the loader's, and the elements stay mapped.
    unsafe { slice::from_raw_parts(first, usize::from(count)) }
}

fn enter() {
    for check in 0..MAX_CHECKS {
        INSIDE.fetch_add(1, Ordering::SeqCst);
        if FORKING.load(Ordering::SeqCst) == 0 {
            return;
        }
        decrease(&INSIDE);
        wait_a_little(check);
    }
    INSIDE.fetch_add(1, Ordering::SeqCst);
}

fn wait_a_little(check: u32) {
    if check < 100 {
        thread::yield_now();
    } else {
        thread::sleep(Duration::from_micros(500));
    }
}

/// Decreases the count, but not below zero: in a child that was forked in a signal handler, the count
/// was reset although the interrupted thread still iterates.
fn decrease(count: &AtomicUsize) {
    let less = |count: usize| count.checked_sub(1);
    let _ = count.fetch_update(Ordering::SeqCst, Ordering::SeqCst, less);
}

unsafe extern "C" fn before_fork() {
    FORKING.fetch_add(1, Ordering::SeqCst);
    for check in 0..MAX_CHECKS {
        if INSIDE.load(Ordering::SeqCst) == 0 {
            return;
        }
        wait_a_little(check);
    }
}

unsafe extern "C" fn in_parent() {
    decrease(&FORKING);
}

/// Resets the counts, because the other threads of the parent do not exist in the child.
unsafe extern "C" fn in_child() {
    FORKING.store(0, Ordering::SeqCst);
    INSIDE.store(0, Ordering::SeqCst);
}
