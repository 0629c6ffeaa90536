//! The open spans of the process, found by their ids without a lock.
//!
//! The table has a fixed size. It is zero where no span has been yet, so it takes no room in the
//! program's file, and only the memory that is used. A span that is closed leaves its memory to the
//! next one in its place.

use std::cell::Cell;
use std::num::NonZeroU64;
use std::ops::Range;
use std::sync::atomic::AtomicU32;
use std::sync::atomic::Ordering::{Acquire, Relaxed, Release};
use std::time::Instant;

use forklock::{ForkMutex, ForkMutexGuard, LockError};
use tracing_core::Metadata;

use crate::atomic::AtomicU64;
use crate::shared::Shared;

/// Spans whose ids follow each other are neighbours in a block, so that those of most programs are
/// close to each other.
const BLOCKS: usize = 512;
const BLOCK: usize = 64;
const SLOTS: usize = BLOCKS * BLOCK;
/// In how many blocks a span can be. With half of the slots used, one span in four billion finds no
/// room.
const PROBES: usize = 32;
/// A longer buffer is not left to the next span.
const KEPT_CAPACITY: usize = 512;

/// A span as its subscriber knows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Key {
    pub(super) id: u64,
    pub(super) instance: u32,
}

impl Key {
    /// The slots in which the span can be.
    ///
    /// The registry uses an id again in another generation, which is the upper part of the number.
    /// Left out, the same slot is used again.
    #[inline]
    fn slots(self) -> impl Iterator<Item = (usize, &'static Slot)> {
        let block = (self.id & ID_WITHOUT_GENERATION) / BLOCK as u64;
        let mixed = (block ^ u64::from(self.instance) << 48).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        let (first, step) = ((mixed >> 48) as usize, (mixed >> 32) as usize | 1);
        let place = self.id as usize % BLOCK;
        (0..PROBES).map(move |probe| {
            let block = first.wrapping_add(probe.wrapping_mul(step)) % BLOCKS;
            let at = block * BLOCK + place;
            (at, &TABLE[at])
        })
    }
}

const ID_WITHOUT_GENERATION: u64 = (1 << 51) - 1;

#[derive(Default)]
pub(super) struct Span {
    pub(super) shared: Option<&'static Shared>,
    pub(super) metadata: Option<&'static Metadata<'static>>,
    pub(super) parent: Option<SpanRef>,
    pub(super) opened_at: u64,
    /// On a clock that is never set, if a rule asks how long spans take.
    pub(super) opened: Option<Instant>,
    /// Packed.
    pub(super) fields: Vec<u8>,
    pub(super) follows_from: Vec<u64>,
    pub(super) is_cut: bool,
    pub(super) has_trace_ids: bool,
    /// Something refers to it.
    pub(super) was_pushed: bool,
}

impl Span {
    /// Adds packed fields, which replace earlier values of the same keys where room is needed.
    /// Whether all of them are kept.
    pub(super) fn add_fields(&mut self, fields: &[u8], max: usize) -> bool {
        if self.fields.len() + fields.len() > max {
            self.fields = without_keys_of(&self.fields, fields);
        }
        let fits = self.fields.len() + fields.len() <= max;
        if fits {
            self.fields.extend_from_slice(fields);
        }
        fits
    }

    fn clear(&mut self) {
        let mut fields = std::mem::take(&mut self.fields);
        fields.clear();
        fields.shrink_to(KEPT_CAPACITY);
        *self = Span {
            fields,
            ..Span::default()
        };
    }
}

/// The packed fields of `old` whose keys `new` does not have, each once.
fn without_keys_of(old: &[u8], new: &[u8]) -> Vec<u8> {
    let has = |packed, key| packlog::Fields::new(packed).any(|(its, _)| its == key);
    let mut kept = Vec::new();
    let mut rest = packlog::Fields::new(old);
    let mut at = 0;
    while let Some((key, _)) = rest.next() {
        let end = old.len() - rest.as_bytes().len();
        if !has(new, key) && !has(rest.as_bytes(), key) {
            kept.extend_from_slice(&old[at..end]);
        }
        at = end;
    }
    kept
}

struct Slot {
    /// The id at the subscriber, [`FREE`] or [`FREE_AGAIN`].
    key: AtomicU64,
    instance: AtomicU32,
    /// The id in dumps; 0 if no span is there.
    id: AtomicU64,
    /// See [`Shared::has`].
    pushed_as: AtomicU64,
    span: ForkMutex<Option<Box<Span>>>,
}

impl Slot {
    const fn new() -> Slot {
        Slot {
            key: AtomicU64::new(0),
            instance: AtomicU32::new(0),
            id: AtomicU64::new(0),
            pushed_as: AtomicU64::new(0),
            span: ForkMutex::new(None),
        }
    }

    /// `None` if this thread holds the lock: a signal handler has interrupted it.
    fn lock(&self) -> Option<ForkMutexGuard<'_, Option<Box<Span>>>> {
        match self.span.lock() {
            // Half changed by a thread that a fork did not copy, it is still a span.
            Ok(span) | Err(LockError::Orphaned(span)) => Some(span),
            Err(_) => None,
        }
    }
}

/// No span was ever here, so those that have this slot among theirs are in none after it.
const FREE: u64 = 0;
const FREE_AGAIN: u64 = u64::MAX;

static TABLE: [Slot; SLOTS] = [const { Slot::new() }; SLOTS];
static NEXT_ID: AtomicU64 = AtomicU64::new(1);

/// How many ids a thread takes at once, so that threads seldom write to the same memory.
const IDS_OF_A_THREAD: u64 = 64;

thread_local! {
    static IDS: Cell<Range<u64>> = const { Cell::new(0..0) };
}

/// An id that no other span of the process has.
fn new_id() -> u64 {
    // A signal handler that interrupts this finds none, and takes others.
    let mut ids = IDS.try_with(Cell::take).unwrap_or_default();
    let id = ids.next().unwrap_or_else(|| {
        let first = NEXT_ID.fetch_add(IDS_OF_A_THREAD, Relaxed);
        ids = first + 1..first + IDS_OF_A_THREAD;
        first
    });
    let _ = IDS.try_with(|its| its.set(ids));
    id
}

/// A span of the table. It may have been closed since.
#[derive(Clone, Copy)]
pub(super) struct SpanRef {
    slot: u32,
    pub(super) id: NonZeroU64,
}

impl SpanRef {
    #[inline]
    fn slot(self) -> &'static Slot {
        &TABLE[self.slot as usize % SLOTS]
    }

    #[inline]
    pub(super) fn is_open(self) -> bool {
        self.slot().id.load(Acquire) == self.id.get()
    }

    #[inline]
    pub(super) fn pushed_as(self) -> u64 {
        self.slot().pushed_as.load(Relaxed)
    }

    pub(super) fn set_pushed_as(self, number: u64) {
        self.slot().pushed_as.store(number, Relaxed);
    }

    /// Calls `work` with the span, if it is still open.
    pub(super) fn read(self, work: impl FnOnce(&mut Span)) {
        let Some(mut span) = self.slot().lock() else {
            return;
        };
        if let Some(span) = span.as_deref_mut()
            && self.is_open()
        {
            work(span);
        }
    }

    /// Changes the span, so that it must be pushed anew.
    pub(super) fn change(self, work: impl FnOnce(&mut Span)) {
        self.read(|span| {
            work(span);
            self.set_pushed_as(0);
        });
    }

    /// Removes the span after a last look.
    pub(super) fn remove(self, last: impl FnOnce(&mut Span)) {
        self.read(|span| {
            last(span);
            span.clear();
            let slot = self.slot();
            slot.id.store(0, Release);
            slot.instance.store(0, Relaxed);
            slot.key.store(FREE_AGAIN, Release);
        });
    }
}

#[inline]
pub(super) fn find(key: Key) -> Option<SpanRef> {
    for (at, slot) in key.slots() {
        let its = slot.key.load(Acquire);
        if its == key.id && slot.instance.load(Relaxed) == key.instance {
            let id = NonZeroU64::new(slot.id.load(Acquire))?;
            let slot = at as u32;
            return Some(SpanRef { slot, id });
        }
        if its == FREE {
            return None;
        }
    }
    None
}

/// Whether there was a place for the span, which `fill` describes.
pub(super) fn insert(key: Key, fill: impl FnOnce(&mut Span)) -> bool {
    let is_free = |slot: &Slot| matches!(slot.key.load(Relaxed), FREE | FREE_AGAIN);
    for (_, slot) in key.slots() {
        if !is_free(slot) {
            continue;
        }
        let Some(mut span) = slot.lock() else {
            // A signal handler has interrupted this thread's look at all spans. The span comes after
            // this slot, so it must not seem to be the last one.
            let _ = slot
                .key
                .compare_exchange(FREE, FREE_AGAIN, Release, Relaxed);
            continue;
        };
        // Another thread may have been quicker. The lock is what gives a slot away.
        if !is_free(slot) {
            continue;
        }
        fill(span.get_or_insert_default());
        slot.pushed_as.store(0, Relaxed);
        slot.instance.store(key.instance, Relaxed);
        slot.id.store(new_id(), Release);
        slot.key.store(key.id, Release);
        return true;
    }
    false
}

/// Calls `each` with every open span.
pub(super) fn for_each(mut each: impl FnMut(SpanRef, &mut Span)) {
    for (at, slot) in TABLE.iter().enumerate() {
        let Some(id) = NonZeroU64::new(slot.id.load(Acquire)) else {
            continue;
        };
        let span = SpanRef {
            slot: at as u32,
            id,
        };
        span.read(|data| each(span, data));
    }
}

pub(super) fn remove_all(instance: u32) {
    for (at, slot) in TABLE.iter().enumerate() {
        if slot.instance.load(Relaxed) == instance
            && let Some(id) = NonZeroU64::new(slot.id.load(Acquire))
        {
            let slot = at as u32;
            SpanRef { slot, id }.remove(|_| ());
        }
    }
}
