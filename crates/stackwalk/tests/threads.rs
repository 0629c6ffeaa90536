//! The stacks of all threads.
#![cfg(all(target_os = "linux", target_env = "gnu", target_arch = "x86_64"))]

use stackwalk::StackEnd;
use stackwalk::threads::{Outcome, Thread, capture};
use std::hint::black_box;
use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::process::{self, Command};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Barrier, mpsc};
use std::{ptr, thread};

/// The names of a thread's functions.
fn names(thread: &Thread) -> Vec<String> {
    let mut names = Vec::new();
    for &address in &thread.addresses {
        backtrace::resolve((address - 1) as *mut _, |symbol| {
            names.extend(symbol.name().map(|name| name.to_string()));
        });
    }
    names
}

fn calls(thread: &Thread, function: &str) -> bool {
    names(thread).iter().any(|name| name.contains(function))
}

fn named<'a>(threads: &'a [Thread], name: &str) -> &'a Thread {
    let found = threads.iter().find(|thread| thread.name == name);
    found.unwrap_or_else(|| panic!("no thread {name} in {threads:?}"))
}

fn spawn<T: Send + 'static>(
    name: &str,
    work: impl FnOnce() -> T + Send + 'static,
) -> thread::JoinHandle<T> {
    thread::Builder::new()
        .name(name.to_owned())
        .spawn(work)
        .unwrap()
}

#[inline(never)]
fn reads_from(mut stream: UnixStream) -> usize {
    let read = stream.read(&mut [0; 8]).unwrap();
    black_box(read)
}

#[inline(never)]
fn spins_until(stop: &AtomicBool) -> usize {
    let mut turns = 0_usize;
    while !stop.load(Ordering::Relaxed) {
        turns = black_box(turns.wrapping_add(1));
    }
    turns
}

fn block_all_signals() {
    // SAFETY: a live set.
    unsafe {
        let mut all = std::mem::zeroed();
        libc::sigfillset(&raw mut all);
        libc::pthread_sigmask(libc::SIG_SETMASK, &raw const all, ptr::null_mut());
    }
}

#[test]
fn each_thread_has_its_stack_and_continues() {
    let (mut writes, reads) = UnixStream::pair().unwrap();
    let reader = spawn("reader", move || reads_from(reads));
    let stop = Arc::new(AtomicBool::new(false));
    let stops = Arc::clone(&stop);
    let ready = Arc::new(Barrier::new(3));
    let spins = Arc::clone(&ready);
    let spinner = spawn("spinner", move || {
        spins.wait();
        spins_until(&stops)
    });
    let (release, waits) = mpsc::channel::<()>();
    let blocks = Arc::clone(&ready);
    let blocker = spawn("blocker", move || {
        block_all_signals();
        blocks.wait();
        waits.recv()
    });
    ready.wait();
    // Waits until the reader and the spinner are in the expected functions.
    let threads = loop {
        let threads = capture().unwrap();
        let reads = matches!(
            named(&threads, "reader").system_call_name(),
            Some("read" | "recvfrom")
        );
        if reads && calls(named(&threads, "spinner"), "spins_until") {
            break threads;
        }
    };
    let reader_stack = named(&threads, "reader");
    assert_eq!(reader_stack.outcome, Outcome::Walked(StackEnd::Outermost));
    assert_eq!(reader_stack.state, "sleeping");
    assert!(
        calls(reader_stack, "reads_from"),
        "{:?}",
        names(reader_stack)
    );
    let spinner_stack = named(&threads, "spinner");
    assert_eq!(spinner_stack.outcome, Outcome::Walked(StackEnd::Outermost));
    let blocker_stack = named(&threads, "blocker");
    assert_eq!(blocker_stack.outcome, Outcome::Blocked);
    assert!(blocker_stack.addresses.is_empty());
    assert!(
        threads
            .iter()
            .any(|thread| calls(thread, "stackwalk::threads::capture"))
    );

    stop.store(true, Ordering::Relaxed);
    writes.write_all(b"abc").unwrap();
    // An interrupted `read` would have failed.
    assert_eq!(reader.join().unwrap(), 3);
    assert!(spinner.join().unwrap() > 0);
    drop(release);
    assert!(blocker.join().unwrap().is_err());
}

#[inline(never)]
fn waits_at(barrier: &Barrier) {
    black_box(barrier.wait());
}

#[test]
fn hundreds_of_threads_answer() {
    const COUNT: usize = 256;
    let barrier = Arc::new(Barrier::new(COUNT + 1));
    let threads: Vec<_> = (0..COUNT)
        .map(|number| {
            let barrier = Arc::clone(&barrier);
            spawn(&format!("many {number}"), move || waits_at(&barrier))
        })
        .collect();
    let captured = loop {
        let captured = capture().unwrap();
        let many = captured
            .iter()
            .filter(|thread| thread.name.starts_with("many "));
        if many.filter(|thread| calls(thread, "waits_at")).count() == COUNT {
            break captured;
        }
    };
    let start = std::time::Instant::now();
    capture().unwrap();
    println!("{} threads in {:?}", captured.len(), start.elapsed());
    let mut ids: Vec<_> = captured.iter().map(|thread| thread.id).collect();
    ids.dedup();
    assert_eq!(ids.len(), captured.len(), "a thread is listed twice");
    barrier.wait();
    for thread in threads {
        thread.join().unwrap();
    }
}

#[test]
fn threads_may_end_during_a_capture() {
    let stop = Arc::new(AtomicBool::new(false));
    let started = Arc::new(AtomicUsize::new(0));
    let spawners: Vec<_> = (0..4)
        .map(|_| {
            let (stop, started) = (Arc::clone(&stop), Arc::clone(&started));
            spawn("spawner", move || {
                while !stop.load(Ordering::Relaxed) {
                    spawn("short", || black_box(vec![1_u8; 100]))
                        .join()
                        .unwrap();
                    started.fetch_add(1, Ordering::Relaxed);
                }
            })
        })
        .collect();
    for _ in 0..200 {
        capture().unwrap();
    }
    while started.load(Ordering::Relaxed) < 100 {
        capture().unwrap();
    }
    stop.store(true, Ordering::Relaxed);
    for spawner in spawners {
        spawner.join().unwrap();
    }
}

/// The C library blocks all signals for a short time while it starts a thread.
#[test]
fn a_thread_that_starts_threads_has_a_stack() {
    let stop = Arc::new(AtomicBool::new(false));
    let ready = Arc::new(Barrier::new(2));
    let starter = spawn("starter", {
        let (stop, ready) = (Arc::clone(&stop), Arc::clone(&ready));
        move || {
            ready.wait();
            while !stop.load(Ordering::Relaxed) {
                thread::spawn(|| ()).join().unwrap();
            }
        }
    });
    ready.wait();
    for _ in 0..100 {
        let threads = capture().unwrap();
        let starter = named(&threads, "starter");
        assert_ne!(starter.outcome, Outcome::Blocked, "{starter:?}");
    }
    stop.store(true, Ordering::Relaxed);
    starter.join().unwrap();
}

#[test]
fn concurrent_callers_all_get_stacks() {
    let callers: Vec<_> = (0..4)
        .map(|_| {
            thread::spawn(|| {
                for _ in 0..20 {
                    let threads = capture().unwrap();
                    let walked = |thread: &Thread| matches!(thread.outcome, Outcome::Walked(_));
                    assert!(threads.iter().any(walked), "{threads:?}");
                }
            })
        })
        .collect();
    for caller in callers {
        caller.join().unwrap();
    }
}

/// Opens and closes a library repeatedly.
#[inline(never)]
fn loads_a_library(stop: &AtomicBool) {
    while !stop.load(Ordering::Relaxed) {
        // SAFETY: the names are C strings, and the library's constructors are harmless.
        unsafe {
            let library = libc::dlopen(c"libanl.so.1".as_ptr(), libc::RTLD_NOW);
            black_box(libc::dlsym(libc::RTLD_DEFAULT, c"no such symbol".as_ptr()));
            if !library.is_null() {
                libc::dlclose(library);
            }
        }
    }
}

#[inline(never)]
fn allocates(stop: &AtomicBool) {
    while !stop.load(Ordering::Relaxed) {
        let blocks: Vec<Vec<u8>> = (1..64).map(|n| vec![n as u8; n * 97]).collect();
        black_box(blocks);
    }
}

#[inline(never)]
fn unwinds(stop: &AtomicBool) {
    while !stop.load(Ordering::Relaxed) {
        let caught = std::panic::catch_unwind(|| std::panic::resume_unwind(Box::new(7)));
        assert!(black_box(caught).is_err());
    }
}

/// The child of the test below.
#[test]
fn stress() {
    let Ok(count) = std::env::var("CAPTURES") else {
        return;
    };
    let stop = Arc::new(AtomicBool::new(false));
    type Work = fn(&AtomicBool);
    let works: [(&str, Work); 3] = [
        ("loads", loads_a_library),
        ("allocates", allocates),
        ("unwinds", unwinds),
    ];
    let threads: Vec<_> = works
        .into_iter()
        .map(|(name, work)| {
            let stop = Arc::clone(&stop);
            spawn(name, move || work(&stop))
        })
        .collect();
    let mut walked = 0_usize;
    for _ in 0..count.parse().unwrap() {
        let captured = capture().unwrap();
        let complete = captured
            .iter()
            .filter(|thread| thread.outcome == Outcome::Walked(StackEnd::Outermost));
        walked += complete.count();
    }
    assert!(walked > 0);
    println!("{walked} stacks");
    stop.store(true, Ordering::Relaxed);
    for thread in threads {
        thread.join().unwrap();
    }
}

/// With `CAPTURES=10000` in the environment and optimisation, this takes about a quarter of an hour on two
/// busy processors.
#[test]
fn threads_that_load_libraries_allocate_and_unwind_do_not_stop_a_capture() {
    let count = std::env::var("CAPTURES").unwrap_or_else(|_| "30".to_owned());
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "stress", "--nocapture"])
        .env("CAPTURES", count)
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
}

/// The child of the test below: forks while another thread captures, and captures in the child.
#[test]
fn forks() {
    if std::env::var_os("FORKS").is_none() {
        return;
    }
    let stop = Arc::new(AtomicBool::new(false));
    let stops = Arc::clone(&stop);
    let captures = spawn("captures", move || {
        let mut count = 0_usize;
        while !stops.load(Ordering::Relaxed) {
            capture().unwrap();
            count += 1;
        }
        count
    });
    for _ in 0..200 {
        // SAFETY: the child only calls functions that work in a forked child, and exits.
        unsafe {
            let child = libc::fork();
            if child == 0 {
                libc::alarm(20);
                let threads = capture().unwrap_or_default();
                let walked = matches!(
                    threads[..],
                    [Thread {
                        outcome: Outcome::Walked(StackEnd::Outermost),
                        ..
                    }]
                );
                libc::_exit(i32::from(!walked));
            }
            let mut status = 0;
            while libc::waitpid(child, &raw mut status, 0) < 0 {}
            assert_eq!(status, 0);
        }
    }
    stop.store(true, Ordering::Relaxed);
    assert!(captures.join().unwrap() > 0);
}

#[test]
fn parent_and_child_work_after_a_fork_during_a_capture() {
    let status = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "forks", "--nocapture"])
        .env("FORKS", "1")
        .status()
        .unwrap();
    assert!(status.success(), "{status}");
}

/// The child of the test below: the main thread gets signals after the standard library has
/// unmapped its alternate stack.
#[test]
fn exits() {
    extern "C" fn captures_again() {
        // The main thread blocks the signal as long as it is in the handler of the first capture.
        let has_answered = (0..10_000).any(|_| {
            let threads = capture().unwrap();
            let main = threads.iter().find(|thread| thread.id == process::id());
            main.is_some_and(|main| main.outcome == Outcome::Walked(StackEnd::Outermost))
        });
        if !has_answered {
            // SAFETY: ends the process at once.
            unsafe { libc::_exit(3) };
        }
        // SAFETY: the handler of `listen` is installed.
        unsafe {
            libc::syscall(
                libc::SYS_tgkill,
                process::id(),
                process::id(),
                libc::SIGUSR1,
            )
        };
        // Waits until the main thread has continued.
        capture().unwrap();
    }
    if std::env::var_os("EXITS").is_none() {
        return;
    }
    let _listener = stackwalk::signal::listen(libc::SIGUSR1).unwrap();
    capture().unwrap();
    // SAFETY: the function does not unwind.
    unsafe { libc::atexit(captures_again) };
    let exit = spawn("exit", || process::exit(0));
    exit.join().unwrap();
}

#[test]
fn a_capture_while_another_thread_exits_does_not_end_the_process() {
    let status = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "exits", "--nocapture"])
        .env("EXITS", "1")
        .status()
        .unwrap();
    assert!(status.success(), "{status}");
}
