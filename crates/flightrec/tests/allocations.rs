//! Recording allocates nothing once the laps have begun.

mod common;

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicUsize, Ordering};

use flightrec::FlightRecorder;
use flightrec::logtee::Tee;
use log::{Level, Log, Record};

struct Counting;

static ALLOCATIONS: AtomicUsize = AtomicUsize::new(0);

// SAFETY: it is the system's allocator, with a counter beside it.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.fetch_add(1, Ordering::Relaxed);
        // SAFETY: the caller's promises are the system allocator's conditions.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, ptr: *mut u8, layout: Layout) {
        // SAFETY: as above.
        unsafe { System.dealloc(ptr, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

// One test for both recorders, because the allocations of all threads are counted.
#[test]
fn a_record_that_is_kept_allocates_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let (recorder, tee) = common::build(dir.path());
    allocates_nothing(&recorder, &tee);
    #[cfg(all(feature = "crash-safe", any(target_os = "linux", target_os = "macos")))]
    {
        let builder = flightrec::builder("test").dir(dir.path());
        let (recorder, tee) = builder.crash_safe(true).build();
        allocates_nothing(&recorder, &tee);
        let logs = recorder.snapshot().latest_logs;
        let fields = &logs.last().unwrap().fields;
        assert_eq!(fields.get("token"), Some(&"[redacted]".into()));
    }
}

fn allocates_nothing(recorder: &FlightRecorder, tee: &Tee) {
    let log = |records: u64| {
        for number in 0..records {
            tee.log(
                &Record::builder()
                    .level(Level::Debug)
                    .target("test")
                    .args(format_args!("number {number} of {records}"))
                    .key_values(&[("number", number), ("token", number)])
                    .build(),
            );
        }
    };
    log(50_000);
    let before = ALLOCATIONS.load(Ordering::Relaxed);
    log(50_000);
    assert_eq!(ALLOCATIONS.load(Ordering::Relaxed) - before, 0);
    assert_eq!(recorder.snapshot().latest_logs.len(), 1_000);
}
