//! Compares walks with those of the `backtrace` crate, through code that was loaded later (libraries
//! that are unloaded again, generated code) and on other stacks.
#![cfg(all(target_os = "linux", target_env = "gnu", target_arch = "x86_64"))]
#![allow(unsafe_code)]

use std::cell::{Cell, RefCell};
use std::ffi::{CString, c_void};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::ptr;
use std::sync::Mutex;

/// Held by tests that load libraries, so that no other test loads one meanwhile.
static LOADING: Mutex<()> = Mutex::new(());

type Callback = extern "C" fn();

/// The stack of a callback.
#[derive(Clone, Debug, Default)]
struct Seen {
    /// Return addresses, from the callback outwards.
    ips: Vec<usize>,
    /// Whether the fast walk found them.
    fast: bool,
}

thread_local! {
    static SEEN: RefCell<Seen> = RefCell::default();
    static NEXT: Cell<Option<Callback>> = const { Cell::new(None) };
}

/// Walks from here, and compares the addresses with the oracle's.
#[inline(never)]
extern "C" fn look() {
    let mut ours = [0; 1024];
    let len = stackwalk::walk(&mut ours);
    let mut theirs = Vec::new();
    backtrace::trace(|frame| {
        theirs.push(frame.ip().addr());
        true
    });
    theirs.retain(|&ip| ip != 0);
    // Both walks include this function, at two places.
    let here = |&ip: &usize| ip.abs_diff(look as Callback as usize) < 4096;
    let ours = &ours[ours.iter().rposition(here).unwrap()..len];
    let theirs = &theirs[theirs.iter().rposition(here).unwrap()..];
    assert_eq!(ours[1..], theirs[1..], "{ours:x?} {theirs:x?}");
    SEEN.set(Seen {
        ips: ours.to_vec(),
        fast: stackwalk::fast_walk(&mut [0; 1024]).is_some(),
    });
}

fn seen(call: impl FnOnce()) -> Seen {
    call();
    SEEN.take()
}

/// Builds a library with one function, which calls back with a frame of `frame` zero bytes.
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
        // SAFETY: the library has no constructors, and the function has this type.
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
        // SAFETY: no function of the library is on the stack.
        assert_eq!(unsafe { libc::dlclose(self.handle) }, 0);
    }
}

#[test]
fn a_library_that_is_loaded_later() {
    let _one = LOADING.lock().unwrap();
    let loaded = Loaded::load(&library("later", 24));
    for _ in 0..3 {
        let seen = seen(|| loaded.call(look));
        assert!(seen.fast, "{seen:?}");
        assert!(seen.ips.len() > 4, "{seen:?}");
    }
}

#[test]
fn a_library_at_the_addresses_of_one_that_was_unloaded() {
    let _one = LOADING.lock().unwrap();
    // The same instructions, except for the size of the frame.
    let libraries = [library("small", 24), library("large", 88)];
    let mut addresses = Vec::new();
    for round in 0..20 {
        let loaded = Loaded::load(&libraries[round % 2]);
        let seen = seen(|| loaded.call(look));
        assert!(seen.fast, "{seen:?}");
        addresses.push(seen.ips[1]);
    }
    let same_place = addresses.windows(2).filter(|pair| pair[0] == pair[1]);
    assert!(same_place.count() > 0, "{addresses:x?}");
}

#[test]
fn code_without_tables_needs_the_system_unwinder() {
    // sub rsp, 8; call rdi; add rsp, 8; ret
    const CODE: [u8; 11] = [
        0x48, 0x83, 0xec, 0x08, 0xff, 0xd7, 0x48, 0x83, 0xc4, 0x08, 0xc3,
    ];
    // SAFETY: the page is new, and is written before it is executable. The code calls its argument by
    // the C ABI.
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
    assert!(!seen.fast, "{seen:?}");
    // No unwinder can find the caller of this code.
    assert_eq!(seen.ips.len(), 2, "{seen:?}");
    assert_eq!(seen.ips[1], code as usize + 6);
}

/// Runs a callback on another stack.
fn on_another_stack(back: Callback) {
    extern "C" fn body() {
        NEXT.get().unwrap()();
    }
    NEXT.set(Some(back));
    let mut stack = vec![0_u8; 1 << 20];
    // SAFETY: the contexts and the stack are alive until the second context has switched back to the
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
fn a_coroutine_needs_the_system_unwinder() {
    let other = seen(|| on_another_stack(look));
    assert!(!other.fast, "{other:?}");
    assert!(other.ips.len() >= 2, "{other:?}");
    // The thread's own stack is walked as before.
    assert!(seen(|| look()).fast);
}

// The CFA is given by an expression, 16 bytes above `rbx`, as in hand-written code and in frames
// that are aligned by an argument pointer.
std::arch::global_asm!(
    ".text",
    ".globl stackwalk_test_expression",
    ".type stackwalk_test_expression, @function",
    "stackwalk_test_expression:",
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
    ".size stackwalk_test_expression, . - stackwalk_test_expression",
);

#[test]
fn a_frame_with_an_expression_in_its_table_needs_the_system_unwinder() {
    unsafe extern "C" {
        fn stackwalk_test_expression(back: Callback);
    }
    // SAFETY: it is the code above, which calls its argument.
    let seen = seen(|| unsafe { stackwalk_test_expression(look) });
    assert!(!seen.fast, "{seen:?}");
    assert!(seen.ips.len() > 4, "{seen:?}");
}
