//! The mutex: the data, and one word that holds the number of the owner.
#![allow(unsafe_code)]

use std::cell::UnsafeCell;
use std::fmt;
use std::marker::PhantomData;
use std::ops::{Deref, DerefMut};
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::fork;
use crate::wait;
use crate::{LockError, TryLockError};

/// A mutex that recognises an owner that did not survive a fork.
///
/// See the [crate's front page](crate) for its guarantees and limits. A panic while the lock is held
/// does not poison it.
///
/// ```
/// use forklock::{ForkMutex, LockError};
///
/// let count = ForkMutex::new(1);
/// let guard = count.lock().unwrap();
/// assert!(matches!(count.lock(), Err(LockError::AlreadyHeld)));
/// drop(guard);
/// *count.lock().unwrap() += 1;
/// assert_eq!(count.into_inner(), 2);
/// ```
pub struct ForkMutex<T: ?Sized> {
    word: AtomicUsize,
    value: UnsafeCell<T>,
}

/// Gives access to the value of a [`ForkMutex`]. Dropping it unlocks the mutex.
#[must_use = "dropping a guard unlocks the mutex"]
pub struct ForkMutexGuard<'a, T: ?Sized> {
    mutex: &'a ForkMutex<T>,
    // The word holds the number of the thread, so the guard must stay on that thread.
    not_send: PhantomData<*const ()>,
}

// SAFETY: the mutex owns its value, so sending the mutex sends the value.
unsafe impl<T: ?Sized + Send> Send for ForkMutex<T> {}
// SAFETY: only the thread that holds the lock accesses the value, and one thread at a time holds it.
unsafe impl<T: ?Sized + Send> Sync for ForkMutex<T> {}
// SAFETY: a shared guard gives shared references to the value, and no more.
unsafe impl<T: ?Sized + Sync> Sync for ForkMutexGuard<'_, T> {}

// The word holds the number of the owner, zero if there is none, and in its lowest bit whether threads
// wait.
const FREE: usize = 0;
const HAS_WAITERS: usize = 1;
const SPINS: usize = 100;

fn word_of(thread: usize) -> usize {
    thread << 1
}

fn owner_of(word: usize) -> usize {
    word >> 1
}

impl<T> ForkMutex<T> {
    /// Creates an unlocked mutex.
    pub const fn new(value: T) -> ForkMutex<T> {
        ForkMutex {
            word: AtomicUsize::new(FREE),
            value: UnsafeCell::new(value),
        }
    }

    /// Returns the value. No lock is needed, because nothing else has access.
    pub fn into_inner(self) -> T {
        self.value.into_inner()
    }
}

impl<T: ?Sized> ForkMutex<T> {
    /// Locks the mutex. Blocks while another thread of this process holds it.
    ///
    /// # Errors
    ///
    /// [`LockError::Orphaned`] with the guard, if the owner did not survive a fork: once for each
    /// lock that was held. [`LockError::AlreadyHeld`] if this thread holds the lock.
    #[inline]
    pub fn lock(&self) -> Result<ForkMutexGuard<'_, T>, LockError<'_, T>> {
        let me = fork::this_thread();
        if self.acquire(FREE, word_of(me)).is_ok() {
            return Ok(self.guard());
        }
        self.lock_contended(me)
    }

    /// Locks the mutex, calls `work` with the value, and returns the result of `work`. Returns `None`
    /// if this thread holds the lock already, for instance because a signal handler has interrupted
    /// it.
    ///
    /// If the owner did not survive a fork, the value is used as it is. Use this method only for
    /// values that are valid even if a change to them was interrupted; otherwise use
    /// [`lock`](ForkMutex::lock), which reports this case.
    ///
    /// ```
    /// use forklock::ForkMutex;
    ///
    /// let lines = ForkMutex::new(vec!["one"]);
    /// lines.with(|lines| lines.push("two"));
    /// assert_eq!(lines.with(|lines| lines.len()), Some(2));
    /// assert_eq!(lines.with(|_| lines.with(|_| ())), Some(None));
    /// ```
    #[inline]
    pub fn with<R>(&self, work: impl FnOnce(&mut T) -> R) -> Option<R> {
        match self.lock() {
            Ok(mut value) | Err(LockError::Orphaned(mut value)) => Some(work(&mut value)),
            Err(LockError::AlreadyHeld) => None,
        }
    }

    /// Locks the mutex if that needs no waiting.
    ///
    /// # Errors
    ///
    /// Those of [`lock`](ForkMutex::lock), and [`TryLockError::WouldBlock`] if another thread of
    /// this process holds the lock.
    pub fn try_lock(&self) -> Result<ForkMutexGuard<'_, T>, TryLockError<'_, T>> {
        let me = fork::this_thread();
        match self.acquire(FREE, word_of(me)) {
            Ok(()) => Ok(self.guard()),
            Err(held) if owner_of(held) == me => Err(TryLockError::AlreadyHeld),
            Err(held) if self.inherit(held, me) => Err(TryLockError::Orphaned(self.guard())),
            Err(_) => Err(TryLockError::WouldBlock),
        }
    }

    /// Whether the calling thread holds the lock.
    pub fn is_held_by_this_thread(&self) -> bool {
        // Relaxed: only this thread stores its own number.
        owner_of(self.word.load(Ordering::Relaxed)) == fork::this_thread()
    }

    /// Access without locking, because nothing else has access.
    pub fn get_mut(&mut self) -> &mut T {
        self.value.get_mut()
    }

    #[cold]
    fn lock_contended(&self, me: usize) -> Result<ForkMutexGuard<'_, T>, LockError<'_, T>> {
        let mut held = self.spin();
        // A thread that has waited can't know whether others still wait, so it keeps `HAS_WAITERS`.
        let mut mine = word_of(me);
        loop {
            if held == FREE {
                match self.acquire(FREE, mine) {
                    Ok(()) => return Ok(self.guard()),
                    Err(now) => held = now,
                }
                continue;
            }
            if owner_of(held) == me {
                return Err(LockError::AlreadyHeld);
            }
            if fork::is_gone(owner_of(held)) {
                if self.inherit(held, me) {
                    return Err(LockError::Orphaned(self.guard()));
                }
                held = self.word.load(Ordering::Relaxed);
                continue;
            }
            let marked = held | HAS_WAITERS;
            if held != marked {
                let result = self.word.compare_exchange_weak(
                    held,
                    marked,
                    Ordering::Relaxed,
                    Ordering::Relaxed,
                );
                if let Err(now) = result {
                    held = now;
                    continue;
                }
            }
            mine = word_of(me) | HAS_WAITERS;
            wait::wait(&self.word, marked);
            held = self.spin();
        }
    }

    /// Spins for a short time, unless other threads sleep already. Returns the word.
    fn spin(&self) -> usize {
        let mut held = self.word.load(Ordering::Relaxed);
        for _ in 0..SPINS {
            if held == FREE || held & HAS_WAITERS != 0 {
                break;
            }
            std::hint::spin_loop();
            held = self.word.load(Ordering::Relaxed);
        }
        held
    }

    /// Takes over the lock of a thread that is gone. Only one thread succeeds.
    fn inherit(&self, held: usize, me: usize) -> bool {
        fork::is_gone(owner_of(held)) && self.acquire(held, word_of(me)).is_ok()
    }

    #[inline]
    fn acquire(&self, from: usize, to: usize) -> Result<(), usize> {
        // Acquire: pairs with the release of the thread that unlocked.
        self.word
            .compare_exchange(from, to, Ordering::Acquire, Ordering::Relaxed)
            .map(|_| ())
    }

    fn guard(&self) -> ForkMutexGuard<'_, T> {
        ForkMutexGuard {
            mutex: self,
            not_send: PhantomData,
        }
    }
}

impl<T: ?Sized> Deref for ForkMutexGuard<'_, T> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        // SAFETY: the guard exists, so this thread holds the lock, and no other guard does.
        unsafe { &*self.mutex.value.get() }
    }
}

impl<T: ?Sized> DerefMut for ForkMutexGuard<'_, T> {
    #[inline]
    fn deref_mut(&mut self) -> &mut T {
        // SAFETY: as above, and the guard is mutably borrowed for as long as the reference lives.
        unsafe { &mut *self.mutex.value.get() }
    }
}

impl<T: ?Sized> Drop for ForkMutexGuard<'_, T> {
    #[inline]
    fn drop(&mut self) {
        // Release: the next owner sees what this one has written.
        let held = self.mutex.word.swap(FREE, Ordering::Release);
        if held & HAS_WAITERS != 0 {
            wait::wake(&self.mutex.word);
        }
    }
}

impl<T: Default> Default for ForkMutex<T> {
    fn default() -> ForkMutex<T> {
        ForkMutex::new(T::default())
    }
}

impl<T> From<T> for ForkMutex<T> {
    fn from(value: T) -> ForkMutex<T> {
        ForkMutex::new(value)
    }
}

impl<T: ?Sized + fmt::Debug> fmt::Debug for ForkMutex<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // An orphaned lock is not taken over here: the error must go to a caller of `lock`, not to one
        // that only prints the mutex.
        let mut debug = f.debug_struct("ForkMutex");
        let me = fork::this_thread();
        if self.acquire(FREE, word_of(me)).is_ok() {
            debug.field("value", &&*self.guard());
        } else {
            debug.field("value", &format_args!("<locked>"));
        }
        debug.finish()
    }
}

impl<T: ?Sized + fmt::Debug> fmt::Debug for ForkMutexGuard<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

impl<T: ?Sized + fmt::Display> fmt::Display for ForkMutexGuard<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}
