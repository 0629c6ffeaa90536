//! Assigns the shards of a tail to threads.
//!
//! A slot is a small number that one thread owns at a time, for all tails of the process. The bits
//! of one atomic word say which are taken, so that claiming one needs no lock.

use std::cell::Cell;
use std::marker::PhantomData;
use std::sync::atomic::compiler_fence;

use crate::sync::{AtomicU64, Ordering};

/// How many threads have a shard for themselves. Further threads share one.
pub(crate) const PRIVATE: usize = 64;
/// The slot of all threads that have none of their own: the shard behind a lock.
pub(crate) const SHARED: usize = PRIVATE;

/// How many shards a tail has.
pub(crate) const SHARDS: usize = if cfg!(all(test, loom)) {
    // A model has three threads at most, and each atomic makes it slower.
    3
} else {
    PRIVATE + 1
};

const UNCLAIMED: usize = usize::MAX;
const BUSY: usize = usize::MAX - 1;

#[cfg(not(all(test, loom)))]
static SLOTS: Slots = Slots(AtomicU64::new(0));
#[cfg(all(test, loom))]
loom::lazy_static! {
    static ref SLOTS: Slots = Slots::default();
}

thread_local! {
    // Without a destructor: there is nothing to register or to check when it is read, and it can
    // be read in the destructors of other thread-locals.
    static SLOT: Cell<usize> = const { Cell::new(UNCLAIMED) };
    static LEASE: Lease = const { Lease(Cell::new(SHARED)) };
}

/// This thread's slot, which a signal handler that interrupts the thread can't enter.
///
/// The handler would write into the middle of what is being written.
pub(crate) struct Entered {
    slot: usize,
    /// It is dropped on the same thread.
    not_send: PhantomData<*const ()>,
}

/// None if this thread has entered already.
#[inline]
pub(crate) fn enter() -> Option<Entered> {
    let slot = SLOT.replace(BUSY);
    if slot == BUSY {
        return None;
    }
    // A handler runs on the same thread, so the order of the compiler is all that matters.
    compiler_fence(Ordering::SeqCst);
    Some(Entered::new(if slot == UNCLAIMED { claim() } else { slot }))
}

/// As [`enter`], for a thread that has a slot of its own and has used it before. None otherwise, and
/// if this thread has entered already.
#[inline(always)]
pub(crate) fn enter_own() -> Option<Entered> {
    // One comparison is enough for all that `enter` asks.
    let slot = SLOT.get();
    if slot >= PRIVATE {
        return None;
    }
    set(BUSY);
    compiler_fence(Ordering::SeqCst);
    Some(Entered::new(slot))
}

/// `LocalKey::set` is for variables that may have to be initialized first, and is not always inlined.
#[inline(always)]
fn set(slot: usize) {
    SLOT.with(|cell| cell.set(slot));
}

impl Entered {
    #[inline(always)]
    fn new(slot: usize) -> Entered {
        Entered {
            slot,
            not_send: PhantomData,
        }
    }

    #[inline]
    pub(crate) fn slot(&self) -> usize {
        self.slot
    }
}

impl Drop for Entered {
    #[inline(always)]
    fn drop(&mut self) {
        compiler_fence(Ordering::SeqCst);
        set(self.slot);
    }
}

#[cold]
fn claim() -> usize {
    let slot = SLOTS.claim();
    // Without a lease the slot would never be given back. A thread whose thread-locals are destroyed
    // can take none, and shares.
    let leased = LEASE.try_with(|lease| lease.0.set(slot)).is_ok();
    if !leased {
        SLOTS.release(slot);
    }
    if leased { slot } else { SHARED }
}

/// Which slots are taken: a bit each.
#[derive(Default)]
pub(crate) struct Slots(AtomicU64);

impl Slots {
    /// The lowest that is free; [`SHARED`] if none is.
    pub(crate) fn claim(&self) -> usize {
        // Acquire: pairs with the release by the thread that had the slot before, whose shards this
        // thread continues.
        let claimed = self
            .0
            .fetch_update(Ordering::Acquire, Ordering::Relaxed, |taken| {
                (taken != u64::MAX).then(|| taken | (taken + 1))
            });
        claimed.map_or(SHARED, |taken| taken.trailing_ones() as usize)
    }

    pub(crate) fn release(&self, slot: usize) {
        if slot < PRIVATE {
            self.0.fetch_and(!(1 << slot), Ordering::Release);
        }
    }
}

/// Gives the thread's slot back when the thread ends.
struct Lease(Cell<usize>);

impl Drop for Lease {
    fn drop(&mut self) {
        // Destructors that run after this one may push lines, too.
        SLOT.set(SHARED);
        SLOTS.release(self.0.get());
    }
}
