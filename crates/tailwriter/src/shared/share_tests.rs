//! Compares shares with a naive model.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, mpsc};
use std::thread;

use proptest::prelude::*;

use crate::{Groups, MAX_KINDS, SharedTail, Shares, TailWriter};

/// The kinds of the tests: their lines and groups.
const KINDS: [(usize, usize); 2] = [(3, 8), (40, 2)];
const MAX_BYTES: usize = 8 << 10;

/// The first two bytes of a line.
fn groups(line: &[u8]) -> Groups {
    let mut groups = [0; MAX_KINDS];
    for (group, byte) in groups.iter_mut().zip(line).take(KINDS.len()) {
        *group = u64::from(*byte);
    }
    groups
}

fn shares() -> Shares {
    let mut mask = [0; 24];
    mask[1..3].fill(u8::MAX);
    KINDS
        .iter()
        .fold(Shares::new(groups), |shares, (lines, groups)| {
            shares.kind(*lines, *groups, MAX_BYTES / groups)
        })
        .same_head(mask, |head| (head[2] % 2 == 1).then_some(0..1))
}

/// The positions of the lines that are kept, and of those that a share keeps.
fn naive(pushed: &[Vec<u8>], max_lines: usize) -> (BTreeSet<usize>, BTreeSet<usize>) {
    let mut kept = BTreeSet::new();
    for (kind, (lines, max_groups)) in KINDS.into_iter().enumerate() {
        // The number and the bytes of later lines of each group.
        let mut after = BTreeMap::<u64, (usize, usize)>::new();
        for (at, line) in pushed.iter().enumerate().rev() {
            let group = groups(line)[kind];
            if group == 0 {
                continue;
            }
            let others = after.keys().filter(|other| **other != group).count();
            let (later, bytes) = after.entry(group).or_default();
            *bytes += line.len() + 1;
            let fits = *later == 0 || *later < lines && *bytes <= MAX_BYTES / max_groups;
            *later += 1;
            if fits && others < max_groups {
                kept.insert(at);
            }
        }
    }
    let shared = kept.clone();
    let mut bytes = 0;
    let fits = |at: &usize| {
        bytes += pushed[*at].len() + 1;
        bytes <= MAX_BYTES
    };
    kept.extend((0..pushed.len()).rev().take(max_lines).take_while(fits));
    (kept, shared)
}

/// Threads that push in turn.
fn push_in_turn(tail: &SharedTail, pushed: &[(Vec<u8>, usize)], mut between: impl FnMut(usize)) {
    thread::scope(|scope| {
        let threads: Vec<_> = (0..3)
            .map(|_| {
                let (send, lines) = mpsc::channel::<Vec<u8>>();
                let (done, wait) = mpsc::channel();
                let tail = tail.clone();
                scope.spawn(move || {
                    for line in lines {
                        tail.push(&line);
                        done.send(()).unwrap();
                    }
                });
                (send, wait)
            })
            .collect();
        for (at, (line, thread)) in pushed.iter().enumerate() {
            let (send, wait) = &threads[*thread];
            send.send(line.clone()).unwrap();
            wait.recv().unwrap();
            between(at);
        }
    });
}

/// Lines of several threads, in a few frequent groups and many rare ones.
fn pushed() -> impl Strategy<Value = Vec<(Vec<u8>, usize)>> {
    let first = prop_oneof![30 => 1u8..4, 3 => 0u8..20, 1 => any::<u8>()];
    let second = prop_oneof![30 => Just(1u8), 2 => 0u8..4];
    let len = prop_oneof![20 => 0usize..80, 1 => 80usize..1_500];
    let thread = prop_oneof![20 => Just(0usize), 1 => 1usize..3];
    let line = (first, second, any::<u8>(), len, thread);
    let line = line.prop_map(|(first, second, third, len, thread)| {
        let mut line = vec![first, second, third];
        line.resize(3 + len, b'.');
        (line, thread)
    });
    prop::collection::vec(line, 0..2_500)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    /// Only the sequence of lines decides which ones are kept.
    #[test]
    fn shares_keep_what_a_naive_tail_keeps(
        pushed in pushed(),
        max_lines in 0usize..100,
        clear in prop_oneof![3 => Just(None), 1 => (0usize..2_500).prop_map(Some)],
    ) {
        let tail = TailWriter::builder()
            .max_lines(max_lines)
            .max_bytes(MAX_BYTES)
            .max_line_bytes(2_000)
            .shares(shares())
            .build_shared();
        push_in_turn(&tail, &pushed, |at| {
            if clear == Some(at) {
                tail.clear();
            }
        });
        let lines: Vec<Vec<u8>> = pushed.into_iter().map(|(line, _)| line).collect();
        let from = clear.filter(|at| *at < lines.len()).map_or(0, |at| at + 1);
        let lines = &lines[from..];
        let (kept, shared) = naive(lines, max_lines);
        let snapshot = tail.snapshot();
        let expected: Vec<&[u8]> = kept.iter().map(|at| &*lines[*at]).collect();
        prop_assert_eq!(snapshot.lines().collect::<Vec<_>>(), expected);
        let unbroken = kept.iter().rev().zip((0..lines.len()).rev());
        let unbroken = unbroken.take_while(|(at, expected)| **at == *expected).count();
        prop_assert!(snapshot.len() - snapshot.kept_apart() <= unbroken);
        prop_assert!(snapshot.kept_apart() <= shared.len());
        for (entry, at) in snapshot.entries().zip(&kept) {
            prop_assert_eq!(entry.has_share(), shared.contains(at));
        }
        prop_assert_eq!(snapshot.evicted(), (lines.len() - kept.len()) as u64);
        // The tail must know the groups with the newest lines.
        for (kind, (_, max_groups)) in KINDS.into_iter().enumerate() {
            let mut last = BTreeMap::new();
            for (at, line) in lines.iter().enumerate() {
                last.insert(groups(line)[kind], at);
            }
            last.remove(&0);
            // With more groups, some may have been forgotten and counted from zero again.
            if last.len() <= max_groups {
                for group in last.keys() {
                    let of_group = |at: &usize| groups(&lines[*at])[kind] == *group;
                    let pushed = (0..lines.len()).filter(of_group).count();
                    let shown = kept.iter().copied().filter(of_group).count();
                    let evicted = snapshot.evicted_of_group(kind, *group);
                    prop_assert_eq!(evicted, Some((pushed - shown) as u64));
                }
            }
        }
    }
}

/// Slots of threads are reused, so the group must come from the line and not from the slot.
#[test]
fn two_hundred_threads_in_a_row_and_at_once_keep_their_share() {
    fn by_thread(line: &[u8]) -> Groups {
        let number = line
            .first_chunk()
            .map_or(0, |bytes| u64::from_le_bytes(*bytes));
        [number, 0, 0, 0]
    }
    for at_once in [false, true] {
        let tail = TailWriter::builder()
            .max_lines(10)
            .max_line_bytes(100)
            .shares(Shares::new(by_thread).kind(5, 300, 4096))
            .build_shared();
        let barrier = std::sync::Barrier::new(200);
        thread::scope(|scope| {
            for thread in 1..=200_u64 {
                let (tail, barrier) = (&tail, &barrier);
                let push = move || {
                    for _ in 0..20 {
                        tail.push(&thread.to_le_bytes());
                    }
                };
                if at_once {
                    scope.spawn(move || {
                        barrier.wait();
                        push();
                    });
                } else {
                    scope.spawn(push).join().unwrap();
                }
            }
        });
        for _ in 0..100_000 {
            tail.push(&1_000_u64.to_le_bytes());
        }
        let snapshot = tail.snapshot();
        for thread in 1..=200_u64 {
            let of_thread = snapshot
                .lines()
                .filter(|line| **line == thread.to_le_bytes());
            assert_eq!(
                of_thread.count(),
                5,
                "of thread {thread}, at once: {at_once}"
            );
            assert_eq!(snapshot.evicted_of_group(0, thread), Some(15));
        }
        assert_eq!(snapshot.len(), 200 * 5 + 10);
    }
}

/// The function may take a lock that another thread holds while it pushes.
#[test]
fn the_function_is_called_without_a_lock() {
    static LOCK: Mutex<()> = Mutex::new(());
    static IS_HELD: AtomicBool = AtomicBool::new(false);
    fn locking(line: &[u8]) -> Groups {
        // Another thread holds the lock meanwhile, and pushes and fills segments.
        if line.first() == Some(&b'L') {
            while !IS_HELD.load(Ordering::Acquire) {
                thread::yield_now();
            }
            drop(LOCK.lock().unwrap());
        }
        [1, 0, 0, 0]
    }
    let tail = TailWriter::builder()
        .max_lines(10)
        .shares(Shares::new(locking).kind(1, 1, 4096))
        .build_shared();
    thread::scope(|scope| {
        scope.spawn(|| {
            let _held = LOCK.lock().unwrap();
            IS_HELD.store(true, Ordering::Release);
            for _ in 0..20_000 {
                tail.push(b"of the thread that holds the lock");
            }
        });
        for _ in 0..1_000 {
            tail.push(b"Lines for which the function takes the lock");
        }
    });
    assert_eq!(tail.snapshot().len(), 10);
}

#[test]
fn a_function_that_panics_costs_shares_and_no_line() {
    fn panics(_: &[u8]) -> Groups {
        panic!("in the function")
    }
    let tail = TailWriter::builder()
        .max_lines(10)
        .shares(Shares::new(panics).kind(1, 1, 4096))
        .build_shared();
    for number in 0..2_000 {
        tail.push(format!("line {number}").as_bytes());
    }
    let snapshot = tail.snapshot();
    assert_eq!((snapshot.len(), snapshot.evicted()), (10, 1_990));
}

/// A line that moves from a segment to the archive during a snapshot is in the snapshot once.
#[test]
fn snapshots_taken_while_threads_push_have_the_quiet_lines() {
    let tail = TailWriter::builder()
        .max_lines(100)
        .max_line_bytes(64)
        .shares(Shares::new(groups).kind(3, 8, 4096).kind(3, 8, 4096))
        .build_shared();
    struct Stop<'a>(&'a AtomicBool);
    impl Drop for Stop<'_> {
        fn drop(&mut self) {
            self.0.store(true, Ordering::Relaxed);
        }
    }
    let stop = AtomicBool::new(false);
    let start = std::sync::Barrier::new(4);
    thread::scope(|scope| {
        for me in 1..=3 {
            let (tail, stop, start) = (&tail, &stop, &start);
            scope.spawn(move || {
                // The quiet lines of each thread are in a group of their own.
                for number in 0..4_u8 {
                    tail.push(&[10 + me, 0, number]);
                }
                start.wait();
                while !stop.load(Ordering::Relaxed) {
                    tail.push(&[me, 9, b'.']);
                }
            });
        }
        // Stops the threads also if an assertion fails.
        let _stop = Stop(&stop);
        start.wait();
        let mut checked = 0;
        while checked < 300 {
            let snapshot = tail.snapshot();
            if snapshot.evicted() < 10_000 {
                continue;
            }
            let quiet = snapshot.lines().filter(|line| line[0] > 10);
            let mut quiet: Vec<_> = quiet.map(|line| (line[0] - 10, line[2])).collect();
            quiet.sort_unstable();
            let expected = (1..=3).flat_map(|me| (1..4).map(move |number| (me, number)));
            assert!(quiet.iter().copied().eq(expected), "{quiet:?}");
            assert!(snapshot.len() - snapshot.kept_apart() == 100);
            checked += 1;
        }
    });
}
