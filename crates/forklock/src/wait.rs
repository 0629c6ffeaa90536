//! Sleeps until a word changes: with a futex on Linux, with a condition variable elsewhere.
//!
//! A fork breaks neither: no thread of the child sleeps, and the child uses nothing that another
//! thread of the parent may have locked.

#[cfg(all(unix, not(any(target_os = "linux", target_os = "android"))))]
pub(crate) use condvar::renew;
#[cfg(not(any(target_os = "linux", target_os = "android")))]
pub(crate) use condvar::{wait, wake};
#[cfg(any(target_os = "linux", target_os = "android"))]
pub(crate) use futex::{wait, wake};

#[cfg(any(target_os = "linux", target_os = "android"))]
mod futex {
    #![allow(unsafe_code)]

    use std::ptr;
    use std::sync::atomic::AtomicUsize;

    /// The half of the word that the kernel compares. It is the low half, because every change of the
    /// word changes its low half.
    fn low_half(word: &AtomicUsize) -> *const u32 {
        let halves = size_of::<usize>() / size_of::<u32>();
        let low = if cfg!(target_endian = "big") {
            halves - 1
        } else {
            0
        };
        ptr::from_ref(word).cast::<u32>().wrapping_add(low)
    }

    /// Sleeps while the word is `expected`. May wake up spuriously.
    pub(crate) fn wait(word: &AtomicUsize, expected: usize) {
        let operation = libc::FUTEX_WAIT | libc::FUTEX_PRIVATE_FLAG;
        // SAFETY: the address is that of a live, aligned word. The kernel only reads it, atomically.
        // The timeout is null, which means none.
        unsafe {
            libc::syscall(
                libc::SYS_futex,
                low_half(word),
                operation,
                expected as u32,
                ptr::null::<libc::timespec>(),
            );
        }
    }

    /// Wakes one thread that sleeps on the word.
    pub(crate) fn wake(word: &AtomicUsize) {
        let operation = libc::FUTEX_WAKE | libc::FUTEX_PRIVATE_FLAG;
        // SAFETY: the kernel does not read the word; it only uses the address as a key.
        unsafe {
            libc::syscall(libc::SYS_futex, low_half(word), operation, 1);
        }
    }
}

/// One condition variable for all locks. A forked child gets a new one.
#[cfg(any(not(any(target_os = "linux", target_os = "android")), test))]
mod condvar {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::sync::{Condvar, Mutex, MutexGuard, OnceLock, PoisonError};

    struct Waiters {
        mutex: Mutex<()>,
        changed: Condvar,
        /// Set in a child, in a child of that child, and so on.
        next: OnceLock<Box<Waiters>>,
    }

    static FIRST: Waiters = Waiters::new();

    impl Waiters {
        const fn new() -> Waiters {
            Waiters {
                mutex: Mutex::new(()),
                changed: Condvar::new(),
                next: OnceLock::new(),
            }
        }

        /// Returns the waiters of this process: the last in the list.
        fn current() -> &'static Waiters {
            let mut waiters = &FIRST;
            while let Some(next) = waiters.next.get() {
                waiters = next;
            }
            waiters
        }

        fn lock(&self) -> MutexGuard<'_, ()> {
            self.mutex.lock().unwrap_or_else(PoisonError::into_inner)
        }
    }

    /// Replaces the mutex, which a thread of the parent may have locked. Called in a new child, while
    /// it has one thread.
    #[cfg(any(unix, test))]
    pub(crate) fn renew() {
        // `next` is not set yet, because `current` returns the last in the list.
        let _ = Waiters::current().next.set(Box::new(Waiters::new()));
    }

    /// Sleeps while the word is `expected`.
    pub(crate) fn wait(word: &AtomicUsize, expected: usize) {
        let waiters = Waiters::current();
        let mut guard = waiters.lock();
        // Relaxed: a thread that changes the word locks the mutex before it wakes others.
        while word.load(Ordering::Relaxed) == expected {
            guard = waiters
                .changed
                .wait(guard)
                .unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Wakes all threads that sleep.
    pub(crate) fn wake(_: &AtomicUsize) {
        let waiters = Waiters::current();
        drop(waiters.lock());
        waiters.changed.notify_all();
    }

    #[cfg(test)]
    mod tests {
        use super::*;

        #[test]
        fn a_thread_sleeps_until_the_word_changes_also_after_renew() {
            for round in 0..20 {
                let word = AtomicUsize::new(1);
                std::thread::scope(|scope| {
                    scope.spawn(|| {
                        wait(&word, 1);
                        assert_eq!(word.load(Ordering::Relaxed), 2);
                    });
                    word.store(2, Ordering::Relaxed);
                    wake(&word);
                });
                if round % 5 == 0 {
                    renew();
                }
            }
        }
    }
}
