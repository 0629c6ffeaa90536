//! Sleeping until a word changes.
//!
//! Neither way is broken by a fork: the child has no sleeping threads, and nothing that one of the
//! parent's threads may hold is used there.

#[cfg(any(target_os = "linux", target_os = "android"))]
pub(crate) use futex::{wait, wake};
#[cfg(all(unix, not(any(target_os = "linux", target_os = "android"))))]
pub(crate) use room::renew;
#[cfg(not(any(target_os = "linux", target_os = "android")))]
pub(crate) use room::{wait, wake};

#[cfg(any(target_os = "linux", target_os = "android"))]
mod futex {
    #![allow(unsafe_code)]

    use std::ptr;
    use std::sync::atomic::AtomicUsize;

    /// The half of the word that the kernel compares: the low one, in which every change shows.
    fn low_half(word: &AtomicUsize) -> *const u32 {
        let halves = size_of::<usize>() / size_of::<u32>();
        let low = if cfg!(target_endian = "big") {
            halves - 1
        } else {
            0
        };
        ptr::from_ref(word).cast::<u32>().wrapping_add(low)
    }

    /// Sleeps while the word is `expected`. May return for no reason.
    pub(crate) fn wait(word: &AtomicUsize, expected: usize) {
        let operation = libc::FUTEX_WAIT | libc::FUTEX_PRIVATE_FLAG;
        // SAFETY: the address is that of a live, aligned word. The kernel only reads it, as
        // another thread might. No timeout is given.
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
        // SAFETY: the kernel does not read the word; its address is a name.
        unsafe {
            libc::syscall(libc::SYS_futex, low_half(word), operation, 1);
        }
    }
}

/// One condition variable for all locks. A forked child gets another.
#[cfg(any(not(any(target_os = "linux", target_os = "android")), test))]
mod room {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::sync::{Condvar, Mutex, MutexGuard, OnceLock, PoisonError};

    struct Room {
        door: Mutex<()>,
        changed: Condvar,
        /// The room of the child, of a child's child, and so on.
        next: OnceLock<Box<Room>>,
    }

    static FIRST: Room = Room::new();

    impl Room {
        const fn new() -> Room {
            Room {
                door: Mutex::new(()),
                changed: Condvar::new(),
                next: OnceLock::new(),
            }
        }

        /// That of this process.
        fn current() -> &'static Room {
            let mut room = &FIRST;
            while let Some(next) = room.next.get() {
                room = next;
            }
            room
        }

        fn enter(&self) -> MutexGuard<'_, ()> {
            self.door.lock().unwrap_or_else(PoisonError::into_inner)
        }
    }

    /// Leaves behind what the threads of the parent may have locked. Called while there is one
    /// thread, in a new child.
    #[cfg(any(unix, test))]
    pub(crate) fn renew() {
        // It is not set yet: `current` is the last one.
        let _ = Room::current().next.set(Box::new(Room::new()));
    }

    /// Sleeps while the word is `expected`.
    pub(crate) fn wait(word: &AtomicUsize, expected: usize) {
        let room = Room::current();
        let mut inside = room.enter();
        // Relaxed: whoever changes the word enters before it wakes others.
        while word.load(Ordering::Relaxed) == expected {
            inside = room
                .changed
                .wait(inside)
                .unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Wakes the threads that sleep.
    pub(crate) fn wake(_: &AtomicUsize) {
        let room = Room::current();
        drop(room.enter());
        room.changed.notify_all();
    }

    #[cfg(test)]
    mod tests {
        use super::*;

        #[test]
        fn a_thread_sleeps_until_the_word_changes_also_in_a_new_room() {
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
