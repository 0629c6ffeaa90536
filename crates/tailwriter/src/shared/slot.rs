//! Assigns the shards of a tail to threads.
//!
//! A slot is a small number that one thread owns at a time, for all tails of the process. Each bit of
//! one atomic word shows whether a slot is taken, so that claiming one needs no lock.

use std::cell::Cell;
use std::marker::PhantomData;
use std::sync::atomic::compiler_fence;

use crate::sync::{AtomicU64, Ordering};

/// How many threads have a shard for themselves. Further threads share one.
pub(crate) const PRIVATE: usize = 64;
/// The slot of all threads that have none of their own: its shard has a lock.
pub(crate) const SHARED: usize = PRIVATE;

/// How many shards a tail has.
pub(crate) const SHARDS: usize = if cfg!(all(test, loom)) {
    // A model has at most three threads, and each atomic makes it slower.
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
    // Without a destructor, a read needs no registration and no check, and it works in the destructors
    // of other thread-locals.
    static SLOT: Cell<usize> = const { Cell::new(UNCLAIMED) };
    static LEASE: Lease = const { Lease(Cell::new(SHARED)) };
}

/// Exclusive use of this thread's slot. A signal handler that interrupts the thread can't enter it: it
/// would write into the line that the thread is writing.
pub(crate) struct Entered {
    slot: usize,
    /// It must be dropped on the same thread.
    not_send: PhantomData<*const ()>,
}

/// Enters the slot of this thread. Returns `None` if the thread has entered it already.
#[inline]
pub(crate) fn enter() -> Option<Entered> {
    let slot = SLOT.replace(BUSY);
    if slot == BUSY {
        return None;
    }
    // A handler runs on the same thread, so a compiler fence is enough.
    compiler_fence(Ordering::SeqCst);
    Some(Entered::new(if slot == UNCLAIMED { claim() } else { slot }))
}

/// A fast [`enter`] for a thread that has already used a slot of its own. Returns `None` for other
/// threads, and if this thread has entered its slot already.
#[inline(always)]
pub(crate) fn enter_own() -> Option<Entered> {
    // One comparison covers all cases: `SHARED`, `UNCLAIMED` and `BUSY` are not less than `PRIVATE`.
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
    // Without a lease the slot would never be released. A thread whose thread-locals are destroyed
    // can't have a lease, so it uses the shared slot.
    let leased = LEASE.try_with(|lease| lease.0.set(slot)).is_ok();
    if !leased {
        SLOTS.release(slot);
    }
    if leased { slot } else { SHARED }
}

/// The slots that are taken, one bit for each.
#[derive(Default)]
pub(crate) struct Slots(AtomicU64);

impl Slots {
    /// Claims the lowest free slot. Returns [`SHARED`] if none is free.
    pub(crate) fn claim(&self) -> usize {
        // Acquire: pairs with the release by the previous owner of the slot, whose shards this thread
        // continues to write to.
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

/// Releases the thread's slot when the thread ends.
struct Lease(Cell<usize>);

impl Drop for Lease {
    fn drop(&mut self) {
        // Destructors that run after this one may push lines, too.
        SLOT.set(SHARED);
        SLOTS.release(self.0.get());
    }
}
