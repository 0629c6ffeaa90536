//! Once the buffers are full, recording an event or a span allocates nothing.

mod common;

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicUsize, Ordering};

use common::install;
use tracing::{debug, info_span, warn};
use tracing_subscriber::prelude::*;

struct Counting;

static ALLOCATIONS: AtomicUsize = AtomicUsize::new(0);

// SAFETY: forwards to the system's allocator.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.fetch_add(1, Ordering::Relaxed);
        // SAFETY: the caller upholds the contract of `GlobalAlloc`, which is passed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, ptr: *mut u8, layout: Layout) {
        // SAFETY: as above.
        unsafe { System.dealloc(ptr, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

#[test]
fn an_event_that_is_kept_allocates_nothing() {
    let (recorder, layer) = install();
    tracing_subscriber::registry().with(layer).init();
    let _outer = info_span!("outer", id = 7).entered();
    let _inner = info_span!("inner").entered();
    let log = |events: u64| {
        for number in 0..events {
            debug!("number {number} of {events}");
            debug!(number, text = "text", yes = true, "constant");
            if number % 10 == 0 {
                warn!(?number, "a warning");
                // No stack was captured for this error.
                let error: &(dyn std::error::Error + 'static) = &std::fmt::Error;
                warn!(error, "an error");
            }
        }
    };
    log(20_000);
    let before = ALLOCATIONS.load(Ordering::Relaxed);
    log(20_000);
    assert_eq!(ALLOCATIONS.load(Ordering::Relaxed) - before, 0);

    let spans = |spans: u64| {
        for number in 0..spans {
            let span = info_span!("short", number, text = "text").entered();
            debug!("in a span");
            drop(span);
        }
    };
    spans(20_000);
    let before = ALLOCATIONS.load(Ordering::Relaxed);
    spans(20_000);
    assert_eq!(ALLOCATIONS.load(Ordering::Relaxed) - before, 0);
    assert!(recorder.snapshot().latest_logs.len() >= 1_000);
}
