//! The memory to which threads write their stacks.
//!
//! The state of a slot changes from free to asked, walking and done. The requesting thread makes the
//! first transition; the handler makes the other two, by compare-and-swap. The state includes the number
//! of the request: a handler that comes too late finds another state and does nothing. The memory is
//! never freed. If a thread was stopped during its walk, its slot is not used until that walk has ended.

use crate::StackEnd;
use crate::fast::RuleCache;
use std::cell::UnsafeCell;
use std::io;
use std::ptr;
use std::sync::atomic::{AtomicPtr, AtomicU64, AtomicUsize, Ordering};

/// How many threads walk at the same time.
pub(super) const SLOTS: usize = 32;
/// How many frames of a stack are kept.
pub(super) const MAX_FRAMES: usize = 512;
/// The size of the stack for the handler's walk, which uses a few KiB of it.
const STACK_BYTES: usize = 64 << 10;

const FREE: u64 = 0;
const ASKED: u64 = 1;
const WALKING: u64 = 2;
const DONE: u64 = 3;

pub(super) struct Slot {
    /// The number of the request, and `FREE`, `ASKED`, `WALKING` or `DONE` in the two low bits.
    state: AtomicU64,
    len: AtomicUsize,
    end: AtomicU64,
    addresses: [AtomicUsize; MAX_FRAMES],
    /// Belongs to the thread that has set the state to walking, until it sets it to done.
    cache: UnsafeCell<RuleCache>,
    /// The upper end of a stack, which belongs to the same thread.
    stack: *mut u8,
}

// SAFETY: only the thread that has set the state to walking uses the cache and the stack. The other
// fields are atomic.
unsafe impl Sync for Slot {}

static ALL: AtomicPtr<Slot> = AtomicPtr::new(ptr::null_mut());
/// Another slot, for the crash handler.
static OF_CRASH: AtomicPtr<Slot> = AtomicPtr::new(ptr::null_mut());
/// The number of the crash handler's slot, after those of the others.
pub(super) const CRASH_SLOT: usize = SLOTS;

/// The slots; empty if they have not been made yet. May be called in a signal handler.
pub(super) fn all() -> &'static [Slot] {
    let first = ALL.load(Ordering::Acquire);
    if first.is_null() {
        return &[];
    }
    // SAFETY: `make` stores a pointer to this many slots that are never freed.
    unsafe { std::slice::from_raw_parts(first, SLOTS) }
}

/// The crash handler's slot, if it has been made. May be called in a signal handler.
pub(super) fn of_crash() -> Option<&'static Slot> {
    // SAFETY: the pointer is null or points to a slot that is never freed.
    unsafe { OF_CRASH.load(Ordering::Acquire).as_ref() }
}

/// The slot with this number. May be called in a signal handler.
pub(super) fn numbered(number: usize) -> Option<&'static Slot> {
    if number == CRASH_SLOT {
        of_crash()
    } else {
        all().get(number)
    }
}

/// Makes the slots unless they exist. Only one thread may call it at a time.
pub(super) fn make() -> io::Result<()> {
    if all().is_empty() {
        let slots = new(SLOTS)?;
        ALL.store(Box::leak(slots).as_mut_ptr(), Ordering::Release);
    }
    Ok(())
}

/// Makes the crash handler's slot unless it exists. If it exists, resets a walk by a thread of the parent
/// process. Only one thread may call it at a time.
pub(super) fn make_of_crash() -> io::Result<()> {
    if let Some(slot) = of_crash() {
        slot.reset();
        return Ok(());
    }
    let slots = new(1)?;
    OF_CRASH.store(Box::leak(slots).as_mut_ptr(), Ordering::Release);
    Ok(())
}

fn new(count: usize) -> io::Result<Box<[Slot]>> {
    // SAFETY: asks for new memory.
    let stacks = unsafe {
        libc::mmap(
            ptr::null_mut(),
            count * STACK_BYTES,
            libc::PROT_READ | libc::PROT_WRITE,
            libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE,
            -1,
            0,
        )
    };
    if stacks == libc::MAP_FAILED {
        return Err(io::Error::last_os_error());
    }
    let slots = (1..=count).map(|number| Slot {
        state: AtomicU64::new(FREE),
        len: AtomicUsize::new(0),
        end: AtomicU64::new(0),
        addresses: [const { AtomicUsize::new(0) }; MAX_FRAMES],
        cache: UnsafeCell::new(RuleCache::new()),
        stack: stacks.cast::<u8>().wrapping_add(number * STACK_BYTES),
    });
    Ok(slots.collect())
}

/// The indexes of the slots in which no thread walks.
pub(super) fn usable() -> Vec<usize> {
    let slots = all().iter().enumerate();
    let usable = slots.filter(|(_, slot)| !slot.is_walking());
    usable.map(|(index, _)| index).collect()
}

impl Slot {
    /// Assigns the slot to a request. Returns false if a walk for an earlier request is not finished.
    pub(super) fn ask(&self, request: u64) -> bool {
        let state = self.state.load(Ordering::Relaxed);
        let asked = request << 2 | ASKED;
        let swap = |from, to| {
            self.state
                .compare_exchange(from, to, Ordering::AcqRel, Ordering::Relaxed)
        };
        state & 3 != WALKING && swap(state, asked).is_ok()
    }

    /// Withdraws the request, unless its thread is walking or has walked.
    pub(super) fn withdraw(&self, request: u64) {
        let asked = request << 2 | ASKED;
        let _ = self
            .state
            .compare_exchange(asked, FREE, Ordering::AcqRel, Ordering::Relaxed);
    }

    pub(super) fn is_walking(&self) -> bool {
        self.state.load(Ordering::Acquire) & 3 == WALKING
    }

    /// Frees the slot. Its thread must not exist any more.
    pub(super) fn reset(&self) {
        self.state.store(FREE, Ordering::Release);
    }

    /// The answer, if the thread has walked.
    pub(super) fn answer(&self, request: u64) -> Option<(Vec<usize>, StackEnd)> {
        let (addresses, end) = self.answer_in_place(request)?;
        let addresses = addresses
            .iter()
            .map(|address| address.load(Ordering::Relaxed));
        Some((addresses.collect(), end))
    }

    /// The answer, if the thread has walked. It is valid until the next request.
    pub(super) fn answer_in_place(&self, request: u64) -> Option<(&[AtomicUsize], StackEnd)> {
        if self.state.load(Ordering::Acquire) != request << 2 | DONE {
            return None;
        }
        let len = self.len.load(Ordering::Relaxed).min(MAX_FRAMES);
        let end = StackEnd::from_word(self.end.load(Ordering::Relaxed));
        Some((&self.addresses[..len], end))
    }

    /// Answers the request by `walk`, in the handler. `walk` gets the upper end of a stack, the cache, and
    /// a function that stores an address. Returns false if the request was withdrawn.
    pub(super) fn walk(
        &self,
        request: u64,
        walk: impl FnOnce(*mut u8, &mut RuleCache, &mut dyn FnMut(u64)) -> StackEnd,
    ) -> bool {
        let asked = request << 2 | ASKED;
        let walking = request << 2 | WALKING;
        let taken =
            self.state
                .compare_exchange(asked, walking, Ordering::Acquire, Ordering::Relaxed);
        if taken.is_err() {
            return false;
        }
        let mut len = 0;
        let mut found = |address: u64| {
            if let Some(slot) = self.addresses.get(len) {
                slot.store(address as usize, Ordering::Relaxed);
                len += 1;
            }
        };
        // SAFETY: the state is walking, so the cache belongs to this thread.
        let end = walk(self.stack, unsafe { &mut *self.cache.get() }, &mut found);
        self.len.store(len, Ordering::Relaxed);
        self.end.store(end as u64, Ordering::Relaxed);
        self.state.store(request << 2 | DONE, Ordering::Release);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answered(slot: &Slot, request: u64) -> bool {
        slot.walk(request, |_, _, found| {
            found(7);
            StackEnd::Outermost
        })
    }

    #[test]
    fn an_answer_that_comes_too_late_changes_nothing() {
        make().unwrap();
        let slot = &all()[SLOTS - 1];
        assert!(!answered(slot, 5), "not asked");
        assert!(slot.ask(5));
        slot.withdraw(5);
        assert!(!answered(slot, 5), "withdrawn");
        assert!(slot.ask(6));
        assert!(!answered(slot, 5), "another request");
        assert!(answered(slot, 6));
        assert!(!answered(slot, 6), "a second time");
        assert_eq!(slot.answer(5), None);
        assert_eq!(slot.answer(6), Some((vec![7], StackEnd::Outermost)));
    }

    #[test]
    fn a_slot_in_use_is_not_given_away() {
        make().unwrap();
        let slot = &all()[SLOTS - 2];
        assert!(slot.ask(1));
        slot.walk(1, |_, _, _| {
            slot.withdraw(1);
            assert!(!slot.ask(2));
            StackEnd::Outermost
        });
        assert!(slot.ask(2));
    }
}
