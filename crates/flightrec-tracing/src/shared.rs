//! The state that the clones of one layer share.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use flightrec::RecorderSink;
use forklock::ForkMutex;

use crate::atomic::AtomicU64;

/// It is never freed, because spans refer to it. A program usually has one.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) sink: RecorderSink,
    /// How many spans, and ends of spans, were pushed.
    pushed: AtomicU64,
    /// The process that pushed them; see [`forklock::generation`].
    generation: AtomicUsize,
    /// How many spans were not kept.
    pub(crate) lost: AtomicU64,
    /// Problems that prevent events from reaching the recorder.
    notes: ForkMutex<Vec<String>>,
    /// Whether a subscriber with the layer was checked.
    checked: AtomicBool,
    /// After this many pushes, a span is pushed again if an event refers to it.
    stale_after: u64,
}

impl Shared {
    pub(crate) fn leak(sink: RecorderSink) -> &'static Shared {
        // A quarter of the tail: an event's span and its ancestors were then pushed within the last half
        // of the tail, and the other half is left for pushes while the event is kept.
        let stale_after = (sink.kept_spans() as u64 / 4).max(1);
        Box::leak(Box::new(Shared {
            sink,
            pushed: AtomicU64::new(1),
            generation: AtomicUsize::new(forklock::generation()),
            lost: AtomicU64::new(0),
            notes: ForkMutex::new(Vec::new()),
            checked: AtomicBool::new(false),
            stale_after,
        }))
    }

    /// Prints a line once, and adds it to dumps.
    pub(crate) fn say(&self, note: String) {
        self.notes.with(|notes| notes.push(note.clone()));
        self.sink.notice(&note);
    }

    pub(crate) fn notes(&self) -> Vec<String> {
        self.notes.with(|notes| notes.clone()).unwrap_or_default()
    }

    /// Whether this is the first check of a subscriber.
    pub(crate) fn is_first_check(&self) -> bool {
        !self.checked.swap(true, Ordering::Relaxed)
    }

    /// Whether the tail still has the span with the push number `pushed_as`. 0 means never pushed.
    #[inline]
    pub(crate) fn has(&self, pushed_as: u64) -> bool {
        let generation = forklock::generation();
        if self.generation.load(Ordering::Relaxed) != generation {
            self.begin_in_child(generation);
        }
        // Relaxed: it is only a measure of age, and no other memory depends on it.
        // Another thread may have seen a later number already.
        let age = self
            .pushed
            .load(Ordering::Relaxed)
            .saturating_sub(pushed_as);
        pushed_as != 0 && age < self.stale_after
    }

    /// The ring of a forked child begins empty, so all spans must be pushed again.
    #[cold]
    fn begin_in_child(&self, generation: usize) {
        if self.generation.swap(generation, Ordering::Relaxed) != generation {
            self.pushed.fetch_add(self.stale_after, Ordering::Relaxed);
        }
    }

    /// Pushes a span or its end, and returns the number of this push.
    pub(crate) fn push(&self, packed: &[u8]) -> u64 {
        self.sink.push_span(packed);
        self.pushed.fetch_add(1, Ordering::Relaxed)
    }
}
