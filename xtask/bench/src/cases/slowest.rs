//! The slowest of a million records: how long a thread may have to wait.

use std::time::Instant;

use super::ours::{floor_step, install, log_step, while_snapshots_are_taken};
use super::{Case, ONE};
use crate::measure::{Sample, Work};

const GROUP: &str = "The slowest of a million records, including pauses of the machine";
const RECORDS: u64 = 1_000_000;

pub(super) const CASES: &[Case] = &[
    Case::new(GROUP, "flightrec, slowest", ONE, alone),
    Case::new(GROUP, "slowest while snapshots are taken", ONE, snapshots),
];

fn slowest(work: &impl Work) -> f64 {
    let mut state = work.start();
    // The first records set up thread-local data.
    (0..1_000).for_each(|number| work.step(&mut state, number));
    let mut slowest = 0;
    let mut last = Instant::now();
    for number in 0..RECORDS {
        work.step(&mut state, number);
        let now = Instant::now();
        slowest = slowest.max((now - last).as_nanos());
        last = now;
    }
    slowest as f64
}

fn both() -> Sample {
    Sample {
        floor: slowest(&floor_step()),
        case: slowest(&log_step()),
    }
}

fn alone(_: usize) -> Sample {
    let _recorder = install();
    both()
}

fn snapshots(_: usize) -> Sample {
    let recorder = install();
    while_snapshots_are_taken(&recorder, both)
}
