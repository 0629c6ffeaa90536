//! Compares the shared tail with a naive one, and uses it with many threads.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufWriter, Write};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Barrier, Mutex, mpsc};
use std::thread;
use std::time::{Duration, SystemTime};

use proptest::prelude::*;

use super::slot;
use crate::clock::Clock;
use crate::limits::Limits;
use crate::sync::AtomicU64;
use crate::{CUT_MARK, SharedTail, Snapshot, TailWriter};

fn lines(tail: &SharedTail) -> Vec<String> {
    let snapshot = tail.snapshot();
    snapshot
        .lines()
        .map(|line| String::from_utf8_lossy(line).into_owned())
        .collect()
}

/// A line and its class.
type Pushed = (Vec<u8>, u8);

/// A line as it is kept.
fn shown(line: &[u8], limit: usize) -> Vec<u8> {
    if line.len() <= limit {
        return line.to_vec();
    }
    let (end, mark) = crate::limits::cut_point(&line[..limit], limit);
    [&line[..end], mark].concat()
}

/// The positions of the lines that are kept, found by a walk over all of them.
fn naive(pushed: &[Pushed], limits: &Limits) -> Vec<usize> {
    let cut = |line: &[u8]| shown(line, limits.max_line_bytes).len();
    let last = |class: Option<u8>, max_lines: usize, max_bytes: usize| {
        let of_class = |at: &usize| class.is_none_or(|class| pushed[*at].1 == class);
        let mut bytes = 0;
        let fits = |at: &usize| {
            bytes += cut(&pushed[*at].0) + 1;
            bytes <= max_bytes
        };
        let newest_first = (0..pushed.len()).rev().filter(of_class);
        newest_first
            .take(max_lines)
            .take_while(fits)
            .collect::<BTreeSet<_>>()
    };
    let mut kept = last(None, limits.max_lines, limits.max_bytes);
    for (class, quota) in limits.quotas.iter().enumerate().skip(1) {
        kept.extend(last(Some(class as u8), *quota, limits.max_bytes));
    }
    kept.into_iter().collect()
}

fn pushed() -> impl Strategy<Value = Vec<Pushed>> {
    let line = prop::collection::vec(any::<u8>(), 0..60);
    let class = prop_oneof![10 => Just(0), 3 => 1u8..=3, 1 => Just(7)];
    prop::collection::vec((line, class), 0..400)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    /// Only the sequence of lines decides which ones are kept.
    #[test]
    fn keeps_what_a_naive_tail_keeps(
        pushed in pushed(),
        max_lines in prop_oneof![0usize..10, 0usize..300],
        max_bytes in prop_oneof![Just(1usize << 20), 51usize..2_000],
        quotas in prop::array::uniform3(0usize..12),
        earlier in 0usize..400,
    ) {
        let builder = TailWriter::builder()
            .max_lines(max_lines)
            .max_bytes(max_bytes)
            .max_line_bytes(50)
            .quota(1, quotas[0])
            .quota(2, quotas[1])
            .quota(7, quotas[2]);
        let limits = Limits {
            max_lines,
            max_bytes,
            max_line_bytes: 50,
            quotas: [0, quotas[0], quotas[1], 0, 0, 0, 0, quotas[2]],
            ..Limits::default()
        };
        let tail = builder.build_shared();
        let earlier = earlier % pushed.len().max(1);
        let mut before = tail.snapshot();
        for (at, (line, class)) in pushed.iter().enumerate() {
            if at == earlier {
                before = tail.snapshot();
            }
            if at % 2 == 0 {
                tail.push_class(*class, line);
            } else {
                tail.push_padded(*class, &[&line[..], &[0; 32]].concat(), line.len());
            }
        }
        let expected = naive(&pushed, &limits);
        let snapshot = tail.snapshot();
        prop_assert_eq!(snapshot.len(), expected.len());
        for (entry, at) in snapshot.entries().zip(&expected) {
            let (line, class) = &pushed[*at];
            prop_assert_eq!((entry.line(), entry.class()), (&*shown(line, 50), *class));
            prop_assert_eq!(entry.is_cut(), line.len() > 50);
        }
        prop_assert_eq!(snapshot.evicted(), (pushed.len() - expected.len()) as u64);
        for (entry, at) in snapshot.entries().zip(snapshot.evicted()..) {
            prop_assert_eq!(entry.seq(), at);
        }
        let new = expected.iter().filter(|at| **at >= earlier).count() as u64;
        let since = snapshot.entries_since(&before).map(|entry| entry.seq());
        let end = snapshot.evicted() + expected.len() as u64;
        prop_assert!(since.eq(end - new..end));
    }
}

/// Consecutive snapshots have each line once, even lines that threads push at the same time.
#[test]
fn entries_since_an_earlier_snapshot_are_each_line_once() {
    const LINES: usize = 20_000;
    let tail = TailWriter::builder()
        .max_lines(4 * LINES)
        .max_bytes(1 << 24)
        .build_shared();
    let running = AtomicUsize::new(3);
    thread::scope(|scope| {
        for me in 0..3 {
            let (tail, running) = (&tail, &running);
            scope.spawn(move || {
                for number in 0..LINES {
                    tail.push(format!("{me} {number}").as_bytes());
                }
                running.fetch_sub(1, Ordering::Release);
            });
        }
        let mut earlier = tail.snapshot();
        let mut seen: Vec<_> = earlier.lines().map(<[u8]>::to_vec).collect();
        loop {
            let is_last = running.load(Ordering::Acquire) == 0;
            let now = tail.snapshot();
            let new = now.entries_since(&earlier);
            seen.extend(new.map(|entry| entry.line().to_vec()));
            earlier = now;
            if is_last {
                break;
            }
        }
        let mut all: Vec<_> = earlier.lines().map(<[u8]>::to_vec).collect();
        assert_eq!(all.len(), 3 * LINES);
        seen.sort_unstable();
        all.sort_unstable();
        assert!(seen == all, "{} of {} lines", seen.len(), all.len());
    });
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    /// The lines of a separate class neither evict other lines nor are evicted by them.
    #[test]
    fn a_separate_class_is_like_a_tail_of_its_own(
        pushed in pushed(),
        max_lines in 0usize..100,
        separate in 0usize..20,
        max_bytes in prop_oneof![Just(1usize << 20), 51usize..2_000],
        clear in 0usize..600,
    ) {
        let builder = TailWriter::builder()
            .max_bytes(max_bytes)
            .max_line_bytes(50);
        let others = builder.clone().max_lines(max_lines).quota(1, 5).quota(2, 2);
        let tail = others.clone().separate(3, separate).build_shared();
        let (others, of_class) = (others.build_shared(), builder.max_lines(separate).build_shared());
        for (at, (line, class)) in pushed.iter().enumerate() {
            if at == clear {
                tail.clear();
                others.clear();
                of_class.clear();
            }
            tail.push_class(*class, line);
            if *class == 3 { of_class.push(line) } else { others.push_class(*class, line) }
        }
        let facts = |snapshot: &Snapshot| {
            let entries = snapshot.entries();
            let entries = entries.map(|entry| (entry.line().to_vec(), entry.seq(), entry.is_cut()));
            let classes = [1, 2].map(|class| snapshot.evicted_of_class(class));
            (entries.collect::<Vec<_>>(), snapshot.evicted(), snapshot.kept_apart(), classes)
        };
        prop_assert_eq!(facts(&tail.snapshot()), facts(&others.snapshot()));
        if separate > 0 {
            prop_assert_eq!(facts(&tail.class_snapshot(3)), facts(&of_class.snapshot()));
        }
        prop_assert!(tail.class_snapshot(3).entries().all(|entry| entry.class() == 3));
        for class in [0, 1, 2, 4, 255] {
            prop_assert!(tail.class_snapshot(class).is_empty());
        }
    }
}

#[test]
fn a_dropped_line_of_a_separate_class_counts_for_its_class() {
    let tail = TailWriter::builder().separate(1, 10).build_shared();
    tail.push(b"the first line of this thread");
    let begun = tail.try_begin(8).unwrap();
    tail.push_class(1, b"pushed while another line is begun");
    drop(begun);
    assert_eq!(tail.snapshot().evicted(), 0);
    assert_eq!(tail.class_snapshot(1).evicted(), 1);
}

#[test]
fn cleared_lines_of_a_class_do_not_count_as_evicted() {
    let tail = TailWriter::builder().quota(1, 2).build_shared();
    for _ in 0..5 {
        tail.push_class(1, b"a line");
    }
    tail.clear();
    assert_eq!(tail.snapshot().evicted_of_class(1), 0);
}

#[test]
fn one_error_outlives_a_thousand_warnings() {
    let tail = TailWriter::builder()
        .max_lines(1_000)
        .quota(1, 10)
        .quota(2, 100)
        .build_shared();
    tail.push_class(1, b"the one error");
    for number in 0..1_100 {
        tail.push_class(2, format!("warning {number}").as_bytes());
    }
    for number in 0..2_000 {
        tail.push(format!("chatter {number}").as_bytes());
    }
    let kept = lines(&tail);
    assert_eq!((kept.len(), &*kept[0]), (1_101, "the one error"));
    assert_eq!((&*kept[1], &*kept[100]), ("warning 1000", "warning 1099"));
}

/// A line of the maximum length is kept whole, however small `max_bytes` is.
#[test]
fn there_is_room_for_one_line_of_the_maximum_length() {
    let longest = vec![b'x'; 5_000];
    let builder = TailWriter::builder().max_bytes(1_000).max_line_bytes(5_000);
    let shared = builder.clone().quota(1, 1).build_shared();
    shared.push_class(1, &longest);
    assert_eq!(shared.snapshot().lines().next(), Some(&*longest));
    assert!(!shared.snapshot().entries().any(|entry| entry.is_cut()));
    let mut owned = builder.clone().build();
    owned.write_all(&longest).unwrap();
    assert_eq!(owned.to_vec(), longest);
    // By default the maximum is what fits, and a tail that keeps nothing still keeps nothing.
    let by_default = TailWriter::builder().max_bytes(1_000).build_shared();
    by_default.push(&longest);
    assert_eq!(by_default.snapshot().to_vec().len(), 1_000);
    let nothing = builder.max_bytes(0).build_shared();
    nothing.push(&longest);
    assert_eq!(nothing.snapshot().len(), 0);
}

/// If one push returned before another began, its line comes first.
#[test]
fn two_hundred_thousand_hand_overs_between_two_threads_stay_in_order() {
    const TURNS: usize = 200_000;
    let tail = TailWriter::builder()
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

/// Every snapshot is a run of lines without a gap, however fast segments are recycled meanwhile.
#[test]
fn snapshots_taken_while_threads_push_have_no_gaps() {
    const KEPT: usize = 500;
    let tail = TailWriter::builder()
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

/// More threads at the same time than there are private shards.
#[test]
fn two_hundred_threads_at_once_lose_nothing_of_the_last_lines() {
    const THREADS: usize = 200;
    const ROUNDS: usize = 500;
    let tail = TailWriter::builder().max_lines(2_000).build_shared();
    let turn = Mutex::new(0);
    let start = Barrier::new(THREADS);
    thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                start.wait();
                for _ in 0..ROUNDS {
                    // The lock defines the expected order.
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

/// Pushes a line in words if possible. Returns whether it was possible.
fn push_words(tail: &SharedTail, text: &str) -> bool {
    let mut bytes = [0; 24];
    bytes[..text.len()].copy_from_slice(text.as_bytes());
    let words = [0, 8, 16].map(|at| u64::from_le_bytes(bytes[at..at + 8].try_into().unwrap()));
    let line = tail.try_begin(text.len());
    let pushed = line.is_some_and(|line| line.push(words));
    if !pushed {
        tail.push(text.as_bytes());
    }
    pushed
}

#[test]
fn lines_in_words_are_kept_like_any_others() {
    let [words, bytes] = [(); 2].map(|()| TailWriter::builder().max_lines(3_000).build_shared());
    let (mut in_words, mut others) = (0, 0);
    for number in 0..10_000_usize {
        // From no bytes up to three full words.
        let text = &format!("line number {number:012}")[..number % 25];
        if number % 3 == 0 {
            words.push(text.as_bytes());
        } else if push_words(&words, text) {
            in_words += 1;
        } else {
            others += 1;
        }
        bytes.push(text.as_bytes());
    }
    assert_eq!(lines(&words), lines(&bytes));
    assert_eq!(words.snapshot().evicted(), bytes.snapshot().evicted());
    // On machines without a reliable counter, no line is pushed in words.
    assert!(
        in_words == 0 || others < in_words / 10,
        "{others} of {in_words} took longer"
    );
}

#[test]
fn lines_in_words_of_all_threads_are_in_order() {
    const ROUNDS: usize = 20_000;
    let tail = TailWriter::builder()
        .max_lines(4 * ROUNDS)
        .max_bytes(64 << 20)
        .build_shared();
    let turn = Mutex::new(0);
    thread::scope(|scope| {
        for thread in 0..4 {
            let (tail, turn) = (&tail, &turn);
            scope.spawn(move || {
                for _ in 0..ROUNDS {
                    let mut turn = turn.lock().unwrap();
                    let text = format!("{:>20}", *turn);
                    if thread % 2 == 0 {
                        push_words(tail, &text);
                    } else {
                        tail.push(text.as_bytes());
                    }
                    *turn += 1;
                }
            });
        }
    });
    let expected = (0..4 * ROUNDS).map(|number| format!("{number:>20}"));
    assert!(lines(&tail).into_iter().eq(expected));
}

#[test]
fn a_line_that_is_begun_keeps_others_of_its_thread_out_and_may_be_given_up() {
    struct Panics;
    impl crate::Words<1> for Panics {
        fn word(&self, _: usize) -> u64 {
            panic!("a word can't be made")
        }
    }
    let tail = TailWriter::builder().max_line_bytes(16).build_shared();
    let first = || {
        assert!(tail.try_begin(8).is_none(), "the first of its thread");
        tail.push(b"first");
        assert!(tail.try_begin(17).is_none(), "longer than a line may be");
        let begun = tail.try_begin(8).unwrap();
        assert!(tail.clone().try_begin(8).is_none());
        tail.push(b"dropped");
        thread::scope(|scope| scope.spawn(|| tail.push(b"elsewhere")).join().unwrap());
        drop(begun);
        assert!(
            !tail.try_begin(9).unwrap().push([0]),
            "longer than its words"
        );
        let panicking = std::panic::AssertUnwindSafe(|| tail.try_begin(8).unwrap().push(Panics));
        // On a machine where no line is pushed in words, the closure does not panic.
        let _ = std::panic::catch_unwind(panicking);
        tail.push(b"last");
    };
    thread::scope(|scope| scope.spawn(first).join().unwrap());
    assert_eq!(lines(&tail), ["first", "elsewhere", "last"]);
    assert_eq!(tail.snapshot().evicted(), 1);
}

#[test]
fn pieces_of_lines_do_not_mix() {
    let tail = TailWriter::builder().build_shared();
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
    let mut tail = TailWriter::builder()
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
    // Tests both orders in which the thread's locals can be destroyed.
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

/// The counter restarts from zero, as it does after some sleep states, or jumps ahead and back.
#[test]
fn the_clock_hides_no_line_and_changes_no_order() {
    const HOUR: u64 = 3 << 40;
    let ticks = Arc::new(AtomicU64::new(HOUR));
    let clock = Clock::set_by(Arc::clone(&ticks));
    let limits = Limits {
        max_lines: 500,
        max_line_bytes: 100,
        max_age: Some(Duration::from_secs(3_600)),
        quotas: [0, 50, 0, 0, 0, 0, 0, 0],
        ..Limits::default()
    };
    let tail = &SharedTail::with_clock(limits, clock);
    let (turn, to_other) = mpsc::channel::<usize>();
    let (done, from_other) = mpsc::channel::<()>();
    let push = |number: usize| {
        let line = format!("line {number}");
        tail.push_class(u8::from(number.is_multiple_of(20)), line.as_bytes());
    };
    thread::scope(|scope| {
        // Two threads, so that each reads ticks that the other has stored.
        scope.spawn(move || {
            for number in to_other {
                push(number);
                done.send(()).unwrap();
            }
        });
        for number in 0..3_000 {
            let jump = match number {
                300 => Some(0),
                700 => Some(HOUR / 2),
                1_000 => Some(40 * HOUR),
                1_001 => Some(7),
                1_700 => Some(39 * HOUR),
                2_995 => Some(0),
                _ => None,
            };
            if let Some(jump) = jump {
                ticks.store(jump, Ordering::Relaxed);
            }
            // In runs of different lengths, so that one thread fills segments alone.
            if number % 7 < 2 || number % 300 > 250 {
                turn.send(number).unwrap();
                from_other.recv().unwrap();
            } else {
                push(number);
            }
            if number % 10 == 0 || number > 2_990 {
                let shown = lines(tail);
                let first = (number + 1).saturating_sub(500);
                let quota = (0..first).filter(|number| number % 20 == 0);
                let quota: Vec<_> = quota.collect();
                let classes = (number / 20 + 1).min(50);
                let of_window = (first..=number).filter(|number| number % 20 == 0).count();
                let older =
                    &quota[quota.len() - classes.saturating_sub(of_window).min(quota.len())..];
                let expected = older.iter().copied().chain(first..=number);
                let expected: Vec<_> = expected.map(|number| format!("line {number}")).collect();
                assert_eq!(shown, expected, "after line {number}");
            }
        }
        drop(turn);
    });
    let now = SystemTime::now();
    for entry in tail.snapshot().entries() {
        let age = now.duration_since(entry.time()).unwrap_or_default();
        assert!(age < Duration::from_secs(3_600), "{age:?}");
    }
}

/// A signal handler may push while its thread is pushing or taking a snapshot.
#[test]
fn what_is_pushed_within_a_push_is_counted() {
    let tail = SharedTail::new(10);
    tail.push(b"before");
    {
        let _entered = slot::enter();
        tail.push(b"within");
        tail.push_class(1, b"within, of a class");
    }
    tail.push(b"after");
    assert_eq!(lines(&tail), ["before", "after"]);
    assert_eq!(tail.snapshot().evicted(), 2);
}

/// With a limit of 100 lines, a thousand fragments must not evict all other lines for good.
#[test]
fn fragments_of_threads_that_ended_are_evicted_by_later_lines() {
    let tail = TailWriter::builder()
        .max_lines(100)
        .quota(1, 1)
        .build_shared();
    tail.push_class(1, b"an error");
    thread::scope(|scope| {
        for _ in 0..10 {
            scope.spawn(|| {
                for _ in 0..100 {
                    let tail = &tail;
                    thread::scope(|scope| {
                        scope.spawn(move || write!(&mut { tail }, "fragment"));
                    });
                }
            });
        }
    });
    assert_eq!(lines(&tail)[0], "an error");
    assert_eq!(tail.snapshot().len(), 101);
    for number in 0..10_000 {
        tail.push(format!("line {number}").as_bytes());
    }
    let kept = lines(&tail);
    assert_eq!((kept.len(), &*kept[0]), (101, "an error"));
    assert_eq!((&*kept[1], &*kept[100]), ("line 9900", "line 9999"));
}

#[test]
fn a_display_that_panics_in_writeln_leaves_a_fragment_that_later_lines_evict() {
    struct Panics;
    impl std::fmt::Display for Panics {
        fn fmt(&self, _: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            panic!("in a Display")
        }
    }
    let tail = SharedTail::new(100);
    for _ in 0..1_000 {
        let tail = &tail;
        let write = || writeln!(tail.clone(), "before {}", Panics);
        let written = std::panic::catch_unwind(std::panic::AssertUnwindSafe(write));
        assert!(written.is_err());
    }
    for number in 0..100 {
        tail.push(format!("line {number}").as_bytes());
    }
    let kept = lines(&tail);
    assert_eq!(kept.len(), 100);
    assert_eq!((&*kept[0], &*kept[99]), ("line 0", "line 99"));
}

#[test]
fn unfinished_lines_have_the_same_limits_as_other_lines() {
    let tail = TailWriter::builder()
        .max_bytes(64 << 10)
        .max_age(Duration::from_millis(5))
        .build_shared();
    let fragment = [b'x'; 1_000];
    let mut handles: Vec<_> = (0..2_000).map(|_| tail.clone()).collect();
    for handle in &mut handles {
        handle.write_all(&fragment).unwrap();
    }
    assert!(tail.snapshot().to_vec().len() <= 64 << 10);
    let written = std::time::Instant::now();
    while written.elapsed() < Duration::from_millis(20) {
        thread::yield_now();
    }
    assert_eq!(tail.snapshot().len(), 0);
}

#[test]
fn a_line_is_finished_when_its_handle_is_dropped() {
    let tail = SharedTail::new(10);
    let mut handle = tail.clone();
    write!(handle, "begun").unwrap();
    tail.push(b"after it");
    assert!(!tail.snapshot().entries().next().unwrap().is_finished());
    write!(handle, ", and continued").unwrap();
    assert_eq!(
        tail.snapshot().to_string(),
        "after it\nbegun, and continued"
    );
    drop(handle);
    assert_eq!(
        tail.snapshot().to_string(),
        "after it\nbegun, and continued\n"
    );
}

/// The writes of a buffered writer may end anywhere in a line.
#[test]
fn a_writer_that_moves_between_threads_tears_no_line() {
    let tail = TailWriter::builder().build_shared();
    let mut writer = BufWriter::with_capacity(16, tail.clone());
    for round in 0..200 {
        writer = thread::spawn(move || {
            writeln!(writer, "line {round} of a writer").unwrap();
            write!(writer, "and ").unwrap();
            writer
        })
        .join()
        .unwrap();
        writeln!(writer, "another one, {round}").unwrap();
    }
    drop(writer);
    let expected: Vec<_> = (0..200)
        .flat_map(|round| {
            [
                format!("line {round} of a writer"),
                format!("and another one, {round}"),
            ]
        })
        .collect();
    assert_eq!(lines(&tail), expected);
}
