//! In the steady state, recording does not allocate.

mod common;

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicUsize, Ordering};

use flightrec::FlightRecorder;
use flightrec::logtee::Tee;
use log::{Level, Log, Record};

struct Counting;

static ALLOCATIONS: AtomicUsize = AtomicUsize::new(0);

// SAFETY: it passes all calls to the system's allocator.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.fetch_add(1, Ordering::Relaxed);
        // SAFETY: the caller fulfils the conditions of the system's allocator.
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
fn keeping_a_record_does_not_allocate() {
    let dir = tempfile::tempdir().unwrap();
    let (recorder, tee) = common::build(dir.path());
    assert_no_allocation(&recorder, &tee);
    #[cfg(all(feature = "crash-safe", any(target_os = "linux", target_os = "macos")))]
    {
        let builder = flightrec::builder("test").dir(dir.path());
        let (recorder, tee) = builder.crash_safe(true).build();
        assert_no_allocation(&recorder, &tee);
        let logs = recorder.snapshot().latest_logs;
        let fields = &logs.last().unwrap().fields;
        assert_eq!(fields.get("token"), Some(&"[redacted]".into()));
    }
}

fn assert_no_allocation(recorder: &FlightRecorder, tee: &Tee) {
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
