//! Models of the shared tail. loom runs each of them through every interleaving with up to
//! `LOOM_MAX_PREEMPTIONS` preemptions, and through every value that a load may return on weakly ordered
//! memory.
//!
//! The reader runs in a thread of its own and the writer in the main thread. The other way round, loom
//! would not find the runs in which a read comes first, because the writer also reads what it writes.
//!
//! The clock of the models is an atomic counter that the threads share, like the fallback for
//! processors without a reliable counter. The ordered read of a processor's counter gives the same
//! guarantee by real time, which loom does not model.

use loom::sync::Arc;
use loom::thread;

use super::journal::{Contents, Journal};
use super::memory::{Lap, Memory};
use super::segment::{self, Format, Line, Plain, Segment};
use super::slot::Slots;
use crate::clock::Clock;
use crate::limits::Limits;
use crate::sync::{AtomicU64, Ordering};

fn words(lines: usize) -> Box<[AtomicU64]> {
    let words = Plain::FIRST_LINE + lines * Plain::words_for(8);
    (0..words).map(|_| AtomicU64::new(0)).collect()
}

/// Appends a line whose text is its tick.
fn append(segment: &Segment<'_, Plain>, tick: u64) -> bool {
    segment.append(Line {
        tick,
        flags: 0,
        text: &tick.to_le_bytes()[..],
    })
}

/// The ticks of complete lines.
fn ticks(words: &[u64]) -> Vec<u64> {
    let lines = segment::lines::<Plain>(words);
    let tick = |line: segment::Copied| {
        assert_eq!(line.len, 8, "a header that was not written yet");
        assert_eq!(words[line.text], line.tick, "a text that is not the line's");
        line.tick
    };
    lines.map(tick).collect()
}

/// Checks the orderings of the state's store and load.
#[test]
fn what_is_published_is_whole() {
    loom::model(|| {
        let shared = Arc::new(words(2));
        let words = Arc::clone(&shared);
        let reader = thread::spawn(move || {
            let mut copy = Vec::new();
            assert!(Segment::<Plain>::new(&words).copy_to(&mut copy, 0));
            let ticks = ticks(&copy);
            assert!([&[][..], &[1], &[1, 2]].contains(&&*ticks), "{ticks:?}");
        });
        let segment = Segment::<Plain>::new(&shared);
        assert!(append(&segment, 1) && append(&segment, 2));
        assert!(!append(&segment, 3), "it is full");
        reader.join().unwrap();
    });
}

/// Checks the two fences around a generation: a copy is of one lap, or is known not to be.
#[test]
fn a_copy_of_a_segment_that_is_recycled_is_noticed() {
    loom::model(|| {
        let shared = Arc::new(words(2));
        let segment = Segment::<Plain>::new(&shared);
        assert!(append(&segment, 1) && append(&segment, 2));
        let words = Arc::clone(&shared);
        let reader = thread::spawn(move || {
            let segment = Segment::<Plain>::new(&words);
            let mut copy = Vec::new();
            // In the real code, the generation is read under the table's lock.
            if segment.copy_to(&mut copy, 0) {
                assert_eq!(ticks(&copy), [1, 2]);
            }
        });
        segment.recycle(0, |_, generation| assert_eq!(generation, 1));
        assert!(append(&segment, 8));
        reader.join().unwrap();
    });
}

/// Segments that are all there from the beginning.
struct Fixed(Vec<Box<[AtomicU64]>>);

impl Memory for Fixed {
    type Format = Plain;

    fn segments(&self) -> u32 {
        self.0.len() as u32
    }

    fn segment(&self, index: u32) -> Option<Segment<'_, Plain>> {
        Some(Segment::new(self.0.get(index as usize)?))
    }

    fn make(&self, index: u32) -> Option<Segment<'_, Plain>> {
        self.segment(index)
    }

    fn begin_lap(&self, _: &[AtomicU64], _: u64, _: Lap) {}

    fn pushed(&self, _: u64, _: &Clock) {}

    fn cleared(&self, _: u64, _: u64) {}
}

struct Tail {
    journal: Journal<Fixed>,
    clock: AtomicU64,
    slots: Slots,
}

impl Tail {
    /// Creates a tail of `segments` segments of `lines` lines each. It keeps the last `keep` lines.
    fn new(segments: usize, lines: usize, keep: usize) -> Arc<Tail> {
        let limits = Limits {
            max_lines: keep,
            ..Limits::default()
        };
        let memory = Fixed((0..segments).map(|_| words(lines)).collect());
        Arc::new(Tail {
            journal: Journal::new(&limits, memory),
            clock: AtomicU64::new(1),
            slots: Slots::default(),
        })
    }

    /// Like [`Clock::now`] of the monotonic clock.
    fn now(&self) -> u64 {
        self.clock.fetch_add(1, Ordering::AcqRel)
    }

    /// Pushes a line whose text is `name`.
    fn push(&self, slot: usize, name: u64) {
        let line = Line {
            tick: self.now(),
            flags: 0,
            text: &name.to_le_bytes()[..],
        };
        assert!(self.journal.append_at(slot, line));
    }

    fn contents(&self) -> Contents {
        let now = |seen: u64| self.now().max(seen);
        (0..4)
            .find_map(|number| self.journal.try_contents(now, number == 3))
            .unwrap_or_default()
    }

    /// The names of the lines that a snapshot shows.
    fn names(&self) -> Vec<u64> {
        names(&self.contents())
    }
}

fn names(contents: &Contents) -> Vec<u64> {
    let lines = contents.lines.iter();
    lines.map(|line| contents.words[line.text]).collect()
}

/// If one push returned before another began, a snapshot that has the second has the first.
#[test]
fn no_line_is_missing_before_one_that_is_there() {
    loom::model(|| {
        let tail = Tail::new(2, 2, 8);
        // Both shards get a segment first, so that no later push locks the table.
        tail.push(0, 1);
        tail.push(1, 2);
        let done = Arc::new(AtomicU64::new(0));
        let second = {
            let (tail, done) = (Arc::clone(&tail), Arc::clone(&done));
            thread::spawn(move || {
                if done.load(Ordering::Acquire) == 1 {
                    tail.push(1, 11);
                }
            })
        };
        let reader = {
            let tail = Arc::clone(&tail);
            thread::spawn(move || {
                let names = tail.names();
                let may_be = [&[1, 2][..], &[1, 2, 10], &[1, 2, 10, 11]];
                assert!(may_be.contains(&&*names), "{names:?}");
            })
        };
        tail.push(0, 10);
        done.store(1, Ordering::Release);
        second.join().unwrap();
        reader.join().unwrap();
    });
}

/// A snapshot of a full tail has the last lines pushed, without a gap.
#[test]
fn segments_are_recycled_under_a_snapshot() {
    loom::model(|| {
        let tail = Tail::new(4, 1, 2);
        (1..=3).for_each(|name| tail.push(0, name));
        let reader = {
            let tail = Arc::clone(&tail);
            thread::spawn(move || {
                let contents = tail.contents();
                let names = names(&contents);
                let pushed = contents.evicted + names.len() as u64;
                assert!((3..=5).contains(&pushed), "{pushed}");
                assert!(names.len() >= 2, "two lines are to be kept");
                let end: Vec<u64> = (contents.evicted + 1..=pushed).collect();
                assert_eq!(names, end);
            })
        };
        (4..=5).for_each(|name| tail.push(0, name));
        reader.join().unwrap();
    });
}

/// A thread that ends leaves its slot, and its shard, to another.
#[test]
fn a_slot_is_handed_over_with_all_that_was_written() {
    loom::model(|| {
        let tail = Tail::new(4, 2, 8);
        let threads = [10, 20].map(|name| {
            let tail = Arc::clone(&tail);
            thread::spawn(move || {
                let slot = tail.slots.claim();
                tail.push(slot, name);
                tail.slots.release(slot);
            })
        });
        for thread in threads {
            thread.join().unwrap();
        }
        let mut names = tail.names();
        names.sort_unstable();
        assert_eq!(names, [10, 20], "one has written over the other");
    });
}

/// Lines pushed before a clear are gone, lines pushed after it stay.
#[test]
fn a_clear_forgets_earlier_lines_only() {
    loom::model(|| {
        let tail = Tail::new(3, 2, 8);
        tail.push(0, 1);
        let other = {
            let tail = Arc::clone(&tail);
            thread::spawn(move || {
                tail.push(1, 2);
                tail.push(1, 3);
            })
        };
        tail.journal.clear(|seen| tail.now().max(seen));
        tail.push(0, 4);
        let names = tail.names();
        assert!(!names.contains(&1) && names.contains(&4), "{names:?}");
        other.join().unwrap();
        // The clear came before, between or after the lines of the other thread.
        let mut theirs = tail.names();
        theirs.retain(|name| *name != 4);
        assert!([2, 3].ends_with(&theirs), "{theirs:?}");
    });
}
