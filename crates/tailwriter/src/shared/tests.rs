//! The shared tail against a naive one, and with many threads.

use std::collections::BTreeMap;
use std::io::Write;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Barrier, Mutex};
use std::thread;

use proptest::prelude::*;

use super::journal::Journal;
use super::memory::Heap;
use super::segment::Line;
use super::slot;
use crate::limits::Limits;
use crate::{CUT_MARK, SharedTail};

fn lines(tail: &SharedTail) -> Vec<String> {
    let snapshot = tail.snapshot();
    snapshot
        .lines()
        .map(|line| String::from_utf8_lossy(line).into_owned())
        .collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn keeps_what_a_naive_tail_keeps(
        pushed in prop::collection::vec((prop::collection::vec(any::<u8>(), 0..60), 0u32..20), 0..400),
        max_lines in prop_oneof![0usize..10, 0usize..300],
        max_bytes in prop_oneof![Just(1usize << 20), 0usize..2_000],
        pinned_lines in 0usize..8,
    ) {
        let tail = SharedTail::builder()
            .max_lines(max_lines)
            .max_bytes(max_bytes)
            .max_line_bytes(100)
            .pinned_lines(pinned_lines)
            .build_shared();
        for (line, kind) in &pushed {
            if *kind == 0 { tail.push_pinned(line) } else { tail.push(line) }
        }

        let limit = 100.min(max_bytes.saturating_sub(1));
        let cut = |line: &Vec<u8>| if line.len() <= limit { line.clone() } else {
            let (end, mark) = crate::limits::cut_point(&line[..limit], limit);
            [&line[..end], mark].concat()
        };
        let fits_from = |lines: &[&(Vec<u8>, u32)], count: usize| {
            let mut bytes = 0;
            lines.iter().rev().take(count).take_while(|(line, _)| {
                bytes += cut(line).len() + 1;
                bytes <= max_bytes
            }).count()
        };
        let all: Vec<_> = pushed.iter().collect();
        let first = all.len() - fits_from(&all, max_lines);
        let pinned: Vec<_> = all.iter().enumerate().filter(|(_, (_, kind))| *kind == 0).map(|(at, _)| at).collect();
        let quota = &pinned[pinned.len().saturating_sub(if max_bytes == 0 { 0 } else { pinned_lines })..];
        let mut expected: Vec<_> = quota.iter().filter(|&&at| at < first).map(|&at| cut(&all[at].0)).collect();
        expected.extend(all[first..].iter().map(|(line, _)| cut(line)));

        let snapshot = tail.snapshot();
        prop_assert_eq!(snapshot.len(), expected.len());
        for (found, expected) in snapshot.lines().zip(&expected) {
            prop_assert_eq!(found, expected);
        }
        prop_assert_eq!(snapshot.evicted(), (pushed.len() - expected.len()) as u64);
        for (entry, at) in snapshot.entries().zip(snapshot.evicted()..) {
            prop_assert_eq!(entry.seq(), at);
        }
    }
}

/// If one push returned before another began, its line comes first.
#[test]
fn two_hundred_thousand_hand_overs_between_two_threads_stay_in_order() {
    const TURNS: usize = 200_000;
    let tail = SharedTail::builder()
        .max_lines(TURNS)
        .max_bytes(64 << 20)
        .build_shared();
    let turn = AtomicUsize::new(0);
    thread::scope(|scope| {
        for me in 0..2 {
            let (tail, turn) = (&tail, &turn);
            scope.spawn(move || {
                for mine in (me..TURNS).step_by(2) {
                    while turn.load(Ordering::Acquire) != mine {
                        std::hint::spin_loop();
                    }
                    tail.push(&mine.to_le_bytes());
                    turn.store(mine + 1, Ordering::Release);
                }
            });
        }
    });
    let snapshot = tail.snapshot();
    let inversions = snapshot
        .lines()
        .zip(0..)
        .filter(|(line, at): &(_, usize)| **line != at.to_le_bytes());
    assert_eq!((snapshot.len(), inversions.count()), (TURNS, 0));
}

/// Any snapshot is a run of all lines without a gap, however fast segments are recycled meanwhile.
#[test]
fn snapshots_taken_while_threads_push_have_no_gaps() {
    const KEPT: usize = 500;
    let tail = SharedTail::builder()
        .max_lines(KEPT)
        .max_line_bytes(64)
        .build_shared();
    let stop = AtomicBool::new(false);
    let pushed: [AtomicUsize; 3] = Default::default();
    thread::scope(|scope| {
        for (me, pushed) in pushed.iter().enumerate() {
            let (tail, stop) = (&tail, &stop);
            scope.spawn(move || {
                for number in 0.. {
                    tail.push(format!("{me} {number}").as_bytes());
                    pushed.store(number + 1, Ordering::Release);
                    if stop.load(Ordering::Relaxed) {
                        break;
                    }
                }
            });
        }
        let mut checked = 0;
        while checked < 300 {
            let before = pushed.each_ref().map(|count| count.load(Ordering::Acquire));
            if before.iter().sum::<usize>() < KEPT {
                continue;
            }
            let snapshot = lines(&tail);
            assert_eq!(snapshot.len(), KEPT);
            let mut last = BTreeMap::<usize, usize>::new();
            for line in &snapshot {
                let (thread, number) = line.split_once(' ').unwrap();
                let (thread, number) = (thread.parse().unwrap(), number.parse().unwrap());
                if let Some(before) = last.insert(thread, number) {
                    assert_eq!(number, before + 1, "of thread {thread}");
                }
            }
            for (thread, number) in last {
                assert!(
                    number + 1 >= before[thread],
                    "a line that was pushed before is missing"
                );
            }
            checked += 1;
        }
        stop.store(true, Ordering::Relaxed);
    });
}

/// More threads at once than have shards of their own.
#[test]
fn two_hundred_threads_at_once_lose_nothing_of_the_last_lines() {
    const THREADS: usize = 200;
    const ROUNDS: usize = 500;
    let tail = SharedTail::builder().max_lines(2_000).build_shared();
    let turn = Mutex::new(0);
    let start = Barrier::new(THREADS);
    thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                start.wait();
                for _ in 0..ROUNDS {
                    // The lock makes an order to compare with.
                    let mut turn = turn.lock().unwrap();
                    tail.push(format!("line {:>90}", *turn).as_bytes());
                    *turn += 1;
                }
            });
        }
    });
    let all = THREADS * ROUNDS;
    let expected: Vec<_> = (all - 2_000..all)
        .map(|number| format!("line {number:>90}"))
        .collect();
    assert_eq!(lines(&tail), expected);
}

#[test]
fn pieces_of_lines_do_not_mix() {
    let tail = SharedTail::builder().build_shared();
    let start = Barrier::new(8);
    thread::scope(|scope| {
        for thread in 0..8 {
            let (mut tail, start) = (&tail, &start);
            scope.spawn(move || {
                start.wait();
                for number in 0..500 {
                    for piece in [
                        &thread.to_string(),
                        " ",
                        "piece",
                        "wise ",
                        &number.to_string(),
                        "\n",
                    ] {
                        tail.write_all(piece.as_bytes()).unwrap();
                    }
                }
            });
        }
    });
    let mut found = lines(&tail);
    let mut expected: Vec<_> = (0..8)
        .flat_map(|thread| (0..500).map(move |number| format!("{thread} piecewise {number}")))
        .collect();
    found.sort();
    expected.sort();
    assert_eq!(found, expected);
}

#[test]
fn an_unfinished_line_counts_as_the_last_one() {
    let mut tail = SharedTail::builder()
        .max_lines(3)
        .max_line_bytes(20)
        .build_shared();
    write!(tail, "one\ntwo\nthree\nfour").unwrap();
    let snapshot = tail.snapshot();
    assert_eq!(snapshot.to_string(), "two\nthree\nfour");
    assert_eq!(snapshot.evicted(), 1);
    assert!(!snapshot.entries().next_back().unwrap().is_finished());
    write!(tail, " and {}", "much ".repeat(1_000)).unwrap();
    assert_eq!(
        tail.snapshot().to_string(),
        format!("two\nthree\nfour and mu{CUT_MARK}")
    );
    writeln!(tail).unwrap();
    let snapshot = tail.snapshot();
    assert_eq!(
        snapshot.to_string(),
        format!("two\nthree\nfour and mu{CUT_MARK}\n")
    );
    assert!(snapshot.entries().next_back().unwrap().is_cut());
    tail.clear();
    assert_eq!((tail.snapshot().len(), tail.snapshot().evicted()), (0, 0));
    tail.push(b"after");
    assert_eq!(lines(&tail), ["after"]);
}

#[test]
fn a_line_pushed_in_the_destructor_of_a_thread_local_is_kept() {
    struct Last(SharedTail);
    impl Drop for Last {
        fn drop(&mut self) {
            self.0.push(b"the very last");
        }
    }
    thread_local! {
        static LAST: std::cell::RefCell<Option<Last>> = const { std::cell::RefCell::new(None) };
    }
    let tail = SharedTail::new(10);
    let other = tail.clone();
    // Both orders in which the thread's locals can be destroyed.
    thread::spawn({
        let tail = tail.clone();
        move || {
            tail.push(b"first");
            LAST.set(Some(Last(tail)));
        }
    })
    .join()
    .unwrap();
    thread::spawn(move || {
        LAST.set(Some(Last(other.clone())));
        other.push(b"second");
    })
    .join()
    .unwrap();
    assert_eq!(
        lines(&tail),
        ["first", "the very last", "second", "the very last"]
    );
}

/// What a shard's thread pushes stays in its order, should the clock be put back by an hour, or come
/// to its end (after two centuries, of a counter that rises three times a nanosecond).
#[test]
fn the_order_holds_whatever_the_clock_says() {
    const HOUR: u64 = 3 << 40;
    for ticks in [
        [2 * HOUR, 2 * HOUR + 9, HOUR, HOUR + 1, 0, 3 * HOUR],
        [u64::MAX - 5, u64::MAX - 4, u64::MAX - 4, 0, 1, u64::MAX],
        [u64::MAX - 1, u64::MAX, 0, 1, u64::MAX, 2],
    ] {
        let limits = Limits::default();
        let journal = Journal::new(&limits, Heap::new(&limits));
        for (number, tick) in (0_u8..).zip(ticks) {
            let line = Line {
                tick,
                flags: 0,
                text: &[number],
            };
            assert!(journal.append(0, line));
        }
        let contents = journal.contents(|| u64::MAX);
        let found = contents
            .lines
            .iter()
            .map(|line| contents.words[line.text].to_le_bytes()[0]);
        assert_eq!(found.collect::<Vec<_>>(), [0, 1, 2, 3, 4, 5], "{ticks:?}");
    }
}

/// A signal handler finds its thread in the midst of a push, or of a snapshot.
#[test]
fn what_is_pushed_within_a_push_is_counted() {
    let tail = SharedTail::new(10);
    tail.push(b"before");
    {
        let _entered = slot::enter();
        tail.push(b"within");
        tail.push_pinned(b"pinned");
    }
    tail.push(b"after");
    assert_eq!(lines(&tail), ["before", "after"]);
    assert_eq!(tail.snapshot().evicted(), 2);
}
