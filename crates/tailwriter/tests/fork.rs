//! A forked child neither hangs nor writes into its parent's file.
#![cfg(all(feature = "mmap", any(target_os = "linux", target_os = "macos")))]

use std::collections::BTreeMap;
use std::io::{Read, Write, pipe};
use std::sync::Barrier;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use tailwriter::{MappedTail, Recovered, TailWriter};

/// Stops the writers when it is dropped, also if the test panics.
struct Stop<'a>(&'a AtomicBool);

impl Drop for Stop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// All tests, one after the other. The standard library holds a lock while a thread starts or ends; a
/// child that is forked at that moment can't start threads. Besides, a child would keep the pipes of
/// another test open.
#[test]
fn tails_in_a_forked_child() {
    children_forked_while_threads_push_neither_hang_nor_write_to_the_file();
    a_child_that_outlives_its_parent_does_not_hold_the_parents_lock();
    many_threads_of_a_forked_child_lose_no_line();
}

/// Forks, and lets the child exit with the result of `act`.
fn fork(act: impl FnOnce() -> i32) -> libc::pid_t {
    // SAFETY: the child calls nothing that needs the other threads: the C library makes its allocator
    // usable after a fork, and the tail supports use in a forked child.
    match unsafe { libc::fork() } {
        0 => {
            let code = act();
            // SAFETY: ends the process without running exit handlers of the parent.
            unsafe { libc::_exit(code) }
        }
        child => {
            assert!(child > 0);
            child
        }
    }
}

/// How a child ended. Kills a child that hangs, and returns `None`.
fn wait(child: libc::pid_t) -> Option<i32> {
    let begun = Instant::now();
    let mut status = 0;
    // SAFETY: `status` is valid for writes.
    while unsafe { libc::waitpid(child, &raw mut status, libc::WNOHANG) } == 0 {
        if begun.elapsed() > Duration::from_secs(30) {
            // SAFETY: the child is ours and was not waited for yet.
            unsafe { libc::kill(child, libc::SIGKILL) };
            // SAFETY: as above.
            unsafe { libc::waitpid(child, &raw mut status, 0) };
            return None;
        }
        thread::yield_now();
    }
    libc::WIFEXITED(status).then(|| libc::WEXITSTATUS(status))
}

fn act_of_child(mut tail: MappedTail) -> i32 {
    for number in 0..5_000 {
        tail.push(format!("child {number}").as_bytes());
    }
    tail.push_class(1, b"child of a class");
    tail.write_all(b"child written\n").unwrap();
    let snapshot = tail.snapshot();
    let is_its_own = snapshot.lines().all(|line| line.starts_with(b"child"));
    let done = tail.flush().is_ok() && tail.remove().is_ok();
    let all = snapshot.len() + snapshot.evicted() as usize;
    if !is_its_own {
        1
    } else if !done {
        2
    } else if all != 5_002 {
        3
    } else {
        drop(tail);
        0
    }
}

fn children_forked_while_threads_push_neither_hang_nor_write_to_the_file() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("ring");
    let tail = TailWriter::builder()
        .max_lines(20_000)
        .max_line_bytes(100)
        .quota(1, 100)
        .build_mapped(&path)
        .unwrap();
    let stop = AtomicBool::new(false);
    let started = Barrier::new(3);
    thread::scope(|scope| {
        for writer in 0..2 {
            let (mut tail, stop, started) = (&tail, &stop, &started);
            scope.spawn(move || {
                started.wait();
                for number in 0.. {
                    match number % 16 {
                        0 => tail.push_class(1, format!("parent {writer} {number}").as_bytes()),
                        1 => writeln!(tail, "parent {writer} {number}").unwrap(),
                        _ => tail.push(format!("parent {writer} {number}").as_bytes()),
                    }
                    if stop.load(Ordering::Relaxed) {
                        break;
                    }
                }
            });
        }
        let _stop = Stop(&stop);
        started.wait();
        for _ in 0..40 {
            let child = fork(|| act_of_child(tail.clone()));
            assert_eq!(wait(child), Some(0));
        }
    });
    let recovered = Recovered::read(&path).unwrap();
    assert!(recovered.is_owner_alive());
    assert_eq!(recovered.damaged_lines(), 0);
    let snapshot = recovered.snapshot();
    assert_eq!(snapshot.to_vec(), tail.snapshot().to_vec());
    let mut last = BTreeMap::<String, u64>::new();
    for line in snapshot.lines().skip(snapshot.len() - 20_000) {
        let line = str::from_utf8(line).unwrap();
        let (writer, number) = line.rsplit_once(' ').unwrap();
        assert!(writer.starts_with("parent"), "{line}");
        let number = number.parse().unwrap();
        if let Some(before) = last.insert(writer.to_owned(), number) {
            assert_eq!(number, before + 1, "of {writer}");
        }
    }
}

/// If a daemon outlives its parent, the parent must not seem to be running.
fn a_child_that_outlives_its_parent_does_not_hold_the_parents_lock() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("ring");
    let tail = TailWriter::builder().build_mapped(&path).unwrap();
    tail.push(b"of the parent");
    let (mut from_child, mut to_parent) = pipe().unwrap();
    let (mut from_parent, to_child) = pipe().unwrap();
    let mut ends = Some((tail, to_child));
    let child = fork(|| {
        let Some((tail, to_child)) = ends.take() else {
            return 1;
        };
        drop(to_child);
        tail.push(b"of the child");
        if to_parent.write_all(b"pushed").is_err() {
            return 2;
        }
        // Waits until the parent closes its end.
        let _ = from_parent.read(&mut [0]);
        i32::from(tail.snapshot().to_vec() != b"of the child\n") * 3
    });
    let (tail, to_child) = ends.unwrap();
    from_child.read_exact(&mut [0; 6]).unwrap();
    drop(tail);
    let recovered = Recovered::claim(&path)
        .unwrap()
        .expect("the owner has ended, although its child is running");
    assert_eq!(recovered.snapshot().to_vec(), b"of the parent\n");
    drop(to_child);
    assert_eq!(wait(child), Some(0));
}

/// Eight threads of a child keep their lines within bounds like any other process, even if a thread of
/// the parent held a lock at the fork.
fn many_threads_of_a_forked_child_lose_no_line() {
    const THREADS: usize = 8;
    const LINES: usize = 20_000;
    let tail = TailWriter::builder()
        .max_bytes(6 << 20)
        .max_line_bytes(100)
        .quota(1, 50)
        .build_shared();
    let stop = AtomicBool::new(false);
    let started = Barrier::new(3);
    thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                started.wait();
                for number in 0_u64.. {
                    tail.push_class(u8::from(number % 8 == 0), b"parent");
                    let _ = writeln!(&mut &tail, "parent");
                    if stop.load(Ordering::Relaxed) {
                        break;
                    }
                }
            });
        }
        let _stop = Stop(&stop);
        started.wait();
        for _ in 0..3 {
            let child = fork(|| {
                thread::scope(|scope| {
                    for thread in 0..THREADS {
                        let tail = &tail;
                        scope.spawn(move || {
                            for number in 0..LINES {
                                tail.push(format!("{thread} {number}").as_bytes());
                            }
                        });
                    }
                });
                let snapshot = tail.snapshot();
                let lines = snapshot.lines().filter(|line| *line != b"parent").count();
                i32::from(lines != THREADS * LINES)
            });
            assert_eq!(wait(child), Some(0));
        }
    });
}
