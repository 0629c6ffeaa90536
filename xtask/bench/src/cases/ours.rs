//! Our own recorder, through the macros of `log`.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use log::LevelFilter;

use super::{Values, message};
use crate::floor;
use crate::measure::{Sample, Step, alternate};

fn install() -> flightrec::FlightRecorder {
    let recorder = flightrec::builder("bench")
        .console(LevelFilter::Info)
        .install();
    recorder.expect("a process of its own has no logger yet")
}

/// The floor of the message.
pub(super) fn floor_step() -> Step<impl Fn(u64) + Sync> {
    let values = Values::new();
    Step(move |number| floor::keep(message!(format_args, values, number)))
}

/// The message through `log`.
pub(super) fn log_step() -> Step<impl Fn(u64) + Sync> {
    let values = Values::new();
    Step(move |number| message!(log, values, number))
}

pub(super) fn format_only(threads: usize) -> Sample {
    alternate(&floor_step(), &floor::Format, threads)
}

pub(super) fn record(threads: usize) -> Sample {
    let _recorder = install();
    alternate(&floor_step(), &log_step(), threads)
}

pub(super) fn key_values(threads: usize) -> Sample {
    let _recorder = install();
    let values = Values::new();
    let floor = Step(|number| {
        let key_values = [("request", number), ("attempt", 3), ("bytes", 65_536)];
        floor::keep_with(message!(format_args, values, number), &key_values);
    });
    let case = Step(|number| {
        log::debug!(
            request = number, attempt = 3_u64, bytes = 65_536_u64;
            "read {} of {} bytes from {} in {} us",
            number & 4095, values.total, values.path, values.micros
        );
    });
    alternate(&floor, &case, threads)
}

pub(super) fn no_arguments(threads: usize) -> Sample {
    let _recorder = install();
    let floor = Step(|_| {
        floor::keep(format_args!(
            "the index was read and nothing in it had changed since the last time"
        ))
    });
    let case = Step(|_| {
        log::debug!("the index was read and nothing in it had changed since the last time")
    });
    alternate(&floor, &case, threads)
}

/// Another thread takes snapshots in a loop meanwhile.
pub(super) fn with_snapshots(threads: usize) -> Sample {
    let recorder = install();
    let stop = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            while !stop.load(Ordering::Relaxed) {
                std::hint::black_box(recorder.snapshot());
            }
        });
        let sample = alternate(&floor_step(), &log_step(), threads);
        stop.store(true, Ordering::Relaxed);
        sample
    })
}

pub(super) fn log_off(threads: usize) -> Sample {
    log::set_max_level(LevelFilter::Off);
    alternate(
        &floor_step(),
        &Step(|number| log::trace!("{number}")),
        threads,
    )
}

pub(super) fn trace_off(threads: usize) -> Sample {
    let _recorder = install();
    alternate(
        &floor_step(),
        &Step(|number| log::trace!("{number}")),
        threads,
    )
}
