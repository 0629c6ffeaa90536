//! Locks in a forked child.
#![cfg(unix)]

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Barrier, mpsc};
use std::thread;

use forklock::{ForkMutex, LockError, TryLockError};

/// Runs `act` in a forked child and returns its exit code; -1 if a signal ended it.
///
/// An alarm ends a child that hangs.
fn in_child(act: impl FnOnce() -> i32) -> i32 {
    // SAFETY: no thread holds the allocator's lock in the child (the C library ensures it), and only
    // the owners of guards use their data.
    let child = unsafe { libc::fork() };
    if child == 0 {
        // SAFETY: sets a timer of this process.
        unsafe { libc::alarm(60) };
        let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(act));
        // SAFETY: ends the process without running exit handlers of the parent.
        unsafe { libc::_exit(result.unwrap_or(101)) }
    }
    assert!(child > 0, "fork failed");
    let mut status = 0;
    // SAFETY: the child is ours, and `status` is valid for writes.
    while unsafe { libc::waitpid(child, &raw mut status, 0) } < 0 {}
    if libc::WIFEXITED(status) {
        libc::WEXITSTATUS(status)
    } else {
        -1
    }
}

/// Calls `act` while another thread holds the lock.
fn while_held<T: Send, R>(lock: &ForkMutex<T>, act: impl FnOnce() -> R) -> R {
    thread::scope(|scope| {
        let (held, is_held) = mpsc::channel();
        let (release, released) = mpsc::channel::<()>();
        scope.spawn(move || {
            let guard = lock.lock().unwrap();
            held.send(()).unwrap();
            let _ = released.recv();
            drop(guard);
        });
        is_held.recv().unwrap();
        let result = act();
        drop(release);
        result
    })
}

/// Many threads add to the count behind the lock. Returns how many of them were told that it was
/// orphaned.
fn count_together(lock: &ForkMutex<usize>, threads: usize, rounds: usize) -> usize {
    let orphaned = AtomicUsize::new(0);
    let start = Barrier::new(threads);
    thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                start.wait();
                for _ in 0..rounds {
                    let mut count = match lock.lock() {
                        Ok(count) => count,
                        Err(LockError::Orphaned(count)) => {
                            orphaned.fetch_add(1, Ordering::Relaxed);
                            count
                        }
                        Err(error) => panic!("{error}"),
                    };
                    *count += 1;
                }
            });
        }
    });
    orphaned.into_inner()
}

/// All tests, one after the other. The standard library holds a lock while a thread starts or ends; a
/// child that is forked at that moment can't start threads. So no other test may start threads meanwhile.
#[test]
fn locks_in_a_forked_child() {
    a_lock_held_at_the_fork_is_reported_once_and_then_works();
    a_free_lock_is_not_orphaned();
    try_lock_reports_it_too();
    the_forking_thread_still_holds_its_lock_in_the_child();
    a_lock_held_in_a_child_is_orphaned_in_its_child();
    children_of_a_busy_process_lose_no_update_and_do_not_hang();
}

fn a_lock_held_at_the_fork_is_reported_once_and_then_works() {
    for _ in 0..20 {
        let lock = ForkMutex::new(0);
        let code = while_held(&lock, || {
            in_child(|| {
                let orphaned = count_together(&lock, 8, 2_000);
                let again = count_together(&lock, 8, 2_000);
                assert_eq!((orphaned, again), (1, 0));
                assert_eq!(*lock.lock().unwrap(), 32_000);
                0
            })
        });
        assert_eq!(code, 0);
        // The parent is not affected.
        assert_eq!(count_together(&lock, 2, 10), 0);
        assert_eq!(lock.into_inner(), 20);
    }
}

fn a_free_lock_is_not_orphaned() {
    let lock = ForkMutex::new(0);
    count_together(&lock, 2, 100);
    assert_eq!(
        in_child(|| {
            assert_eq!(count_together(&lock, 8, 2_000), 0);
            assert_eq!(*lock.lock().unwrap(), 16_200);
            0
        }),
        0
    );
}

fn try_lock_reports_it_too() {
    let lock = ForkMutex::new(7);
    let code = while_held(&lock, || {
        assert!(matches!(lock.try_lock(), Err(TryLockError::WouldBlock)));
        in_child(|| {
            let Err(TryLockError::Orphaned(value)) = lock.try_lock() else {
                return 1;
            };
            assert_eq!(*value, 7);
            assert!(lock.is_held_by_this_thread());
            drop(value);
            i32::from(lock.try_lock().is_err()) * 2
        })
    });
    assert_eq!(code, 0);
}

/// The thread that forks exists in the child, and so does its guard.
fn the_forking_thread_still_holds_its_lock_in_the_child() {
    let lock = ForkMutex::new(1);
    let guard = lock.lock().unwrap();
    let act = |mut guard: forklock::ForkMutexGuard<'_, i32>| {
        thread::scope(|scope| {
            let other = scope.spawn(|| matches!(lock.try_lock(), Err(TryLockError::WouldBlock)));
            assert!(other.join().unwrap());
            let waits = scope.spawn(|| *lock.lock().unwrap());
            *guard = 2;
            drop(guard);
            assert_eq!(waits.join().unwrap(), 2);
        });
        0
    };
    let mut guard = Some(guard);
    let code = in_child(|| act(guard.take().unwrap()));
    assert_eq!(code, 0);
    assert_eq!(act(guard.unwrap()), 0);
}

/// In a child's child, the thread that survived the first fork is gone unless it forked again.
fn a_lock_held_in_a_child_is_orphaned_in_its_child() {
    let lock = ForkMutex::new(());
    let code = while_held(&lock, || {
        in_child(|| {
            // Taken over here, and held while another thread forks.
            let Err(LockError::Orphaned(guard)) = lock.lock() else {
                return 1;
            };
            let code = thread::scope(|scope| {
                let forks = || in_child(|| i32::from(lock.lock().is_ok()) * 2);
                scope.spawn(forks).join().unwrap()
            });
            if code != 0 {
                return code;
            }
            // Held while this thread forks.
            let code = in_child(|| match lock.lock() {
                Err(LockError::AlreadyHeld) => 0,
                _ => 3,
            });
            drop(guard);
            code
        })
    });
    assert_eq!(code, 0);
}

/// The two halves of the data are changed one after the other, so a takeover between them is noticed.
fn children_of_a_busy_process_lose_no_update_and_do_not_hang() {
    let lock = ForkMutex::new((0_usize, 0_usize));
    let stop = AtomicBool::new(false);
    let started = Barrier::new(4);
    thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                started.wait();
                while !stop.load(Ordering::Relaxed) {
                    let mut pair = lock.lock().unwrap();
                    pair.0 += 1;
                    std::hint::black_box(&mut *pair);
                    pair.1 += 1;
                }
            });
        }
        started.wait();
        for _ in 0..100 {
            let code = in_child(|| {
                let before = match lock.lock() {
                    Ok(pair) => {
                        assert_eq!(pair.0, pair.1);
                        *pair
                    }
                    Err(LockError::Orphaned(mut pair)) => {
                        *pair = (0, 0);
                        *pair
                    }
                    Err(_) => return 1,
                };
                thread::scope(|scope| {
                    for _ in 0..4 {
                        scope.spawn(|| {
                            for _ in 0..500 {
                                let mut pair = lock.lock().unwrap();
                                pair.0 += 1;
                                std::hint::black_box(&mut *pair);
                                pair.1 += 1;
                            }
                        });
                    }
                });
                let after = *lock.lock().unwrap();
                i32::from(after != (before.0 + 2_000, before.1 + 2_000)) * 2
            });
            assert_eq!(code, 0);
        }
        stop.store(true, Ordering::Relaxed);
    });
}
