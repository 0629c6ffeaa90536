//! Our own recorder, through the macros of `log`.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use log::LevelFilter;

use super::{BOTH, Case, ONE, Values, message};
use crate::floor;
use crate::measure::{Sample, Step, alternate};

pub(crate) const GROUP: &str = "Keeping one DEBUG record that the console at INFO drops";
const UNWANTED: &str = "A record that no sink wants";

pub(super) const RECORDING: &[Case] = &[
    Case::new(GROUP, "format only", BOTH, format_only),
    Case::new(GROUP, "the floor, in order", BOTH, in_order),
    Case::new(GROUP, "flightrec", BOTH, record),
    Case::new(GROUP, "flightrec, key-values", BOTH, key_values),
    Case::new(
        GROUP,
        "the floor, in order, no arguments",
        BOTH,
        bare_in_order,
    ),
    Case::new(GROUP, "flightrec, no arguments", BOTH, no_arguments),
    Case::new(GROUP, "flightrec, crash-safe", BOTH, crash_safe),
    Case::new(GROUP, "flightrec, crash-safe, strict", ONE, strict),
    Case::new(
        GROUP,
        "flightrec while snapshots are taken",
        ONE,
        with_snapshots,
    ),
];

pub(super) const OFF: &[Case] = &[
    Case::new(UNWANTED, "log itself, off", ONE, log_off),
    Case::new(UNWANTED, "flightrec, TRACE off", ONE, trace_off),
];

pub(super) fn install() -> flightrec::FlightRecorder {
    let recorder = flightrec::builder("bench")
        .console(LevelFilter::Info)
        .install();
    recorder.expect("this process has no logger yet")
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

fn format_only(threads: usize) -> Sample {
    alternate(&floor_step(), &floor::Format, threads)
}

fn record(threads: usize) -> Sample {
    let _recorder = install();
    alternate(&floor_step(), &log_step(), threads)
}

fn key_values(threads: usize) -> Sample {
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

/// A message without arguments.
macro_rules! bare {
    () => {
        "the index was read and nothing in it had changed since the last time"
    };
}

fn no_arguments(threads: usize) -> Sample {
    let _recorder = install();
    let floor = Step(|_| floor::keep(format_args!(bare!())));
    let case = Step(|_| log::debug!(bare!()));
    alternate(&floor, &case, threads)
}

/// The floor, with the order of records guaranteed.
fn in_order(threads: usize) -> Sample {
    let values = Values::new();
    let case = Step(|number| floor::keep_in_order(message!(format_args, values, number)));
    alternate(&floor_step(), &case, threads)
}

fn bare_in_order(threads: usize) -> Sample {
    let floor = Step(|_| floor::keep(format_args!(bare!())));
    let case = Step(|_| floor::keep_in_order(format_args!(bare!())));
    alternate(&floor, &case, threads)
}

/// Keeps the records in a mapped file.
fn crash_safe(threads: usize) -> Sample {
    mapped(threads, |builder| builder.crash_safe(true))
}

/// Also masks secrets in each text first.
fn strict(threads: usize) -> Sample {
    mapped(threads, |builder| {
        builder.crash_safety(flightrec::CrashSafety::Strict)
    })
}

fn mapped(threads: usize, how: fn(flightrec::Builder) -> flightrec::Builder) -> Sample {
    let dir = tempfile::tempdir().expect("a directory for the mapped file");
    let builder = flightrec::builder("bench")
        .console(LevelFilter::Info)
        .dir(dir.path());
    let recorder = how(builder).install();
    let _recorder = recorder.expect("this process has no logger yet");
    alternate(&floor_step(), &log_step(), threads)
}

fn with_snapshots(threads: usize) -> Sample {
    let recorder = install();
    while_snapshots_are_taken(&recorder, || alternate(&floor_step(), &log_step(), threads))
}

/// Measures while another thread takes snapshots in a loop.
pub(super) fn while_snapshots_are_taken<T>(
    recorder: &flightrec::FlightRecorder,
    run: impl FnOnce() -> T,
) -> T {
    let stop = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            while !stop.load(Ordering::Relaxed) {
                std::hint::black_box(recorder.snapshot());
            }
        });
        let result = run();
        stop.store(true, Ordering::Relaxed);
        result
    })
}

fn log_off(threads: usize) -> Sample {
    log::set_max_level(LevelFilter::Off);
    alternate(
        &floor_step(),
        &Step(|number| log::trace!("{number}")),
        threads,
    )
}

fn trace_off(threads: usize) -> Sample {
    let _recorder = install();
    alternate(
        &floor_step(),
        &Step(|number| log::trace!("{number}")),
        threads,
    )
}
