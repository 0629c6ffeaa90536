//! The floor: format into a reused buffer, read the counter, copy the bytes into a thread's own ring.
//! This is the minimum for keeping a record.

use std::cell::RefCell;
use std::fmt::{self, Write};

use crate::cases::{Values, message};
use crate::measure::Work;

const RING: usize = 256 << 10;

/// Thread-local data.
pub(crate) struct Own {
    buffer: String,
    ring: Vec<u8>,
    at: usize,
}

thread_local! {
    static OWN: RefCell<Own> = RefCell::new(Own::new());
}

impl Own {
    fn new() -> Own {
        Own {
            buffer: String::with_capacity(1024),
            ring: vec![0; RING],
            at: 0,
        }
    }

    #[inline]
    fn keep(&mut self, ticks: u64) {
        let len = self.buffer.len();
        if self.at + 8 + len > RING {
            self.at = 0;
        }
        let place = &mut self.ring[self.at..self.at + 8 + len];
        place[..8].copy_from_slice(&ticks.to_le_bytes());
        place[8..].copy_from_slice(self.buffer.as_bytes());
        self.at += 8 + len;
    }
}

/// Reads the counter without ordering.
#[inline]
fn ticks() -> u64 {
    #[cfg(target_arch = "x86_64")]
    // SAFETY: RDTSC is part of the base architecture.
    return unsafe { std::arch::x86_64::_rdtsc() };
    #[cfg(not(target_arch = "x86_64"))]
    return std::time::UNIX_EPOCH
        .elapsed()
        .map_or(0, |time| time.as_nanos() as u64);
}

/// Reads the counter after all earlier loads, which keeps the records of two threads in order.
#[inline]
fn ordered_ticks() -> u64 {
    #[cfg(target_arch = "x86_64")]
    // SAFETY: LFENCE is part of SSE2, which every x86-64 processor has.
    unsafe {
        std::arch::x86_64::_mm_lfence();
    }
    ticks()
}

/// The floor of a message given as arguments.
#[inline]
pub(crate) fn keep(args: fmt::Arguments<'_>) {
    keep_at(args, ticks);
}

/// The floor with records in order.
#[inline]
pub(crate) fn keep_in_order(args: fmt::Arguments<'_>) {
    keep_at(args, ordered_ticks);
}

#[inline]
fn keep_at(args: fmt::Arguments<'_>, ticks: fn() -> u64) {
    OWN.with_borrow_mut(|own| {
        own.buffer.clear();
        // Writing to a string cannot fail.
        let _ = own.buffer.write_fmt(args);
        own.keep(ticks());
    });
}

/// The floor of a message with key-values, which follow it as text.
#[inline]
pub(crate) fn keep_with(args: fmt::Arguments<'_>, key_values: &[(&str, u64)]) {
    OWN.with_borrow_mut(|own| {
        own.buffer.clear();
        let _ = own.buffer.write_fmt(args);
        for (key, value) in key_values {
            own.buffer.push_str(key);
            own.buffer.push_str(as_text(&value.to_le_bytes()));
        }
        own.keep(ticks());
    });
}

/// Interprets the bytes of a value as text, which costs the same as copying a binary value.
fn as_text(bytes: &[u8; 8]) -> &str {
    std::str::from_utf8(bytes).unwrap_or("12345678")
}

/// Formatting alone.
pub(crate) struct Format;

impl Work for Format {
    type State = (String, Values);
    fn start(&self) -> Self::State {
        (String::with_capacity(1024), Values::new())
    }
    #[inline]
    fn step(&self, (buffer, values): &mut Self::State, number: u64) {
        buffer.clear();
        let _ = buffer.write_fmt(message!(format_args, values, number));
        std::hint::black_box(&*buffer);
    }
}
