//! Passing a record to sinks that drop it, against a logger that drops it.

use flightrec::logtee::{Tee, from_fn};
use log::{LevelFilter, Log, Metadata, Record};

use super::{Case, ONE, Values};
use crate::measure::{Sample, Step, alternate};

pub(crate) const GROUP: &str = "Fan-out to sinks that drop";

pub(super) const CASES: &[Case] = &[
    Case::new(GROUP, "1 sink drops", ONE, drops::<1>),
    Case::new(GROUP, "4 sinks drop", ONE, drops::<4>),
    Case::new(GROUP, "16 sinks drop", ONE, drops::<16>),
    Case::new(GROUP, "1 sink does not want it", ONE, refuses::<1>),
    Case::new(GROUP, "4 sinks do not want it", ONE, refuses::<4>),
    Case::new(GROUP, "16 sinks do not want it", ONE, refuses::<16>),
];

/// The cases of this group, and how many sinks each has.
pub(crate) fn sinks() -> impl Iterator<Item = (&'static str, f64)> {
    CASES
        .iter()
        .zip([1.0, 4.0, 16.0].into_iter().cycle())
        .map(|(case, sinks)| (case.name, sinks))
}

struct Drops;

impl Log for Drops {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }
    fn log(&self, record: &Record<'_>) {
        std::hint::black_box(record);
    }
    fn flush(&self) {}
}

/// Calls the logger through a pointer that the compiler does not know, as `log` calls its logger.
fn step(logger: &dyn Log) -> Step<impl Fn(u64) + Sync> {
    let logger = std::hint::black_box(logger);
    let values = Values::new();
    Step(move |number| {
        log::debug!(
            logger: logger,
            "read {} of {} bytes from {} in {} us",
            number & 4095, values.total, values.path, values.micros
        );
    })
}

/// Each sink wants DEBUG and does nothing with it.
fn drops<const SINKS: usize>(threads: usize) -> Sample {
    run(SINKS, LevelFilter::Debug, threads)
}

/// Each sink wants only INFO and above.
fn refuses<const SINKS: usize>(threads: usize) -> Sample {
    run(SINKS, LevelFilter::Info, threads)
}

fn run(sinks: usize, filter: LevelFilter, threads: usize) -> Sample {
    let mut tee = Tee::builder();
    for _ in 0..sinks {
        tee = tee.sink(
            filter,
            from_fn(|record| {
                std::hint::black_box(record);
                Ok(())
            }),
        );
    }
    let tee = tee.build();
    log::set_max_level(LevelFilter::Debug);
    alternate(&step(&Drops), &step(&tee), threads)
}
