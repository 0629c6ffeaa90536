//! Keeping the last 1,000 lines of a stream, against the same work by hand.

use std::io::Write;

use flightrec::tailwriter::TailWriter;

use crate::cases::{Case, ONE};
use crate::measure::{Sample, Work, alternate};

const GROUP: &str = "The last 1,000 lines of a stream";

pub(crate) const CASES: &[Case] = &[
    Case::new(GROUP, "tailwriter, 64 KiB chunks", ONE, chunks),
    Case::new(GROUP, "tailwriter, 80-byte lines", ONE, lines),
    Case::new(GROUP, "tailwriter, byte by byte", ONE, bytes),
];

const CHUNK: usize = 64 << 10;
const LINE: usize = 80;

/// As many 80-byte lines as fit into 64 KiB.
fn text() -> Vec<u8> {
    let mut text = Vec::new();
    while text.len() + LINE <= CHUNK {
        text.extend_from_slice(&[b'x'; LINE - 1]);
        text.push(b'\n');
    }
    text
}

struct ByHand {
    text: Vec<u8>,
    step: fn(&[u8], &mut Vec<u8>, &mut usize),
}

impl Work for ByHand {
    type State = (Vec<u8>, usize);
    fn start(&self) -> Self::State {
        (vec![0; 1 << 20], 0)
    }
    fn step(&self, (ring, at): &mut Self::State, _: u64) {
        (self.step)(&self.text, ring, at);
    }
}

/// The place for the next `len` bytes in a ring.
fn place<'a>(ring: &'a mut [u8], at: &mut usize, len: usize) -> &'a mut [u8] {
    if *at + len > ring.len() {
        *at = 0;
    }
    *at += len;
    &mut ring[*at - len..*at]
}

struct Tail {
    text: Vec<u8>,
    step: fn(&[u8], &mut TailWriter),
}

impl Work for Tail {
    type State = TailWriter;
    fn start(&self) -> TailWriter {
        TailWriter::new(1_000)
    }
    fn step(&self, tail: &mut TailWriter, _: u64) {
        (self.step)(&self.text, tail);
    }
}

/// Writing a chunk, against `memchr` and `memcpy` of it.
fn chunks(threads: usize) -> Sample {
    let floor = ByHand {
        text: text(),
        step: |text, ring, at| {
            std::hint::black_box(memchr::memchr_iter(b'\n', text).count());
            place(ring, at, text.len()).copy_from_slice(text);
        },
    };
    let tail = Tail {
        text: text(),
        step: |text, tail| {
            let _ = tail.write_all(text);
        },
    };
    alternate(&floor, &tail, threads)
}

/// Writing a line, against finding its end and copying it into a ring.
fn lines(threads: usize) -> Sample {
    let floor = ByHand {
        text: text(),
        step: |text, ring, at| {
            for line in text.chunks(LINE) {
                let end = memchr::memchr(b'\n', line).map_or(line.len(), |newline| newline + 1);
                place(ring, at, end).copy_from_slice(&line[..end]);
            }
        },
    };
    let tail = Tail {
        text: text(),
        step: |text, tail| {
            for line in text.chunks(LINE) {
                let _ = tail.write_all(line);
            }
        },
    };
    alternate(&floor, &tail, threads)
}

/// Writing a byte.
fn bytes(threads: usize) -> Sample {
    let floor = ByHand {
        text: text(),
        step: |text, ring, at| {
            for byte in text.chunks(1) {
                std::hint::black_box(memchr::memchr(b'\n', byte));
                place(ring, at, 1).copy_from_slice(byte);
            }
        },
    };
    let tail = Tail {
        text: text(),
        step: |text, tail| {
            for byte in text.chunks(1) {
                let _ = tail.write_all(byte);
            }
        },
    };
    alternate(&floor, &tail, threads)
}
