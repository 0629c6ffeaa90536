//! Alternate signal stacks that stay as long as the process does.
//!
//! The standard library gives the main thread one, and unmaps it when any thread calls
//! `std::process::exit` (rust-lang/rust#111272). If the main thread is in a handler then, or gets a
//! signal afterwards, the process dies of SIGSEGV. So the main thread gets another one.

use std::cmp;
use std::ffi::c_void;
use std::ptr;
use std::sync::atomic::{AtomicPtr, Ordering};

/// For the frame of a handler, which is as large as all registers, and for earlier handlers.
const BYTES: usize = 64 << 10;

/// The main thread's; null until it is needed.
static OF_MAIN: AtomicPtr<c_void> = AtomicPtr::new(ptr::null_mut());

/// Gives this thread an alternate stack if it has none, as in a C program that has loaded this
/// library, and the main thread its other one. Without memory nothing changes.
pub(crate) fn prepare_this_thread() {
    prepare_main();
    if !is_main_thread() && current().is_some_and(|stack| !is_there(&stack)) {
        set(map());
    }
}

/// Makes the main thread's other alternate stack. If this is the main thread, it gets it, unless it
/// has one that is not the standard library's; else it gets it in a handler, by [`replace`].
pub(crate) fn prepare_main() {
    if OF_MAIN.load(Ordering::Acquire).is_null() {
        let memory = map();
        let is_first = OF_MAIN
            .compare_exchange(ptr::null_mut(), memory, Ordering::AcqRel, Ordering::Relaxed)
            .is_ok();
        if !is_first && !memory.is_null() {
            // SAFETY: it has just been mapped, and nothing uses it.
            unsafe { libc::munmap(memory, BYTES) };
        }
    }
    if is_main_thread() && current().is_some_and(|stack| !is_there(&stack) || is_of_std(&stack)) {
        set(OF_MAIN.load(Ordering::Acquire));
    }
}

/// This thread's alternate stack.
fn current() -> Option<libc::stack_t> {
    let mut current = stack_at(ptr::null_mut());
    // SAFETY: `current` is live.
    let known = unsafe { libc::sigaltstack(ptr::null(), &raw mut current) } == 0;
    known.then_some(current)
}

/// Gives this thread the memory, unless it is null.
fn set(memory: *mut c_void) {
    if !memory.is_null() {
        let stack = stack_at(memory);
        // SAFETY: the memory is this thread's alone, and is never unmapped.
        unsafe { libc::sigaltstack(&raw const stack, ptr::null_mut()) };
    }
}

/// Gives the main thread the other alternate stack in a handler, where [`prepare_main`] was called
/// by another thread.
///
/// # Safety
///
/// The kernel has passed the context to the handler that this thread is in, which has switched to a
/// stack other than the alternate one.
#[cfg(all(
    target_env = "gnu",
    target_arch = "x86_64",
    target_pointer_width = "64"
))]
pub(crate) unsafe fn replace(context: *mut libc::ucontext_t) {
    let memory = OF_MAIN.load(Ordering::Acquire);
    // SAFETY: the context is valid, and nothing else uses it.
    let current = unsafe { &mut (*context).uc_stack };
    if memory.is_null() || !is_main_thread() || !is_of_std(current) {
        return;
    }
    // Now, since the kernel refuses to replace the stack that the handler returns on. And in the
    // context, from which the kernel restores it when the handler returns.
    *current = stack_at(memory);
    set(memory);
}

fn stack_at(memory: *mut c_void) -> libc::stack_t {
    // SAFETY: all fields are integers or pointers, for which zero is valid; some targets have
    // padding, too.
    let mut stack: libc::stack_t = unsafe { std::mem::zeroed() };
    stack.ss_sp = memory;
    stack.ss_size = BYTES;
    stack
}

/// New memory, or null. It is never unmapped: a thread may outlive the recorder.
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

/// Whether it has the size of those that the standard library makes. Those of a Go program, which
/// must keep them, are larger.
fn is_of_std(stack: &libc::stack_t) -> bool {
    // SAFETY: no preconditions.
    let least = unsafe { libc::getauxval(libc::AT_MINSIGSTKSZ) };
    let size = cmp::max(libc::SIGSTKSZ, least as usize);
    is_there(stack) && stack.ss_size == size
}
