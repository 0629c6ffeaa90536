//! Stacks that go through what was not there when the program began: libraries that come and go,
//! generated code, other stacks. They are those of the `backtrace` crate, whoever takes them.
#![cfg(all(target_os = "linux", target_env = "gnu", target_arch = "x86_64"))]
#![allow(unsafe_code)]

use stackerr::{StackTrace, capture_counts, set_max_depth};
use std::cell::{Cell, RefCell};
use std::ffi::{CString, c_void};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::ptr;
use std::sync::Mutex;

/// Loading is for one at a time here: another's library must not come between.
static LOADING: Mutex<()> = Mutex::new(());

type Callback = extern "C" fn();

/// What was seen from within a callback.
#[derive(Clone, Debug, Default)]
struct Seen {
    /// The addresses of the stack, from the callback outwards.
    ips: Vec<usize>,
    taken: u64,
    by_the_fast_walk: u64,
}

thread_local! {
    static SEEN: RefCell<Seen> = RefCell::default();
    static NEXT: Cell<Option<Callback>> = const { Cell::new(None) };
}

/// Takes the stack, and compares it with the oracle's.
#[inline(never)]
extern "C" fn look() {
    set_max_depth(1_000);
    let before = capture_counts();
    let trace = StackTrace::capture("here");
    let after = capture_counts();
    let mut theirs = Vec::new();
    backtrace::trace(|frame| {
        theirs.push(frame.ip().addr());
        true
    });
    theirs.retain(|&ip| ip != 0);
    // Inlined functions have frames of their own.
    theirs.dedup();
    let mut ours: Vec<usize> = trace.frames().iter().map(stackerr::Frame::ip).collect();
    ours.dedup();
    // Ours begins in this function; theirs goes through it at another place.
    let from = theirs.len() - ours.len();
    assert!(theirs[from].abs_diff(ours[0]) < 4096, "{trace}");
    assert_eq!(ours[1..], theirs[from + 1..], "{trace}");
    SEEN.set(Seen {
        ips: ours,
        taken: after.0 - before.0,
        by_the_fast_walk: after.1 - before.1,
    });
}

fn seen(call: impl FnOnce()) -> Seen {
    call();
    let seen = SEEN.take();
    assert_eq!(seen.taken, 1);
    seen
}

/// A library with one function, whose frame has so many bytes, all of them zero, when it calls
/// back.
fn library(name: &str, frame: usize) -> PathBuf {
    let dir = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let source = dir.join(format!("{name}.c"));
    let library = dir.join(format!("{name}.so"));
    let code = format!(
        "void call(void (*back)(void)) {{
            volatile char frame[{frame}];
            for (int i = 0; i < {frame}; i++) frame[i] = 0;
            back();
            for (int i = 0; i < {frame}; i++) frame[i];
        }}"
    );
    std::fs::write(&source, code).unwrap();
    let built = Command::new("cc")
        .args(["-O1", "-fno-stack-protector", "-fomit-frame-pointer"])
        .args(["-shared", "-fPIC", "-o"])
        .args([&library, &source])
        .output()
        .unwrap();
    assert!(built.status.success(), "{built:?}");
    library
}

/// A library that is loaded.
struct Loaded {
    handle: *mut c_void,
    call: unsafe extern "C" fn(Callback),
}

impl Loaded {
    fn load(path: &Path) -> Self {
        let path = CString::new(path.to_str().unwrap()).unwrap();
        // SAFETY: the library has no constructors; the function has that type.
        unsafe {
            let handle = libc::dlopen(path.as_ptr(), libc::RTLD_NOW | libc::RTLD_LOCAL);
            assert!(!handle.is_null());
            let call = libc::dlsym(handle, c"call".as_ptr());
            assert!(!call.is_null());
            let call = std::mem::transmute::<*mut c_void, unsafe extern "C" fn(Callback)>(call);
            Self { handle, call }
        }
    }

    fn call(&self, back: Callback) {
        // SAFETY: the library is loaded.
        unsafe { (self.call)(back) }
    }
}

impl Drop for Loaded {
    fn drop(&mut self) {
        // SAFETY: nothing of it is on the stack.
        assert_eq!(unsafe { libc::dlclose(self.handle) }, 0);
    }
}

#[test]
fn a_library_that_is_loaded_later() {
    let _one = LOADING.lock().unwrap();
    let loaded = Loaded::load(&library("later", 24));
    for _ in 0..3 {
        let seen = seen(|| loaded.call(look));
        assert_eq!(seen.by_the_fast_walk, 1, "{seen:?}");
        assert!(seen.ips.len() > 4, "{seen:?}");
    }
}

#[test]
fn another_library_in_the_place_of_one_that_was_unloaded() {
    let _one = LOADING.lock().unwrap();
    // The same instructions, but for how large the frame is.
    let libraries = [library("small", 24), library("large", 88)];
    let mut addresses = Vec::new();
    for round in 0..20 {
        let loaded = Loaded::load(&libraries[round % 2]);
        let seen = seen(|| loaded.call(look));
        assert_eq!(seen.by_the_fast_walk, 1, "{seen:?}");
        addresses.push(seen.ips[1]);
    }
    let same_place = addresses.windows(2).filter(|pair| pair[0] == pair[1]);
    assert!(same_place.count() > 0, "{addresses:x?}");
}

#[test]
fn code_without_tables_has_the_system_unwinder() {
    // sub rsp, 8; call rdi; add rsp, 8; ret
    const CODE: [u8; 11] = [
        0x48, 0x83, 0xec, 0x08, 0xff, 0xd7, 0x48, 0x83, 0xc4, 0x08, 0xc3,
    ];
    // SAFETY: a page of our own, written before it may be executed; the code calls what it is
    // given by the conventions of C.
    let code = unsafe {
        let page = libc::mmap(
            ptr::null_mut(),
            4096,
            libc::PROT_READ | libc::PROT_WRITE,
            libc::MAP_PRIVATE | libc::MAP_ANONYMOUS,
            -1,
            0,
        );
        assert_ne!(page, libc::MAP_FAILED);
        ptr::copy_nonoverlapping(CODE.as_ptr(), page.cast(), CODE.len());
        let executable = libc::PROT_READ | libc::PROT_EXEC;
        assert_eq!(libc::mprotect(page, 4096, executable), 0);
        std::mem::transmute::<*mut c_void, unsafe extern "C" fn(Callback)>(page)
    };
    // SAFETY: as above.
    let seen = seen(|| unsafe { code(look) });
    assert_eq!(seen.by_the_fast_walk, 0, "{seen:?}");
    // Nobody can go beyond it.
    assert_eq!(seen.ips.len(), 2, "{seen:?}");
    assert_eq!(seen.ips[1], code as usize + 6);
}

/// Runs a callback on a stack of its own.
fn on_another_stack(back: Callback) {
    extern "C" fn body() {
        NEXT.get().unwrap()();
    }
    NEXT.set(Some(back));
    let mut stack = vec![0_u8; 1 << 20];
    // SAFETY: the contexts and the stack are alive until the second one has come back to the
    // first, and `body` takes no arguments.
    unsafe {
        let mut here: libc::ucontext_t = std::mem::zeroed();
        let mut there: libc::ucontext_t = std::mem::zeroed();
        assert_eq!(libc::getcontext(&raw mut there), 0);
        there.uc_stack.ss_sp = stack.as_mut_ptr().cast();
        there.uc_stack.ss_size = stack.len();
        there.uc_link = &raw mut here;
        libc::makecontext(&raw mut there, body, 0);
        assert_eq!(libc::swapcontext(&raw mut here, &raw const there), 0);
    }
}

#[test]
fn a_coroutine_has_the_system_unwinder() {
    let other = seen(|| on_another_stack(look));
    assert_eq!(other.by_the_fast_walk, 0, "{other:?}");
    assert!(other.ips.len() >= 2, "{other:?}");
    // And back on the thread's own, everything is as it was.
    assert_eq!(seen(|| look()).by_the_fast_walk, 1);
}

// The end of the frame is said to be 16 bytes above what is in `rbx`: by an expression, as
// hand-written code and frames that are aligned by an argument pointer have it.
std::arch::global_asm!(
    ".text",
    ".globl stackerr_test_expression",
    ".type stackerr_test_expression, @function",
    "stackerr_test_expression:",
    ".cfi_startproc",
    "push rbx",
    ".cfi_def_cfa_offset 16",
    ".cfi_offset rbx, -16",
    "mov rbx, rsp",
    // DW_CFA_def_cfa_expression, two bytes: DW_OP_breg3 16
    ".cfi_escape 0x0f, 0x02, 0x73, 0x10",
    "call rdi",
    "pop rbx",
    ".cfi_def_cfa rsp, 8",
    "ret",
    ".cfi_endproc",
    ".size stackerr_test_expression, . - stackerr_test_expression",
);

#[test]
fn a_frame_that_its_table_describes_by_an_expression_has_the_system_unwinder() {
    unsafe extern "C" {
        fn stackerr_test_expression(back: Callback);
    }
    // SAFETY: the code above, which calls what it is given.
    let seen = seen(|| unsafe { stackerr_test_expression(look) });
    assert_eq!(seen.by_the_fast_walk, 0, "{seen:?}");
    assert!(seen.ips.len() > 4, "{seen:?}");
}
