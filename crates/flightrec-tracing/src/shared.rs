//! What the clones of one layer share.

use std::sync::atomic::{AtomicBool, Ordering};

use flightrec::RecorderSink;
use forklock::ForkMutex;

use crate::atomic::AtomicU64;

/// It is never freed: spans refer to it, and a program has one.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) sink: RecorderSink,
    /// How many spans, and ends of spans, were pushed.
    pushed: AtomicU64,
    /// How many spans were not kept.
    pub(crate) lost: AtomicU64,
    /// What keeps events from the recorder.
    notes: ForkMutex<Vec<String>>,
    /// A subscriber with the layer was looked at.
    looked_at: AtomicBool,
    /// After how many pushes a span is pushed again if an event refers to it.
    stale_after: u64,
}

impl Shared {
    pub(crate) fn leak(sink: RecorderSink) -> &'static Shared {
        // A quarter of the tail: an event's span and its ancestors have been pushed within half of
        // it, and half of it is left for what is pushed while the event is kept.
        let stale_after = (sink.kept_spans() as u64 / 4).max(1);
        Box::leak(Box::new(Shared {
            sink,
            pushed: AtomicU64::new(1),
            lost: AtomicU64::new(0),
            notes: ForkMutex::new(Vec::new()),
            looked_at: AtomicBool::new(false),
            stale_after,
        }))
    }

    /// Prints a line once, and puts it into dumps.
    pub(crate) fn say(&self, note: String) {
        self.notes.with(|notes| notes.push(note.clone()));
        self.sink.notice(&note);
    }

    pub(crate) fn notes(&self) -> Vec<String> {
        self.notes.with(|notes| notes.clone()).unwrap_or_default()
    }

    /// Whether this is the first time.
    pub(crate) fn is_first_look(&self) -> bool {
        !self.looked_at.swap(true, Ordering::Relaxed)
    }

    /// Whether the tail has a span that was pushed as that number; 0 if never.
    #[inline]
    pub(crate) fn has(&self, pushed_as: u64) -> bool {
        // Relaxed: it is a measure of age, and no memory is reached through it.
        pushed_as != 0 && self.pushed.load(Ordering::Relaxed) - pushed_as < self.stale_after
    }

    /// Keeps a span or its end, and returns the number of that.
    pub(crate) fn push(&self, packed: &[u8]) -> u64 {
        self.sink.push_span(packed);
        self.pushed.fetch_add(1, Ordering::Relaxed)
    }
}
