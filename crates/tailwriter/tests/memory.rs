//! Counts the allocations of a shared tail. The tests run one at a time, because they share the counts.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Barrier, Mutex, MutexGuard};
use std::thread;

use tailwriter::{DEFAULT_MAX_BYTES, SharedTail, TailWriter};

struct Counting;

thread_local! {
    /// Counts only this thread, because the test harness also allocates if a test takes long.
    static ALLOCATIONS: Cell<usize> = const { Cell::new(0) };
    /// Allocations of more bytes than this fail.
    static MOST: Cell<usize> = const { Cell::new(usize::MAX) };
}

static BYTES: AtomicUsize = AtomicUsize::new(0);
#[cfg(feature = "mmap")]
static PEAK: AtomicUsize = AtomicUsize::new(0);

// SAFETY: forwards to the system's allocator.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        if layout.size() > MOST.get() {
            return std::ptr::null_mut();
        }
        ALLOCATIONS.set(ALLOCATIONS.get() + 1);
        let before = BYTES.fetch_add(layout.size(), Ordering::Relaxed);
        #[cfg(feature = "mmap")]
        PEAK.fetch_max(before + layout.size(), Ordering::Relaxed);
        #[cfg(not(feature = "mmap"))]
        let _ = before;
        // SAFETY: the caller upholds the contract of `GlobalAlloc`, which is passed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, ptr: *mut u8, layout: Layout) {
        BYTES.fetch_sub(layout.size(), Ordering::Relaxed);
        // SAFETY: as above.
        unsafe { System.dealloc(ptr, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    ALONE
        .lock()
        .unwrap_or_else(|poisoned| poisoned.into_inner())
}

fn bytes_now() -> usize {
    BYTES.load(Ordering::Relaxed)
}

#[test]
fn ten_thousand_consecutive_threads_lose_nothing_and_need_no_more_memory_than_one() {
    let _alone = alone();
    let before = bytes_now();
    let tail = SharedTail::new(1_000);
    for thread in 0..10_000 {
        let tail = tail.clone();
        let push = move || {
            (0..10).for_each(|number| tail.push((thread * 10 + number).to_string().as_bytes()))
        };
        thread::spawn(push).join().unwrap();
    }
    let taken = bytes_now() - before;
    let snapshot = tail.snapshot();
    let lines: Vec<_> = snapshot
        .lines()
        .map(|line| String::from_utf8_lossy(line).into_owned())
        .collect();
    let expected: Vec<_> = (99_000..100_000)
        .map(|number: usize| number.to_string())
        .collect();
    assert_eq!(lines, expected);
    assert_eq!(snapshot.evicted(), 99_000);
    // A thousand lines of 24 bytes need two or three segments, and the tables.
    assert!(taken < 3 * (33 << 10) + (32 << 10), "{taken} bytes");
}

#[test]
fn sixty_four_threads_stay_within_the_stated_bound() {
    let _alone = alone();
    stays_within_the_stated_bound(256 << 10, 16 << 10);
    stays_within_the_stated_bound(DEFAULT_MAX_BYTES, 32 << 10);
}

fn stays_within_the_stated_bound(max_bytes: usize, segment: usize) {
    let before = bytes_now();
    let tail = TailWriter::builder().max_bytes(max_bytes).build_shared();
    let start = Barrier::new(64);
    thread::scope(|scope| {
        for _ in 0..64 {
            scope.spawn(|| {
                start.wait();
                (0..20_000).for_each(|number| tail.push(&[b'x'; 100][..number % 100]));
            });
        }
    });
    let taken = bytes_now() - before;
    let bound = 2 * max_bytes + 132 * (segment + 1024);
    assert!(taken < bound, "{taken} bytes, {bound} stated");
    let kept: usize = tail.snapshot().lines().map(|line| line.len() + 1).sum();
    assert!(kept > max_bytes - 101, "only {kept} bytes are kept");
}

#[test]
fn if_memory_runs_out_the_last_lines_are_kept_in_the_existing_memory() {
    let _alone = alone();
    let tail = SharedTail::new(1_000);
    MOST.set(16 << 10);
    tail.push(b"there is no memory for this one");
    MOST.set(usize::MAX);
    let push = |numbers: std::ops::Range<usize>| {
        numbers.for_each(|number| tail.push(format!("{number:0100}").as_bytes()));
    };
    push(0..600);
    MOST.set(16 << 10);
    push(600..5_000);
    MOST.set(usize::MAX);
    let snapshot = tail.snapshot();
    let numbers: Vec<usize> = snapshot
        .lines()
        .map(|line| std::str::from_utf8(line).unwrap().parse().unwrap())
        .collect();
    assert!((200..1_000).contains(&numbers.len()), "{}", numbers.len());
    assert!(numbers.iter().copied().eq(5_000 - numbers.len()..5_000));
    assert_eq!(snapshot.evicted(), 5_001 - numbers.len() as u64);
}

#[test]
fn a_push_allocates_nothing_once_the_ring_is_full() {
    let _alone = alone();
    let tail = TailWriter::builder()
        .max_lines(1_000)
        .quota(1, 100)
        .build_shared();
    let push = |lines: usize| {
        for number in 0..lines {
            tail.push(&[b'x'; 200][..number % 200]);
            if number % 50 == 0 {
                tail.push_class(1, b"of a class");
            }
        }
    };
    push(200_000);
    let before = ALLOCATIONS.get();
    push(1_000_000);
    assert_eq!(ALLOCATIONS.get() - before, 0);
}

#[test]
fn writing_to_a_tail_allocates_nothing_once_it_has_grown() {
    use std::io::Write;
    let _alone = alone();
    let mut tail = TailWriter::new(1_000);
    let mut write = |lines: usize| {
        (0..lines).for_each(|number| {
            tail.write_all(&[&[b'x'; 80][number % 80..], b"\n"].concat())
                .unwrap()
        });
    };
    write(100_000);
    let before = ALLOCATIONS.get();
    write(100_000);
    // The test's own line is one allocation.
    assert_eq!(ALLOCATIONS.get() - before, 100_000);
}

#[cfg(all(feature = "mmap", any(target_os = "linux", target_os = "macos")))]
mod mapped {
    use super::*;
    use tailwriter::MappedTail;

    #[test]
    fn a_push_to_a_file_allocates_nothing() {
        let _alone = alone();
        let dir = tempfile::tempdir().unwrap();
        let tail = TailWriter::builder()
            .max_lines(1_000)
            .quota(1, 100)
            .build_mapped(dir.path().join("ring"))
            .unwrap();
        let push = |lines: usize| {
            for number in 0..lines {
                tail.push(&[b'x'; 200][..number % 200]);
                if number % 50 == 0 {
                    tail.push_class(1, b"of a class");
                }
            }
        };
        push(200_000);
        let before = ALLOCATIONS.get();
        push(1_000_000);
        assert_eq!(ALLOCATIONS.get() - before, 0);
    }

    /// Empty lines are the worst case: they have metadata but no text.
    #[test]
    fn a_file_is_recovered_in_twice_its_length() {
        let _alone = alone();
        for (len, quota) in [(0, 0), (0, 50_000), (1, 10), (8, 0), (100, 0), (4_000, 100)] {
            let dir = tempfile::tempdir().unwrap();
            let path = dir.path().join("ring");
            let tail = TailWriter::builder()
                .max_line_bytes(4_000)
                .quota(1, quota)
                .build_mapped(&path)
                .unwrap();
            // Many threads, so that as many segments as possible are in use, and enough lines to fill
            // them all.
            let lines = 4 * (1 << 20) / (24 + len) / 40;
            thread::scope(|scope| {
                for _ in 0..40 {
                    scope.spawn(|| {
                        (0..lines).for_each(|_| tail.push_class(1, &[b'x'; 4_000][..len]));
                    });
                }
            });
            drop(tail);
            let length = std::fs::metadata(&path).unwrap().len() as usize;
            let before = bytes_now();
            PEAK.store(before, Ordering::Relaxed);
            let snapshot = MappedTail::recover(&path).unwrap();
            let peak = PEAK.load(Ordering::Relaxed) - before;
            println!(
                "{peak} for {length} bytes, {} lines of {len}",
                snapshot.len()
            );
            assert!(snapshot.len() > 200, "{} lines", snapshot.len());
            assert!(
                peak <= 2 * length,
                "{peak} for {length} bytes of lines of {len}"
            );
        }
    }
}
