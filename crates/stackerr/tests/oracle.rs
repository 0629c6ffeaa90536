//! Addresses, names and lines against those of the `backtrace` crate.
#![cfg(target_os = "linux")]

use stackerr::{Frame, StackTrace, capture_counts, set_max_depth};
use std::cell::Cell;
use std::ffi::{c_int, c_void};
use std::sync::Mutex;

/// What the oracle knows of one function on the stack.
#[derive(Debug)]
struct Theirs {
    ip: usize,
    name: Option<String>,
    file: Option<String>,
    line: Option<u32>,
}

/// The oracle's stack at this point, outwards, with inlined functions in frames of their own.
#[inline(never)]
fn oracle() -> Vec<Theirs> {
    let mut ips = Vec::new();
    backtrace::trace(|frame| {
        ips.push(frame.ip().addr());
        true
    });
    // The end of some stacks is a frame without an address.
    ips.retain(|&ip| ip != 0);
    let exe = stackerr::modules().remove(0);
    ips.into_iter().flat_map(|ip| named(ip, &exe)).collect()
}

fn named(ip: usize, exe: &stackerr::Module) -> Vec<Theirs> {
    let mut all = Vec::new();
    // The oracle also looks for the debug files of system libraries, where installed.
    if exe.contains(ip) {
        backtrace::resolve(ip as *mut c_void, |symbol| {
            all.push(Theirs {
                ip,
                name: symbol.name().map(|name| format!("{name:#}")),
                file: symbol.filename().map(|file| file.display().to_string()),
                line: symbol.lineno(),
            });
        });
    }
    if all.is_empty() {
        all.push(Theirs {
            ip,
            name: None,
            file: None,
            line: None,
        });
    }
    all
}

/// Compares both stacks of one place: all of the callers, one by one.
#[inline(never)]
fn check() {
    set_max_depth(1_000);
    let theirs = oracle();
    let trace = StackTrace::capture("here");
    // Ours begins with this function; what called it is the same for both.
    let own = trace.frames()[0].ip();
    let ours: Vec<&Frame> = trace
        .frames()
        .iter()
        .skip_while(|frame| frame.ip() == own)
        .collect();
    assert!(ours.len() > 4, "{trace}");
    let (above, theirs) = theirs.split_at(theirs.len() - ours.len());
    // And there is nothing between: their frame of this function comes just before.
    assert!(above.last().unwrap().ip.abs_diff(own) < 4096, "{trace}");

    let mut named = 0;
    for (frame, theirs) in ours.iter().zip(theirs) {
        // A function that a signal interrupted did not call: its address is that of the
        // instruction itself, and ours one more, so that whoever looks it up may subtract one.
        let interrupted = usize::from(frame.ip() == theirs.ip + 1 && in_handler());
        assert_eq!(frame.ip(), theirs.ip + interrupted, "{trace}");
        if theirs.name.is_some() {
            let place = (theirs.file.as_deref(), theirs.line);
            assert_eq!((frame.file(), frame.line()), place, "{trace}");
        }
        // With line tables only the oracle has names without paths, and for the outermost
        // function we have better.
        let head = theirs
            .name
            .as_deref()
            .and_then(|name| name.split('<').next());
        if head.is_some_and(|head| head.is_empty() || head.contains("::")) {
            assert_eq!(Some(frame.name()), theirs.name.as_deref(), "{trace}");
            named += 1;
        }
    }
    assert!(named > 0, "{trace}");
}

#[test]
fn recursion() {
    #[inline(never)]
    fn recurse(n: u32) {
        if n == 0 {
            check();
        } else {
            recurse(n - 1);
        }
        std::hint::black_box(n);
    }
    for depth in 0..40 {
        recurse(depth);
    }
}

#[test]
fn closures_generics_and_dyn_calls() {
    #[inline(never)]
    fn generic<T: Copy, F: Fn(T)>(value: T, f: F) {
        f(value);
        std::hint::black_box(());
    }
    let dynamic: Box<dyn Fn(i32)> = Box::new(|n| {
        check();
        std::hint::black_box(n);
    });
    generic(1, &dynamic);
    generic(1u8, |n| {
        generic([n; 3], |_| [1, 2].iter().for_each(|&n| dynamic(n)))
    });
    let mut items = [3, 1, 2];
    items.sort_by(|a, b| {
        check();
        a.cmp(b)
    });
}

#[test]
#[allow(unsafe_code)]
fn a_callback_through_c() {
    unsafe extern "C" {
        fn qsort(
            base: *mut c_void,
            count: usize,
            size: usize,
            compare: extern "C" fn(*const c_void, *const c_void) -> c_int,
        );
    }
    extern "C" fn compare(_: *const c_void, _: *const c_void) -> c_int {
        check();
        0
    }
    let mut items = [3, 1, 2];
    // SAFETY: the array has three elements of this size, and the comparison reads none.
    unsafe {
        qsort(items.as_mut_ptr().cast(), 3, size_of::<i32>(), compare);
    }
}

thread_local! {
    static IN_HANDLER: Cell<bool> = const { Cell::new(false) };
}

fn in_handler() -> bool {
    IN_HANDLER.get()
}

/// Handles a signal while the case runs; returns how many stacks were taken in the handler, and
/// how many of them by the fast walk.
#[allow(unsafe_code)]
fn in_a_handler(signal: c_int, flags: c_int) -> (u64, u64) {
    static COUNTS: Mutex<(u64, u64)> = Mutex::new((0, 0));
    extern "C" fn handle(_: c_int) {
        // Raised by this very thread outside any lock: nothing here is async-signal-unsafe.
        let before = capture_counts();
        IN_HANDLER.set(true);
        check();
        IN_HANDLER.set(false);
        let after = capture_counts();
        *COUNTS.lock().unwrap() = (after.0 - before.0, after.1 - before.1);
    }
    // SAFETY: all zeros is a valid sigaction; the handler has the right signature.
    unsafe {
        let mut action: libc::sigaction = std::mem::zeroed();
        action.sa_sigaction = handle as extern "C" fn(c_int) as usize;
        action.sa_flags = flags;
        assert_eq!(
            libc::sigaction(signal, &raw const action, std::ptr::null_mut()),
            0
        );
        assert_eq!(libc::raise(signal), 0);
    }
    *COUNTS.lock().unwrap()
}

#[test]
fn a_signal_handler_has_the_system_unwinder() {
    assert_eq!(in_a_handler(libc::SIGUSR1, 0), (1, 0));
}

#[test]
#[allow(unsafe_code)]
fn a_stack_that_is_not_the_threads_own_has_the_system_unwinder() {
    let stack = vec![0u8; 1 << 20].leak();
    let alternative = libc::stack_t {
        ss_sp: stack.as_mut_ptr().cast(),
        ss_flags: 0,
        ss_size: stack.len(),
    };
    // SAFETY: the stack is leaked, so that it outlives the thread.
    let set = unsafe { libc::sigaltstack(&raw const alternative, std::ptr::null_mut()) };
    assert_eq!(set, 0);
    assert_eq!(in_a_handler(libc::SIGUSR2, libc::SA_ONSTACK), (1, 0));
}

#[test]
fn the_fast_walk_is_used_where_it_is_built() {
    let expected = u64::from(cfg!(all(
        target_os = "linux",
        target_env = "gnu",
        target_arch = "x86_64"
    )));
    let before = capture_counts();
    check();
    let after = capture_counts();
    assert_eq!((after.0 - before.0, after.1 - before.1), (1, expected));
}

#[test]
fn threads() {
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| (0..50).for_each(|_| check()));
        }
    });
}

#[test]
fn a_panic_in_flight() {
    struct Guard;
    impl Drop for Guard {
        fn drop(&mut self) {
            check();
        }
    }
    let caught = std::panic::catch_unwind(|| {
        let _guard = Guard;
        std::panic::resume_unwind(Box::new("quietly"));
    });
    assert!(caught.is_err());
}

#[test]
fn async_functions() {
    use std::future::Future;
    use std::task::{Context, Poll, Waker};
    async fn inner() {
        check();
    }
    async fn outer() {
        inner().await;
    }
    let mut future = std::pin::pin!(outer());
    let poll = future
        .as_mut()
        .poll(&mut Context::from_waker(Waker::noop()));
    assert_eq!(poll, Poll::Ready(()));
}
