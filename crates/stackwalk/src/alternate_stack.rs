//! Alternate signal stacks that are never unmapped.
//!
//! The standard library gives one to the main thread, and unmaps it when any thread calls
//! `std::process::exit` (rust-lang/rust#111272). If the main thread is in a handler at that moment, or
//! gets a signal afterwards, the process dies of SIGSEGV. So this module gives the main thread another.

use std::cmp;
use std::ffi::{c_int, c_void};
use std::ptr;
use std::sync::atomic::{AtomicBool, AtomicPtr, Ordering};

/// Room for the frame of a handler, which holds all registers, and for earlier handlers.
const BYTES: usize = 64 << 10;

/// The new alternate stack of the main thread; null until it is needed.
static OF_MAIN: AtomicPtr<c_void> = AtomicPtr::new(ptr::null_mut());
/// Whether it is known that the main thread has no alternate stack that may be unmapped.
static IS_MAIN_SAFE: AtomicBool = AtomicBool::new(false);

/// Gives this thread an alternate stack if it has none, as in a C program that has loaded this
/// library. Gives the main thread its new one. Changes nothing if there is no memory.
#[cfg(all(
    target_env = "gnu",
    target_arch = "x86_64",
    target_pointer_width = "64"
))]
pub(crate) fn prepare_this_thread() {
    prepare_main();
    if !is_main_thread() && current().is_some_and(|stack| !is_there(&stack)) {
        set(map());
    }
}

/// Allocates the main thread's new alternate stack. The main thread starts to use it here if this is
/// the main thread and its current one is missing or the standard library's. Otherwise it does so when
/// it is first asked for its stack.
pub(crate) fn prepare_main() {
    if OF_MAIN.load(Ordering::Acquire).is_null() {
        let memory = map();
        let is_first = OF_MAIN
            .compare_exchange(ptr::null_mut(), memory, Ordering::AcqRel, Ordering::Relaxed)
            .is_ok();
        if !is_first && !memory.is_null() {
            // SAFETY: the memory has just been mapped, and nothing uses it.
            unsafe { libc::munmap(memory, BYTES) };
        }
    }
    if is_main_thread() {
        if current().is_some_and(|stack| !is_there(&stack) || is_of_std(&stack)) {
            set(OF_MAIN.load(Ordering::Acquire));
        }
        // If this runs in a handler on the standard library's stack, `set` has failed.
        let is_safe = current().is_some_and(|stack| !is_of_std(&stack));
        IS_MAIN_SAFE.store(is_safe, Ordering::Release);
    }
}

/// This thread's alternate stack.
fn current() -> Option<libc::stack_t> {
    let mut current = stack_at(ptr::null_mut());
    // SAFETY: `current` is live.
    let known = unsafe { libc::sigaltstack(ptr::null(), &raw mut current) } == 0;
    known.then_some(current)
}

/// Sets the memory as the alternate stack of this thread, unless it is null.
fn set(memory: *mut c_void) {
    if !memory.is_null() {
        let stack = stack_at(memory);
        // SAFETY: only this thread uses the memory, and it is never unmapped.
        unsafe { libc::sigaltstack(&raw const stack, ptr::null_mut()) };
    }
}

/// The flag of a handler that the main thread may run: `SA_ONSTACK`, or 0 as long as that thread may
/// have the standard library's alternate stack. A Go program always gets `SA_ONSTACK`: its code runs on
/// stacks that are too small for a handler, and it does not exit by the standard library.
pub(crate) fn flag() -> c_int {
    if IS_MAIN_SAFE.load(Ordering::Acquire) || is_go() {
        libc::SA_ONSTACK
    } else {
        0
    }
}

/// Whether this is a Go program. Go interrupts its threads by SIGURG, and handles it on an alternate
/// stack.
fn is_go() -> bool {
    // SAFETY: all fields are integers or optional functions, for which zero is valid.
    let mut action: libc::sigaction = unsafe { std::mem::zeroed() };
    // SAFETY: `action` is live.
    let is_known = unsafe { libc::sigaction(libc::SIGURG, ptr::null(), &raw mut action) } == 0;
    is_known && action.sa_sigaction != libc::SIG_DFL && action.sa_flags & libc::SA_ONSTACK != 0
}

/// Gives the main thread its new alternate stack, in a handler that runs on the thread's own stack.
///
/// # Safety
///
/// The kernel must have passed `context` to the handler that this thread runs.
#[cfg(all(
    target_env = "gnu",
    target_arch = "x86_64",
    target_pointer_width = "64"
))]
pub(crate) unsafe fn replace(context: *mut libc::ucontext_t) {
    if is_main_thread() {
        prepare_main();
        if let Some(stack) = current() {
            // The kernel sets the alternate stack from the context when the handler returns.
            // SAFETY: the context is valid, and nothing else uses it.
            unsafe { (*context).uc_stack = stack };
        }
    }
}

fn stack_at(memory: *mut c_void) -> libc::stack_t {
    // SAFETY: all fields are integers or pointers, for which zero is valid; some targets have
    // padding, too.
    let mut stack: libc::stack_t = unsafe { std::mem::zeroed() };
    stack.ss_sp = memory;
    stack.ss_size = BYTES;
    stack
}

/// Maps new memory; null on failure. It is never unmapped: a thread may outlive the recorder.
fn map() -> *mut c_void {
    // SAFETY: asks for new memory.
    let memory = unsafe {
        let protection = libc::PROT_READ | libc::PROT_WRITE;
        let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_STACK;
        libc::mmap(ptr::null_mut(), BYTES, protection, flags, -1, 0)
    };
    match memory {
        libc::MAP_FAILED => ptr::null_mut(),
        memory => memory,
    }
}

fn is_main_thread() -> bool {
    // SAFETY: no preconditions.
    unsafe { libc::syscall(libc::SYS_gettid) == libc::c_long::from(libc::getpid()) }
}

fn is_there(stack: &libc::stack_t) -> bool {
    stack.ss_flags & libc::SS_DISABLE == 0
}

/// Whether the stack has the size of the standard library's. The stacks of a Go program are larger, and
/// must not be replaced.
fn is_of_std(stack: &libc::stack_t) -> bool {
    // SAFETY: no preconditions.
    let least = unsafe { libc::getauxval(libc::AT_MINSIGSTKSZ) };
    let size = cmp::max(libc::SIGSTKSZ, least as usize);
    is_there(stack) && stack.ss_size == size
}
