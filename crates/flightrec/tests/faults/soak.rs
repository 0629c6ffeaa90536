//! A long run with eight threads that record and many dumps: memory and open files do not grow, and the
//! times of records stay correct.

use std::fs;
use std::process::ExitCode;
use std::sync::Barrier;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use super::host::{self, Host};
use super::row::{self, Row};
use super::watch;

const DUMPS: &str = "FLIGHTREC_HOST_DUMPS";
/// The pause between dumps in milliseconds. It is 0 in the short campaign.
const PAUSE: &str = "FLIGHTREC_HOST_PAUSE";

fn number_of(variable: &str) -> u64 {
    std::env::var(variable)
        .expect("a number")
        .parse()
        .expect("a number")
}

/// Returns the resident memory of the process in kilobytes, and the number of its open files.
fn state() -> (u64, usize) {
    let pages = fs::read_to_string("/proc/self/statm").expect("our own size");
    let resident: u64 = pages
        .split(' ')
        .nth(1)
        .expect("pages")
        .parse()
        .expect("a number");
    (
        resident * 4,
        fs::read_dir("/proc/self/fd").expect("open files").count(),
    )
}

pub(crate) fn host(_: &str) -> ExitCode {
    let (wanted, pause) = (number_of(DUMPS), Duration::from_millis(number_of(PAUSE)));
    let host = Host::start(|builder| builder.crash_safe(true));
    let flight = host.flight.as_ref().expect("with the recorder");
    let stop = AtomicBool::new(false);
    let together = Barrier::new(9);
    // The memory of the allocator grows at first.
    let warm = wanted / 4;
    let mut before = (0, 0);
    let mut worst = Duration::ZERO;
    thread::scope(|scope| {
        for thread in 0..8 {
            let (stop, together) = (&stop, &together);
            scope.spawn(move || {
                together.wait();
                for number in 0_u64.. {
                    log::debug!(number, thread; "record {number} of thread {thread}");
                    if number % 1_000 == 0 {
                        log::warn!("a warning of thread {thread}");
                    }
                    if stop.load(Ordering::Relaxed) {
                        break;
                    }
                    if number % 64 == 0 {
                        thread::yield_now();
                    }
                }
            });
        }
        together.wait();
        let begun = Instant::now();
        for number in 0..wanted {
            if number == warm {
                before = state();
            }
            worst = worst.max(drift(flight));
            flight.dump(format!("number {number}")).expect("a dump");
            let next = begun + pause * (number as u32 + 1);
            thread::sleep(next.saturating_duration_since(Instant::now()));
        }
        stop.store(true, Ordering::Relaxed);
    });
    let after = state();
    host::print(&format!(
        "{} {} {} {} {}",
        before.0,
        after.0,
        before.1,
        after.1,
        worst.as_micros()
    ));
    host.close();
    ExitCode::SUCCESS
}

/// Returns the difference between the time of a record and the clock.
fn drift(flight: &flightrec::FlightRecorder) -> Duration {
    let before = SystemTime::now();
    log::warn!("what time is it?");
    let after = SystemTime::now();
    let snapshot = flight.snapshot();
    let record = snapshot
        .latest_logs
        .iter()
        .rfind(|log| log.msg == "what time is it?");
    let Some(record) = record else {
        return Duration::MAX;
    };
    let off = |slack: Duration| {
        record.time.system_time() < before - slack || record.time.system_time() > after + slack
    };
    let mut slack = Duration::from_micros(1);
    while off(slack) && slack < Duration::from_secs(3_600) {
        slack *= 2;
    }
    slack
}

pub(crate) fn soak(row: &mut Row) {
    let dumps = row::tries(20, 600);
    let pause = if row::is_long() { 1_000 } else { 0 };
    row.tries = dumps;
    let dir = tempfile::tempdir().expect("a directory");
    let mut program = watch::host("soak:soak", dir.path(), true);
    program
        .env(DUMPS, dumps.to_string())
        .env(PAUSE, pause.to_string());
    let timeout = Duration::from_secs(120) + Duration::from_millis(dumps * pause) * 2;
    let Some(ended) = watch::run_for(&mut program, timeout) else {
        row.hung("the soak");
        return;
    };
    let numbers = ended
        .stdout
        .split_whitespace()
        .map(|word| word.parse::<u64>());
    let Ok(numbers) = numbers.collect::<Result<Vec<_>, _>>() else {
        row.harmed(format!("{ended:?}"));
        return;
    };
    let [before, after, files_before, files_after, drift] = numbers[..] else {
        row.harmed(format!("{ended:?}"));
        return;
    };
    println!("  {before} to {after} KiB, {files_before} to {files_after} files, {drift} µs off");
    // The memory that an allocator keeps varies.
    if after > before + before / 5 + 2_048 {
        row.harmed(format!("memory grows from {before} to {after} KiB"));
    }
    if files_after > files_before {
        row.harmed(format!("{files_before} open files become {files_after}"));
    }
    // A thread may be interrupted between two reads of the clock.
    if drift > 1_000_000 {
        row.torn(format!("times are off by {drift} µs"));
    }
}
