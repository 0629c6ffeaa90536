//! A set of places in the program. It is read for each event, and changes when a callsite is registered.

use std::collections::HashSet;
use std::hash::{BuildHasherDefault, DefaultHasher, Hash};
use std::sync::atomic::Ordering;

use forklock::{ForkMutex, ForkMutexGuard, LockError};

use crate::atomic::AtomicU64;

const WORDS: usize = 1024;

type Hasher = BuildHasherDefault<DefaultHasher>;

pub(crate) trait Key: Eq + Hash {
    /// A fast hash. Its upper bits are used.
    fn mix(&self) -> u64;
}

/// The address of a callsite's metadata.
impl Key for usize {
    fn mix(&self) -> u64 {
        (*self as u64).wrapping_mul(MULTIPLIER)
    }
}

pub(crate) const MULTIPLIER: u64 = 0x9E37_79B9_7F4A_7C15;

/// Each value sets a bit, so that one load is enough for nearly all values that are not in the set. A
/// forked child never waits for a thread that does not exist in it.
pub(crate) struct CallsiteSet<K> {
    bits: [AtomicU64; WORDS],
    exact: ForkMutex<HashSet<K, Hasher>>,
}

impl<K: Key> CallsiteSet<K> {
    pub(crate) const fn new() -> CallsiteSet<K> {
        CallsiteSet {
            bits: [const { AtomicU64::new(0) }; WORDS],
            exact: ForkMutex::new(HashSet::with_hasher(Hasher::new())),
        }
    }

    pub(crate) fn insert(&self, key: K) {
        let (word, bit) = bit_of(&key);
        if let Some(mut exact) = self.lock() {
            exact.insert(key);
        }
        self.bits[word].fetch_or(bit, Ordering::Release);
    }

    pub(crate) fn remove(&self, key: &K) {
        if self.may_contain(key)
            && let Some(mut exact) = self.lock()
        {
            // The bit stays set, because other values may share it.
            exact.remove(key);
        }
    }

    pub(crate) fn contains(&self, key: &K) -> bool {
        self.contains_as(key, |exact| exact.contains(key))
    }

    /// Like [`contains`](CallsiteSet::contains), for a key with a shorter lifetime.
    pub(crate) fn contains_as(
        &self,
        key: &impl Key,
        contains: impl FnOnce(&HashSet<K, Hasher>) -> bool,
    ) -> bool {
        self.may_contain(key) && self.lock().is_some_and(|exact| contains(&exact))
    }

    fn may_contain(&self, key: &impl Key) -> bool {
        let (word, bit) = bit_of(key);
        self.bits[word].load(Ordering::Acquire) & bit != 0
    }

    /// `None` if a signal handler has interrupted this thread while it held the lock.
    fn lock(&self) -> Option<ForkMutexGuard<'_, HashSet<K, Hasher>>> {
        match self.exact.lock() {
            Ok(exact) => Some(exact),
            Err(LockError::Orphaned(mut exact)) => {
                // A thread that the fork did not copy may have been changing the set, so it must not
                // even be dropped.
                std::mem::forget(std::mem::take(&mut *exact));
                Some(exact)
            }
            Err(_) => None,
        }
    }
}

impl<K> std::fmt::Debug for CallsiteSet<K> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CallsiteSet").finish_non_exhaustive()
    }
}

fn bit_of(key: &impl Key) -> (usize, u64) {
    let at = (key.mix() >> 48) as usize;
    (at / 64 % WORDS, 1 << (at % 64))
}

#[cfg(all(test, unix))]
mod tests {
    #![allow(unsafe_code, reason = "a test of fork")]

    use std::sync::mpsc;
    use std::thread;

    use super::*;

    #[test]
    fn a_set_contains_what_was_inserted() {
        let set = CallsiteSet::new();
        for key in 0..1_000 {
            set.insert(key);
        }
        set.remove(&7);
        let missing: Vec<usize> = (0..1_000).filter(|key| !set.contains(key)).collect();
        assert_eq!(missing, [7]);
        assert!(!(1_000..100_000).any(|key| set.contains(&key)));
    }

    #[test]
    fn a_forked_child_does_not_wait_for_a_thread_that_held_the_lock() {
        let set = CallsiteSet::new();
        set.insert(1);
        let (held, is_held) = mpsc::channel();
        let (release, released) = mpsc::channel::<()>();
        let status = thread::scope(|scope| {
            let set = &set;
            scope.spawn(move || {
                let _exact = set.lock().unwrap();
                held.send(()).unwrap();
                let _ = released.recv();
            });
            is_held.recv().unwrap();
            // SAFETY: the child uses the set and ends; an alarm ends it if it hangs.
            let child = unsafe { libc::fork() };
            if child == 0 {
                // SAFETY: sets a timer of the child.
                unsafe { libc::alarm(20) };
                set.contains(&1);
                set.insert(2);
                let code = i32::from(!set.contains(&2));
                // SAFETY: ends the child without running exit handlers of the parent.
                unsafe { libc::_exit(code) }
            }
            let mut status = 0;
            // SAFETY: the child is ours, and `status` is valid for writes.
            while unsafe { libc::waitpid(child, &raw mut status, 0) } < 0 {}
            drop(release);
            status
        });
        assert_eq!(status, 0, "the child hung or did not find its value");
    }
}
