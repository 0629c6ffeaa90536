//! Compares the tail with a naive one, with small pieces and capacities, so that there are many laps.

use std::cell::Cell;
use std::io::Write;
use std::time::{Duration, Instant};

use proptest::prelude::*;

use crate::limits::cut_point;
use crate::{CUT_MARK, TailWriter};

/// All lines ever written, cut but never evicted.
#[derive(Default)]
struct Naive {
    finished: Vec<Vec<u8>>,
    last: Vec<u8>,
}

impl Naive {
    fn write(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            match byte {
                b'\n' => self.finished.push(std::mem::take(&mut self.last)),
                _ => self.last.push(byte),
            }
        }
    }

    /// The lines within the bounds, and whether the last of them is finished.
    fn tail(&self, lines: usize, bytes: usize, line_bytes: usize) -> (Vec<Vec<u8>>, bool) {
        // A line of the maximum length always fits.
        let bytes = match bytes {
            0 => 0,
            _ => bytes.max(line_bytes.saturating_add(1)),
        };
        let limit = line_bytes.min(bytes.saturating_sub(1));
        let cut = |line: &Vec<u8>| {
            if line.len() <= limit {
                return line.clone();
            }
            let (end, mark) = cut_point(&line[..limit], limit);
            [&line[..end], mark].concat()
        };
        let mut all: Vec<_> = self.finished.iter().map(cut).collect();
        let unfinished = !cut(&self.last).is_empty();
        if unfinished {
            all.push(cut(&self.last));
        }
        let mut left = bytes;
        let mut kept = 0;
        for (at, line) in all.iter().rev().enumerate() {
            let size = line.len() + usize::from(at > 0 || !unfinished);
            if kept == lines || size > left {
                break;
            }
            left -= size;
            kept += 1;
        }
        (all.split_off(all.len() - kept), !unfinished)
    }
}

fn text() -> impl Strategy<Value = Vec<Vec<u8>>> {
    let byte = prop_oneof![5 => any::<u8>(), 2 => Just(b'\n'), 1 => Just(0xE2), 1 => Just(0x80)];
    let chunk = prop_oneof![
        prop::collection::vec(byte, 0..90),
        "[a-zé…\n]{0,40}".prop_map(String::into_bytes),
        (0usize..400).prop_map(|len| vec![b'x'; len]),
        (0usize..60).prop_map(|len| vec![b'\n'; len]),
    ];
    prop::collection::vec(chunk, 0..40)
}

fn bound() -> impl Strategy<Value = usize> {
    prop_oneof![0usize..5, 0usize..40, 0usize..600, Just(usize::MAX / 4)]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    #[test]
    fn keeps_what_a_naive_tail_keeps(
        chunks in text(),
        lines in bound(),
        bytes in bound(),
        line_bytes in bound(),
    ) {
        let mut tail = TailWriter::builder()
            .max_lines(lines)
            .max_bytes(bytes)
            .max_line_bytes(line_bytes)
            .build();
        let mut naive = Naive::default();
        for chunk in &chunks {
            tail.write_all(chunk).unwrap();
            naive.write(chunk);
            let (expected, finished) = naive.tail(lines, bytes, line_bytes);
            let found: Vec<_> = tail.lines().collect();
            prop_assert_eq!(&found, &expected);
            prop_assert_eq!(tail.len(), expected.len());

            let mut backwards: Vec<_> = tail.lines().rev().collect();
            backwards.reverse();
            prop_assert_eq!(backwards, expected.clone());

            let mut joined = expected.join(&b'\n');
            if finished && !expected.is_empty() {
                joined.push(b'\n');
            }
            prop_assert_eq!(tail.to_vec(), joined);
        }
    }

    #[test]
    fn counts_every_line_once(chunks in text(), lines in bound(), bytes in bound()) {
        let mut tail = TailWriter::builder().max_lines(lines).max_bytes(bytes).build();
        let mut newlines = 0;
        for chunk in &chunks {
            tail.write_all(chunk).unwrap();
            newlines += chunk.iter().filter(|&&byte| byte == b'\n').count() as u64;
        }
        let finished = tail.evicted() + tail.lines().len() as u64;
        let unfinished = chunks.concat().last().is_some_and(|&byte| byte != b'\n');
        prop_assert!(
            finished == newlines || unfinished && finished == newlines + 1,
            "{} lines accounted for, {} newlines written", finished, newlines
        );
    }

    #[test]
    fn chunking_does_not_matter(chunks in text(), lines in 0usize..20, line_bytes in 0usize..40) {
        let builder = TailWriter::builder().max_lines(lines).max_line_bytes(line_bytes).max_bytes(500);
        let mut whole = builder.clone().build();
        let mut bytewise = builder.build();
        whole.write_all(&chunks.concat()).unwrap();
        for byte in chunks.concat() {
            bytewise.write_all(&[byte]).unwrap();
        }
        prop_assert_eq!(whole.to_vec(), bytewise.to_vec());
        prop_assert_eq!(whole.evicted(), bytewise.evicted());
    }
}

#[test]
fn a_line_that_never_ends_takes_no_more_memory_than_one_that_does() {
    let mut tail = TailWriter::builder()
        .max_lines(3)
        .max_line_bytes(20)
        .build();
    writeln!(tail, "short").unwrap();
    for _ in 0..100_000 {
        write!(tail, "endless ").unwrap();
    }
    let lines: Vec<_> = tail
        .lines()
        .map(|line| String::from_utf8_lossy(line).into_owned())
        .collect();
    assert_eq!(lines, ["short", &format!("endless end{CUT_MARK}")]);
    writeln!(tail, "\nnext").unwrap();
    assert_eq!(tail.lines().next_back(), Some(&b"next"[..]));
    assert_eq!(tail.len(), 3);
}

#[test]
fn clear_forgets_everything() {
    let mut tail = TailWriter::builder()
        .max_lines(2)
        .max_line_bytes(10)
        .build();
    write!(tail, "one\ntwo\nthree\nfour is too long").unwrap();
    assert!(tail.evicted() > 0 && !tail.is_empty());
    tail.clear();
    assert_eq!((tail.len(), tail.evicted(), tail.to_vec().len()), (0, 0, 0));
    write!(tail, "five").unwrap();
    assert_eq!(tail.to_string(), "five");
}

thread_local! {
    /// The time of the test clock below, in milliseconds since its start.
    static MILLIS: Cell<u64> = const { Cell::new(0) };
    static START: Instant = Instant::now();
}

fn test_clock() -> Instant {
    START.with(|start| *start + Duration::from_millis(MILLIS.get()))
}

#[test]
fn lines_leave_when_they_are_too_old() {
    let mut tail = TailWriter::builder()
        .max_age(Duration::from_millis(256))
        .build();
    tail.ages.as_mut().unwrap().set_clock(test_clock);
    for at in (0..1_000).step_by(10) {
        MILLIS.set(at);
        writeln!(tail, "{at}").unwrap();
    }
    // It is 990 now, so lines from 734 on are kept.
    assert_eq!(tail.lines().next(), Some(&b"740"[..]));
    assert_eq!(tail.len(), 26);
    write!(tail, "unfinished").unwrap();
    MILLIS.set(1_246);
    assert_eq!(tail.to_string(), "990\nunfinished");
    write!(tail, " business").unwrap();
    MILLIS.set(1_502);
    assert_eq!(tail.to_string(), "unfinished business");
    MILLIS.set(1_503);
    assert_eq!(tail.to_string(), "");
    assert_eq!(tail.evicted(), 101);
    writeln!(tail, ", done").unwrap();
    assert_eq!(tail.to_string(), "unfinished business, done\n");
}
