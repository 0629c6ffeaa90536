//! A lock that a forked child does not inherit.

use std::sync::atomic::{AtomicI32, Ordering};
use std::time::{Duration, Instant};

/// A mutex for the threads of one process. A forked child takes it over from a thread of its parent,
/// which does not exist in the child. A waiting thread sleeps and polls, so it is for rare and short
/// work.
pub(crate) struct ProcessLock {
    /// The process whose thread holds the lock; 0 for none.
    owner: AtomicI32,
}

pub(crate) struct ProcessGuard<'a> {
    lock: &'a ProcessLock,
    /// Whether the lock was taken over from a thread of the parent.
    #[allow(
        dead_code,
        reason = "only read for stacks of threads, which some systems do not have"
    )]
    pub(crate) is_inherited: bool,
}

impl ProcessLock {
    pub(crate) const fn new() -> ProcessLock {
        ProcessLock {
            owner: AtomicI32::new(0),
        }
    }

    /// Waits until no other thread holds the lock. Returns `None` after the timeout.
    pub(crate) fn lock(&self, timeout: Duration) -> Option<ProcessGuard<'_>> {
        // SAFETY: no preconditions.
        let pid = unsafe { libc::getpid() };
        let until = Instant::now() + timeout;
        loop {
            let owner = self.owner.load(Ordering::Relaxed);
            if owner != pid {
                let taken =
                    self.owner
                        .compare_exchange(owner, pid, Ordering::Acquire, Ordering::Relaxed);
                if taken.is_ok() {
                    let is_inherited = owner != 0;
                    return Some(ProcessGuard {
                        lock: self,
                        is_inherited,
                    });
                }
            } else if Instant::now() > until {
                return None;
            } else {
                std::thread::sleep(Duration::from_millis(1));
            }
        }
    }
}

impl Drop for ProcessGuard<'_> {
    fn drop(&mut self) {
        self.lock.owner.store(0, Ordering::Release);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_thread_holds_it_and_a_child_takes_it_over() {
        let lock = ProcessLock::new();
        let guard = lock.lock(Duration::ZERO).unwrap();
        assert!(!guard.is_inherited);
        assert!(lock.lock(Duration::ZERO).is_none());
        drop(guard);
        // As in a child: held by a thread of another process.
        lock.owner.store(1, Ordering::Relaxed);
        assert!(lock.lock(Duration::ZERO).unwrap().is_inherited);
        assert!(!lock.lock(Duration::ZERO).unwrap().is_inherited);
    }
}
