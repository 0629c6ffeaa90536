//! Installs the crash handlers, and prints how long that took.
//!
//! A real program uses a part of a mapped file, which outlives it.

use std::sync::atomic::AtomicU8;
use std::time::Instant;

use stackwalk::crash::{AREA_BYTES, arm};

fn main() {
    let area: Vec<AtomicU8> = (0..AREA_BYTES).map(|_| AtomicU8::new(0)).collect();
    let area = Vec::leak(area);
    let start = Instant::now();
    match install(area) {
        Ok(()) => println!("armed in {:?}", start.elapsed()),
        Err(error) => println!("not armed: {error}"),
    }
}

/// Not inlined, so that a profiler finds it.
#[inline(never)]
fn install(area: &'static [AtomicU8]) -> std::io::Result<()> {
    arm(area)
}
