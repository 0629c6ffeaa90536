//! The ways to crash.

use std::arch::asm;
use std::ffi::{c_int, c_void};
use std::hint::black_box;
use std::{process, ptr, thread};

use crate::busy;

pub(crate) fn die(death: &str) {
    match death {
        "none" => {}
        "null pointer" => write_to(8),
        "null pointer in a thread" => in_a_thread(|| write_to(8)),
        "wild pointer" => write_to(0x1234_5678_9000),
        "pointer that is no address" => write_to(0xdead_beef_dead_beef),
        "callback of C" => in_a_callback(),
        "truncated mapping" => read_beyond_the_file(),
        // What `core::intrinsics::abort` compiles to.
        // SAFETY: unsound on purpose: this is the fault.
        "illegal instruction" => unsafe { asm!("ud2") },
        // SAFETY: as above.
        "breakpoint" => unsafe { asm!("int3") },
        // SAFETY: as above.
        "division by zero" => unsafe {
            asm!("xor edx, edx", "mov eax, 1", "xor ecx, ecx", "div ecx",
                 out("eax") _, out("ecx") _, out("edx") _);
        },
        "abort" => process::abort(),
        "stack overflow" => {
            black_box(recurse(0));
        }
        "stack overflow in a thread" => in_a_thread(|| {
            black_box(recurse(0));
        }),
        "panic in a destructor" => {
            let _second = PanicsInDrop;
            panic!("first panic");
        }
        // A panic must not unwind out of such a function, so it aborts.
        "panic that aborts" => panics_in_c(),
        "failed allocation" => {
            std::alloc::handle_alloc_error(std::alloc::Layout::new::<[u64; 1000]>());
        }
        "kill -SEGV" => kill_until_dead(libc::SIGSEGV),
        "jump to null" => jump_to_null(),
        "forbidden system call" => call_what_seccomp_forbids(),
        "busy" => busy::until_a_fault(),
        other => panic!("unknown death {other:?}"),
    }
}

fn in_a_thread(work: fn()) {
    let thread = thread::Builder::new().name("worker".to_owned()).spawn(work);
    let _ = thread.expect("a thread can be started").join();
}

#[inline(never)]
fn write_to(address: usize) {
    // SAFETY: unsound on purpose: this is the fault.
    unsafe { asm!("mov byte ptr [{0}], 1", in(reg) black_box(address)) };
}

/// Jumps to an address without code.
#[inline(never)]
fn jump_to_null() {
    // SAFETY: unsound on purpose: this is the fault.
    unsafe { asm!("call {0}", in(reg) black_box(0_usize), clobber_abi("C")) };
}

#[inline(never)]
fn recurse(depth: usize) -> usize {
    if black_box(depth) == usize::MAX {
        return 0;
    }
    let block = black_box([depth; 64]);
    recurse(depth + 1) + block[depth % 64]
}

#[inline(never)]
extern "C" fn panics_in_c() {
    panic!("out of a C function");
}

struct PanicsInDrop;

impl Drop for PanicsInDrop {
    fn drop(&mut self) {
        panic!("second panic");
    }
}

fn in_a_callback() {
    unsafe extern "C" fn compare(_: *const c_void, _: *const c_void) -> c_int {
        write_to(8);
        0
    }
    let mut numbers = [3, 1, 2];
    // SAFETY: the array has that many elements of that size.
    unsafe {
        libc::qsort(
            numbers.as_mut_ptr().cast(),
            numbers.len(),
            size_of_val(&numbers[0]),
            Some(compare),
        );
    }
}

fn read_beyond_the_file() {
    // SAFETY: unsound on purpose: the access beyond the end of the file is the fault.
    unsafe {
        let file = libc::memfd_create(c"empty".as_ptr(), 0);
        let (reads, shared) = (libc::PROT_READ, libc::MAP_SHARED);
        let at = libc::mmap(ptr::null_mut(), 4096, reads, shared, file, 0);
        black_box(at.cast::<u8>().read_volatile());
    }
}

/// std's handler returns after the first signal that a process sends.
fn kill_until_dead(signal: c_int) {
    for _ in 0..2 {
        // SAFETY: no preconditions.
        unsafe { libc::kill(libc::getpid(), signal) };
    }
}

fn call_what_seccomp_forbids() {
    let load = |offset: u32| libc::sock_filter {
        code: (libc::BPF_LD | libc::BPF_W | libc::BPF_ABS) as u16,
        jt: 0,
        jf: 0,
        k: offset,
    };
    let answer = |value: u32| libc::sock_filter {
        code: (libc::BPF_RET | libc::BPF_K) as u16,
        jt: 0,
        jf: 0,
        k: value,
    };
    let mut filter = [
        // The number of the system call.
        load(0),
        libc::sock_filter {
            code: (libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K) as u16,
            jt: 0,
            jf: 1,
            k: libc::SYS_getpriority as u32,
        },
        answer(libc::SECCOMP_RET_TRAP),
        answer(libc::SECCOMP_RET_ALLOW),
    ];
    let program = libc::sock_fprog {
        len: filter.len() as u16,
        filter: filter.as_mut_ptr(),
    };
    // SAFETY: the program and its filter are valid during the calls.
    unsafe {
        libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
        libc::prctl(
            libc::PR_SET_SECCOMP,
            libc::SECCOMP_MODE_FILTER,
            &raw const program,
        );
        libc::getpriority(libc::PRIO_PROCESS, 0);
    }
}
