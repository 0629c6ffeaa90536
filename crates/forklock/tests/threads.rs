//! Properties of any mutex: exclusion, waiting, re-entrancy.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Barrier;
use std::thread;

use forklock::{ForkMutex, LockError, TryLockError};

#[test]
fn threads_exclude_each_other() {
    const THREADS: usize = 8;
    const ROUNDS: usize = 50_000;
    let pair = ForkMutex::new((0_usize, 0_usize));
    let start = Barrier::new(THREADS);
    thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                start.wait();
                for _ in 0..ROUNDS {
                    let mut pair = pair.lock().unwrap();
                    pair.0 += 1;
                    std::hint::black_box(&mut *pair);
                    pair.1 += 1;
                    assert_eq!(pair.0, pair.1);
                }
            });
        }
    });
    assert_eq!(pair.into_inner(), (THREADS * ROUNDS, THREADS * ROUNDS));
}

/// Every thread has to sleep: the owner holds the lock until all others wait for it.
#[test]
fn a_thread_that_sleeps_is_woken() {
    for _ in 0..200 {
        let lock = ForkMutex::new(0);
        let guard = lock.lock().unwrap();
        thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| *lock.lock().unwrap() += 1);
            }
            thread::yield_now();
            drop(guard);
        });
        assert_eq!(lock.into_inner(), 4);
    }
}

#[test]
fn the_owner_gets_an_error_instead_of_a_deadlock() {
    let lock = ForkMutex::new(());
    assert!(!lock.is_held_by_this_thread());
    let guard = lock.lock().unwrap();
    assert!(lock.is_held_by_this_thread());
    assert!(matches!(lock.lock(), Err(LockError::AlreadyHeld)));
    assert!(matches!(lock.try_lock(), Err(TryLockError::AlreadyHeld)));
    thread::scope(|scope| {
        scope.spawn(|| {
            assert!(!lock.is_held_by_this_thread());
            assert!(matches!(lock.try_lock(), Err(TryLockError::WouldBlock)));
        });
    });
    assert_eq!(format!("{lock:?}"), "ForkMutex { value: <locked> }");
    drop(guard);
    assert_eq!(format!("{lock:?}"), "ForkMutex { value: () }");
    drop(lock.lock().unwrap());
}

#[test]
fn a_panic_unlocks_and_does_not_poison() {
    let lock = ForkMutex::new(1);
    let panicked = catch_unwind(AssertUnwindSafe(|| {
        let mut guard = lock.lock().unwrap();
        *guard = 2;
        panic!("while the lock is held");
    }));
    assert!(panicked.is_err());
    assert_eq!(*lock.lock().unwrap(), 2);
}

#[test]
fn it_can_be_locked_while_thread_locals_are_destroyed() {
    static COUNT: ForkMutex<u32> = ForkMutex::new(0);
    struct Last;
    impl Drop for Last {
        fn drop(&mut self) {
            *COUNT.lock().unwrap() += 1;
        }
    }
    thread_local!(static LAST: Last = const { Last });
    thread::spawn(|| LAST.with(|_| ())).join().unwrap();
    assert_eq!(*COUNT.lock().unwrap(), 1);
}
