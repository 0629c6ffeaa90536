//! Children that are forked while other threads of the parent hold locks.
#![cfg(all(target_os = "linux", target_env = "gnu"))]

use std::hint::black_box;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

const FORKS: usize = 200;

/// The loader's lock stays locked in a child if a thread of the parent holds it at the fork.
#[test]
fn a_forked_child_lists_modules_and_threads_although_its_parent_held_locks() {
    let stop = AtomicBool::new(false);
    thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while !stop.load(Ordering::Relaxed) {
                    black_box(stackwalk::modules());
                }
            });
        }
        scope.spawn(|| {
            while !stop.load(Ordering::Relaxed) {
                black_box(stackwalk::threads::capture()).unwrap();
            }
        });
        let statuses: Vec<_> = (0..FORKS).map(|_| fork_and_look()).collect();
        stop.store(true, Ordering::Relaxed);
        assert_eq!(statuses, [0; FORKS]);
    });
}

/// Returns the exit status of the child. If the child hangs, SIGALRM ends it.
fn fork_and_look() -> libc::c_int {
    // SAFETY: the C library lets a child allocate, and the other functions work in a forked child.
    unsafe {
        let child = libc::fork();
        if child == 0 {
            libc::alarm(20);
            let modules = stackwalk::modules();
            let length = stackwalk::walk(&mut [0; 64]);
            let threads = stackwalk::threads::capture();
            let is_good = !modules.is_empty() && length > 1 && threads.is_ok();
            libc::_exit(if is_good { 0 } else { 1 });
        }
        let mut status = 0;
        while libc::waitpid(child, &raw mut status, 0) < 0 {}
        status
    }
}
