//! The open spans of the process, found by their ids without a lock.
//!
//! The table has a fixed size. Unused slots are zero, so the table takes no space in the program's file,
//! and only used slots take memory. The next span in a slot reuses the memory of the closed one.

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

/// Spans with consecutive ids are neighbours in a block, so the spans of most programs are close to each
/// other.
const BLOCKS: usize = 512;
const BLOCK: usize = 64;
const SLOTS: usize = BLOCKS * BLOCK;
/// How many blocks can have a span. If half of the slots are used, one span in four billion finds no free
/// slot.
const PROBES: usize = 32;
/// A buffer with a larger capacity is freed, and not reused by the next span.
const KEPT_CAPACITY: usize = 512;

/// Identifies a span by its subscriber and the subscriber's id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Key {
    pub(super) id: u64,
    pub(super) instance: u32,
}

impl Key {
    /// The slots that can have the span.
    ///
    /// The registry reuses an id with another generation, which is the upper part of the number. The
    /// generation is left out, so that the same slot is reused.
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
    /// The time on the monotonic clock, if a rule needs the duration of spans.
    pub(super) opened: Option<Instant>,
    /// The packed fields.
    pub(super) fields: Vec<u8>,
    pub(super) follows_from: Vec<u64>,
    pub(super) is_cut: bool,
    pub(super) has_trace_ids: bool,
    /// Whether an event or a stack refers to it.
    pub(super) was_pushed: bool,
}

impl Span {
    /// Adds packed fields. If room is needed, they replace earlier values of the same keys. Returns
    /// whether all of them are kept.
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

/// The packed fields of `old` whose keys are not in `new`, each once.
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
    /// The subscriber's id of the span, [`FREE`] or [`FREE_AGAIN`].
    key: AtomicU64,
    instance: AtomicU32,
    /// The id in dumps; 0 if the slot has no span.
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

    /// `None` if this thread holds the lock already, because a signal handler has interrupted it.
    fn lock(&self) -> Option<ForkMutexGuard<'_, Option<Box<Span>>>> {
        match self.span.lock() {
            // A thread that the fork did not copy may have half changed it, but it is still a valid span.
            Ok(span) | Err(LockError::Orphaned(span)) => Some(span),
            Err(_) => None,
        }
    }
}

/// No span was ever in this slot, so a search for a span can end here.
const FREE: u64 = 0;
const FREE_AGAIN: u64 = u64::MAX;

static TABLE: [Slot; SLOTS] = [const { Slot::new() }; SLOTS];
static NEXT_ID: AtomicU64 = AtomicU64::new(1);

/// How many ids a thread takes at a time, so that threads rarely write to the same memory.
const IDS_OF_A_THREAD: u64 = 64;

thread_local! {
    static IDS: Cell<Range<u64>> = const { Cell::new(0..0) };
}

/// An id that is unique in the process.
fn new_id() -> u64 {
    // A signal handler that interrupts this finds no ids, and takes others.
    let mut ids = IDS.try_with(Cell::take).unwrap_or_default();
    let id = ids.next().unwrap_or_else(|| {
        let first = NEXT_ID.fetch_add(IDS_OF_A_THREAD, Relaxed);
        ids = first + 1..first + IDS_OF_A_THREAD;
        first
    });
    let _ = IDS.try_with(|its| its.set(ids));
    id
}

/// A reference to a span of the table. The span may have been closed meanwhile.
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

    /// Changes the span, so that it must be pushed again.
    pub(super) fn change(self, work: impl FnOnce(&mut Span)) {
        self.read(|span| {
            work(span);
            self.set_pushed_as(0);
        });
    }

    /// Removes the span after a last call of `last` with it.
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

/// Inserts a span, which `fill` describes. Returns whether there was a free slot.
pub(super) fn insert(key: Key, fill: impl FnOnce(&mut Span)) -> bool {
    let is_free = |slot: &Slot| matches!(slot.key.load(Relaxed), FREE | FREE_AGAIN);
    for (_, slot) in key.slots() {
        if !is_free(slot) {
            continue;
        }
        let Some(mut span) = slot.lock() else {
            // This signal handler has interrupted this thread while it visits all spans. The span is
            // inserted after this slot, so this slot must not look like the end of a search.
            let _ = slot
                .key
                .compare_exchange(FREE, FREE_AGAIN, Release, Relaxed);
            continue;
        };
        // Another thread may have taken the slot. Only the holder of the lock can take it.
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
