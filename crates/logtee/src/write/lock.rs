//! The lock around a writer. It does what a `Mutex` does, and two things more: a writer that
//! logs to its own sink, and a process forked while another thread was writing, get an error
//! instead of waiting for ever.

use std::io;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError, TryLockError};
use std::time::Duration;

pub(super) struct Lock<W: ?Sized> {
    /// The thread inside; 0 for none.
    ///
    /// Relaxed, as all here but the lock itself: a thread finds its own number only where it stored
    /// that itself, and what others stored is no more than a hint to wait on.
    owner: AtomicUsize,
    /// How often the lock was taken: whether anybody is alive in there.
    taken: AtomicUsize,
    /// The process in which waiting is known to make sense.
    process: AtomicU32,
    /// A thread that does not exist in this process holds the lock.
    orphaned: AtomicBool,
    writer: Mutex<W>,
}

pub(super) struct Guard<'a, W: ?Sized> {
    owner: &'a AtomicUsize,
    writer: MutexGuard<'a, W>,
}

/// How long a forked process watches a lock that it found taken before it gives it up.
const PATIENCE: Duration = Duration::from_millis(200);

impl<W> Lock<W> {
    pub(super) fn new(writer: W) -> Lock<W> {
        Lock {
            owner: AtomicUsize::new(0),
            taken: AtomicUsize::new(0),
            process: AtomicU32::new(std::process::id()),
            orphaned: AtomicBool::new(false),
            writer: Mutex::new(writer),
        }
    }
}

impl<W: ?Sized> Lock<W> {
    pub(super) fn lock(&self) -> io::Result<Guard<'_, W>> {
        let me = this_thread();
        let writer = match self.writer.try_lock() {
            Ok(writer) => writer,
            Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
            Err(TryLockError::WouldBlock) => self.wait(me)?,
        };
        self.owner.store(me, Ordering::Relaxed);
        // Under the lock, so no other thread counts at the same time.
        let taken = self.taken.load(Ordering::Relaxed).wrapping_add(1);
        self.taken.store(taken, Ordering::Relaxed);
        Ok(Guard {
            owner: &self.owner,
            writer,
        })
    }

    #[cold]
    fn wait(&self, me: usize) -> io::Result<MutexGuard<'_, W>> {
        if self.owner.load(Ordering::Relaxed) == me {
            return Err(io::Error::new(
                io::ErrorKind::Deadlock,
                "the writer logs to its own sink while it writes; that record is dropped",
            ));
        }
        if self.process.load(Ordering::Relaxed) != std::process::id() {
            self.wait_after_fork()?;
        }
        Ok(self.writer.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Threads do not survive a fork, but the locks that they held do. A lock that nobody has
    /// taken or left for a while is such a one.
    fn wait_after_fork(&self) -> io::Result<()> {
        let taken = self.taken.load(Ordering::Relaxed);
        let mut watched = Duration::ZERO;
        while watched < PATIENCE && !self.orphaned.load(Ordering::Relaxed) {
            let moved = self.taken.load(Ordering::Relaxed) != taken;
            if moved || self.owner.load(Ordering::Relaxed) == 0 {
                self.process.store(std::process::id(), Ordering::Relaxed);
                return Ok(());
            }
            let pause = Duration::from_millis(1);
            std::thread::sleep(pause);
            watched += pause;
        }
        self.orphaned.store(true, Ordering::Relaxed);
        Err(io::Error::new(
            io::ErrorKind::ResourceBusy,
            "this process was forked while another thread was writing to this sink; its records \
             are dropped here",
        ))
    }
}

impl<W: ?Sized> std::ops::Deref for Guard<'_, W> {
    type Target = W;

    fn deref(&self) -> &W {
        &self.writer
    }
}

impl<W: ?Sized> std::ops::DerefMut for Guard<'_, W> {
    fn deref_mut(&mut self) -> &mut W {
        &mut self.writer
    }
}

impl<W: ?Sized> Drop for Guard<'_, W> {
    fn drop(&mut self) {
        // Before the lock itself opens.
        self.owner.store(0, Ordering::Relaxed);
    }
}

/// A number that no other living thread has: an address of the thread's own.
fn this_thread() -> usize {
    thread_local! {
        static PLACE: u8 = const { 0 };
    }
    PLACE.with(|place| std::ptr::from_ref(place) as usize)
}
