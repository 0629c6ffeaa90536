//! Compares addresses, names and lines with those of the `backtrace` crate.
#![cfg(target_os = "linux")]

use stackerr::{Frame, StackTrace, set_max_depth};
use std::ffi::{c_int, c_void};

/// The oracle's data about one function on the stack.
#[derive(Debug)]
struct Theirs {
    ip: usize,
    name: Option<String>,
    file: Option<String>,
    line: Option<u32>,
}

/// The oracle's stack at this point, innermost first, with separate frames for inlined functions.
#[inline(never)]
fn oracle() -> Vec<Theirs> {
    let mut ips = Vec::new();
    backtrace::trace(|frame| {
        ips.push(frame.ip().addr());
        true
    });
    // The end of some stacks is a frame without an address.
    ips.retain(|&ip| ip != 0);
    ips.into_iter().flat_map(named).collect()
}

fn named(ip: usize) -> Vec<Theirs> {
    let mut all = Vec::new();
    backtrace::resolve(ip as *mut c_void, |symbol| {
        all.push(Theirs {
            ip,
            name: symbol.name().map(|name| format!("{name:#}")),
            file: symbol.filename().map(|file| file.display().to_string()),
            line: symbol.lineno(),
        });
    });
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

/// Compares both stacks of one place, caller by caller.
#[inline(never)]
fn check() {
    set_max_depth(1_000);
    let theirs = oracle();
    let trace = StackTrace::capture("here");
    // Ours begins with this function. Its callers are the same in both.
    let own = trace.frames()[0].ip();
    let ours: Vec<&Frame> = trace
        .frames()
        .iter()
        .skip_while(|frame| frame.ip() == own)
        .collect();
    assert!(ours.len() > 4, "{trace}");
    let (above, theirs) = theirs.split_at(theirs.len() - ours.len());
    // There is no frame in between: their frame of this function comes just before.
    assert!(above.last().unwrap().ip.abs_diff(own) < 4096, "{trace}");

    let mut named = 0;
    for (frame, theirs) in ours.iter().zip(theirs) {
        assert_eq!(frame.ip(), theirs.ip, "{trace}");
        if theirs.name.is_some() {
            let place = (theirs.file.as_deref(), theirs.line);
            assert_eq!((frame.file(), frame.line()), place, "{trace}");
        }
        // With line tables only, the oracle has names without paths, and ours are better for the
        // outermost function.
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

#[test]
fn addresses_are_relative_to_the_module() {
    let modules = stackerr::modules();
    let err = stackerr::err!("x");
    let traces = err.stack_traces();
    let mut seen = std::collections::HashSet::new();
    for frame in traces.iter().next().unwrap().frames() {
        let module = modules
            .iter()
            .find(|module| Some(module.name()) == frame.module())
            .unwrap();
        assert_eq!(frame.ip(), module.base() + frame.address());
        assert!(module.contains(frame.ip() - 1));
        assert_eq!(frame.build_id(), module.build_id());
        seen.insert(frame.module());
    }
    assert!(seen.contains(&Some(modules[0].name())));
    if cfg!(target_env = "gnu") {
        assert!(seen.len() > 1, "a thread of glibc begins in libc");
    }
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
