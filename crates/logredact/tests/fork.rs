//! A forked child masks texts, even if another thread of its parent held a lock at the fork.
#![cfg(unix)]

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use logredact::{MASK, Redactor};

const LEARNED: &str = "Fl1ght-Rec0rder";
const FORKS: usize = 200;

/// Exits the process with 0 if everything is masked.
fn in_child(redactor: &Redactor) -> ! {
    // SAFETY: ends a child that hangs.
    unsafe { libc::alarm(60) };
    let is_masked = redactor.text(LEARNED) == MASK
        && redactor.text("password=hunter2x9") == "password=[redacted]"
        && redactor.learn("An0ther-Secret")
        && redactor.text("An0ther-Secret") == MASK
        && Redactor::default().text("password=hunter2x9") == "password=[redacted]";
    redactor.forget();
    // SAFETY: ends the process without running exit handlers of the parent.
    unsafe { libc::_exit(i32::from(!is_masked)) }
}

/// Other threads hold the locks of the redactor most of the time, while this one forks.
#[test]
fn a_child_masks_learned_values_although_other_threads_held_the_locks() {
    let redactor = Redactor::default();
    assert!(redactor.learn(LEARNED));
    let stop = AtomicBool::new(false);
    thread::scope(|scope| {
        for id in 0..2 {
            let (redactor, stop) = (&redactor, &stop);
            scope.spawn(move || {
                for n in 0usize.. {
                    if stop.load(Ordering::Relaxed) {
                        break;
                    }
                    // No more values than the redactor keeps, so that none is evicted.
                    let _ = redactor.learn(&format!("t0ld-{id}-{:04}", n % 100));
                    let _ = redactor.text(&format!("password=s33n-{id}-{n}"));
                    redactor.forget();
                }
            });
        }
        let failed = (0..FORKS).filter(|_| !fork_one(&redactor)).count();
        stop.store(true, Ordering::Relaxed);
        assert_eq!(failed, 0);
    });
}

fn fork_one(redactor: &Redactor) -> bool {
    // SAFETY: the child only masks texts, whose locks work across a fork, and allocates, which the C
    // library allows.
    let child = unsafe { libc::fork() };
    if child == 0 {
        in_child(redactor);
    }
    assert!(child > 0, "fork failed");
    let mut status = 0;
    // SAFETY: the child is ours, and `status` is valid for writes.
    while unsafe { libc::waitpid(child, &raw mut status, 0) } < 0 {}
    libc::WIFEXITED(status) && libc::WEXITSTATUS(status) == 0
}
