//! Gauges: what the process uses, read at each dump and, if the program asks, every second.
//!
//! The last samples are in memory or, for a recorder that is crash-safe, in the area of the ring file
//! that its owner may use, so that the dump of a process that was killed shows what led there.

use std::collections::VecDeque;
use std::fs;
use std::sync::Arc;
#[cfg(feature = "crash-safe")]
use std::sync::atomic::{AtomicU8, Ordering, fence};
use std::thread;
use std::time::Duration;
#[cfg(feature = "crash-safe")]
use std::time::{SystemTime, UNIX_EPOCH};

use flightrec_dump::{Gauge, Timestamp};
use forklock::ForkMutex;

use crate::recorder::Recorder;
use crate::rules::memory;
#[cfg(feature = "crash-safe")]
use crate::tail::Tail;

/// How many samples are kept: of the last two minutes.
const KEPT: usize = 120;
const INTERVAL: Duration = Duration::from_secs(1);

/// The samples of a recorder that is asked for them.
#[derive(Default)]
pub(crate) struct Gauges {
    pub(crate) is_on: bool,
    kept: ForkMutex<VecDeque<Gauge>>,
}

impl Gauges {
    pub(crate) fn new(is_on: bool) -> Gauges {
        Gauges {
            is_on,
            ..Gauges::default()
        }
    }

    /// The kept samples and one of now, oldest first.
    pub(crate) fn of_dump(&self) -> Vec<Gauge> {
        let kept = self.kept.with(|kept| kept.clone()).unwrap_or_default();
        kept.into_iter().chain([read()]).collect()
    }

    fn keep(&self, gauge: Gauge) {
        self.kept.with(|kept| {
            if kept.len() == KEPT {
                kept.pop_front();
            }
            kept.push_back(gauge);
        });
    }
}

/// Starts the thread that reads gauges, if the program asks for them.
pub(crate) fn start(recorder: &Arc<Recorder>) {
    if !recorder.source.gauges.is_on {
        return;
    }
    let its_recorder = Arc::clone(recorder);
    let thread = thread::Builder::new().name("flightrec-gauges".to_owned());
    let started = thread.spawn(move || {
        for number in 0_u64.. {
            let gauge = read();
            #[cfg(feature = "crash-safe")]
            if let Tail::Mapped(rings) = &its_recorder.source.tail {
                write(rings.gauges(), number, &gauge);
            }
            let _ = number;
            its_recorder.source.gauges.keep(gauge);
            thread::sleep(INTERVAL);
        }
    });
    if let Err(error) = started {
        let message = format!("gauges are read at dumps only: {error}");
        recorder.pipeline.notices.say(&message);
    }
}

/// What the process uses now.
pub(crate) fn read() -> Gauge {
    let mut gauge = Gauge::default();
    gauge.time = Timestamp::now();
    if !cfg!(target_os = "linux") {
        return gauge;
    }
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    gauge.resident_bytes = memory::kilobytes(&status, "VmRSS:");
    let threads = status
        .lines()
        .find_map(|line| line.strip_prefix("Threads:"));
    gauge.threads = threads.and_then(|number| number.trim().parse().ok());
    // The directory is open itself while it is read.
    let files = fs::read_dir("/proc/self/fd").ok();
    gauge.open_files = files.map(|files| (files.count() as u64).saturating_sub(1));
    gauge.cpu_ms = cpu_ms();
    if let Some((used, limit)) = memory::of_cgroup() {
        gauge.cgroup_bytes = Some(used);
        gauge.cgroup_limit_bytes = Some(limit);
    }
    gauge.memory_pressure = pressure("memory");
    gauge.cpu_pressure = pressure("cpu");
    gauge.io_pressure = pressure("io");
    gauge
}

/// The times of user and system, which Linux tells in hundredths of a second.
fn cpu_ms() -> Option<u64> {
    let stat = fs::read_to_string("/proc/self/stat").ok()?;
    // The name in parentheses may hold spaces. After it, the times are the 12th and 13th field.
    let (_, rest) = stat.rsplit_once(") ")?;
    let mut fields = rest.split(' ').skip(11);
    let mut time = || fields.next()?.parse::<u64>().ok();
    Some((time()? + time()?) * 10)
}

/// `some avg10=1.23 avg60=…`
fn pressure(of: &str) -> Option<f64> {
    let text = fs::read_to_string(format!("/proc/pressure/{of}")).ok()?;
    let average = text.lines().next()?.strip_prefix("some avg10=")?;
    average.split(' ').next()?.parse().ok()
}

/// What is known of the memory of a process that was killed: `killed at 498.0 of 512.0 MiB`.
#[cfg(feature = "crash-safe")]
pub(crate) fn memory_at_end(gauges: &[Gauge]) -> Option<String> {
    /// From here on, the system may have killed it for its memory.
    const NEAR: f64 = 0.85;
    let last = gauges.last()?;
    let mib = |bytes: u64| bytes as f64 / f64::from(1 << 20);
    match (last.cgroup_bytes, last.cgroup_limit_bytes) {
        (Some(used), Some(limit)) => {
            let near = used as f64 >= NEAR * limit as f64;
            let why = if near {
                " of its memory limit: probably out of memory"
            } else {
                ""
            };
            Some(format!(
                "killed at {:.0} of {:.0} MiB{why}",
                mib(used),
                mib(limit)
            ))
        }
        _ => last
            .resident_bytes
            .map(|used| format!("killed at {:.0} MiB of resident memory", mib(used))),
    }
}

/// Numbers of a sample in the file: its number from 1, the time, and what was read.
#[cfg(feature = "crash-safe")]
const NUMBERS: usize = 11;
#[cfg(feature = "crash-safe")]
const SAMPLE_BYTES: usize = 8 * NUMBERS;
/// How many bytes of the ring file gauges need.
#[cfg(feature = "crash-safe")]
pub(crate) const AREA_BYTES: usize = KEPT * SAMPLE_BYTES;
#[cfg(feature = "crash-safe")]
const NONE: u64 = u64::MAX;

/// Writes a sample over the oldest one. Only one thread may call it.
#[cfg(feature = "crash-safe")]
fn write(area: &[AtomicU8], number: u64, gauge: &Gauge) {
    let place = (number as usize % KEPT) * SAMPLE_BYTES;
    let Some(area) = area.get(place..place + SAMPLE_BYTES) else {
        return;
    };
    let put = |at: usize, number: u64| {
        for (byte, value) in area[8 * at..].iter().zip(number.to_le_bytes()) {
            byte.store(value, Ordering::Relaxed);
        }
    };
    let hundredths = |share: Option<f64>| share.map(|share| (share * 100.0) as u64);
    let since = SystemTime::from(gauge.time).duration_since(UNIX_EPOCH);
    let numbers = [
        Some(since.unwrap_or_default().as_nanos() as u64),
        gauge.resident_bytes,
        gauge.threads,
        gauge.open_files,
        gauge.cpu_ms,
        gauge.cgroup_bytes,
        gauge.cgroup_limit_bytes,
        hundredths(gauge.memory_pressure),
        hundredths(gauge.cpu_pressure),
        hundredths(gauge.io_pressure),
    ];
    // A process that is killed in between leaves a sample that does not count.
    put(0, 0);
    fence(Ordering::SeqCst);
    for (at, number) in numbers.into_iter().enumerate() {
        put(at + 1, number.unwrap_or(NONE));
    }
    fence(Ordering::SeqCst);
    put(0, number + 1);
}

/// The samples in the file of a dead process, oldest first.
#[cfg(feature = "crash-safe")]
pub(crate) fn recovered(area: &[u8]) -> Vec<Gauge> {
    let mut samples: Vec<[u64; NUMBERS]> = area
        .chunks_exact(SAMPLE_BYTES)
        .take(KEPT)
        .map(|sample| {
            let mut numbers = sample.chunks_exact(8).map(|bytes| {
                let bytes: [u8; 8] = bytes.try_into().unwrap_or_default();
                u64::from_le_bytes(bytes)
            });
            std::array::from_fn(|_| numbers.next().unwrap_or(NONE))
        })
        .filter(|numbers: &[u64; NUMBERS]| numbers[0] != 0)
        .collect();
    samples.sort_unstable();
    samples.iter().map(sample).collect()
}

#[cfg(feature = "crash-safe")]
fn sample(numbers: &[u64; NUMBERS]) -> Gauge {
    let known = |at: usize| Some(numbers[at]).filter(|number| *number != NONE);
    let share = |at: usize| known(at).map(|hundredths| hundredths as f64 / 100.0);
    let mut gauge = Gauge::default();
    let since = Duration::from_nanos(known(1).unwrap_or(0));
    gauge.time = UNIX_EPOCH.checked_add(since).unwrap_or(UNIX_EPOCH).into();
    gauge.resident_bytes = known(2);
    gauge.threads = known(3);
    gauge.open_files = known(4);
    gauge.cpu_ms = known(5);
    gauge.cgroup_bytes = known(6);
    gauge.cgroup_limit_bytes = known(7);
    gauge.memory_pressure = share(8);
    gauge.cpu_pressure = share(9);
    gauge.io_pressure = share(10);
    gauge
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(target_os = "linux")]
    #[test]
    fn this_process_has_memory_threads_files_and_processor_time() {
        let gauge = read();
        assert!(gauge.resident_bytes > Some(1 << 20), "{gauge:?}");
        assert!(
            gauge.threads >= Some(1) && gauge.open_files >= Some(3),
            "{gauge:?}"
        );
        assert!(gauge.cpu_ms.is_some(), "{gauge:?}");
    }

    #[test]
    fn the_newest_samples_are_kept() {
        let gauges = Gauges::default();
        for number in 0..2 * KEPT as u64 {
            let mut gauge = Gauge::default();
            gauge.threads = Some(number);
            gauges.keep(gauge);
        }
        let kept = gauges.of_dump();
        assert_eq!(kept.len(), KEPT + 1);
        assert_eq!(kept[0].threads, Some(KEPT as u64));
    }

    #[cfg(feature = "crash-safe")]
    #[test]
    fn samples_in_a_file_come_back_in_order_and_half_written_ones_do_not() {
        let area: Vec<AtomicU8> = (0..AREA_BYTES).map(|_| AtomicU8::new(0)).collect();
        let bytes = || {
            area.iter()
                .map(|byte| byte.load(Ordering::Relaxed))
                .collect::<Vec<_>>()
        };
        assert!(recovered(&bytes()).is_empty());
        let mut gauge = Gauge::default();
        for number in 0..KEPT as u64 + 3 {
            gauge.threads = Some(number);
            gauge.memory_pressure = Some(1.25);
            write(&area, number, &gauge);
        }
        let samples = recovered(&bytes());
        assert_eq!(samples.len(), KEPT);
        assert_eq!(samples[0].threads, Some(3));
        assert_eq!(samples[KEPT - 1].threads, Some(KEPT as u64 + 2));
        assert_eq!(
            (samples[0].memory_pressure, samples[0].cgroup_bytes),
            (Some(1.25), None)
        );
        // As if it had been killed while it wrote the fourth sample.
        area[3 * SAMPLE_BYTES..3 * SAMPLE_BYTES + 8]
            .iter()
            .for_each(|byte| byte.store(0, Ordering::Relaxed));
        assert_eq!(recovered(&bytes()).len(), KEPT - 1);
        assert!(
            recovered(&bytes()[..10]).is_empty(),
            "a file of another version"
        );
    }

    #[cfg(feature = "crash-safe")]
    #[test]
    fn the_end_says_how_much_memory_there_was() {
        let mut gauge = Gauge::default();
        assert_eq!(memory_at_end(&[]), None);
        gauge.resident_bytes = Some(300 << 20);
        let text = memory_at_end(&[gauge.clone()]).unwrap();
        assert_eq!(text, "killed at 300 MiB of resident memory");
        gauge.cgroup_limit_bytes = Some(512 << 20);
        gauge.cgroup_bytes = Some(100 << 20);
        assert_eq!(
            memory_at_end(&[gauge.clone()]).unwrap(),
            "killed at 100 of 512 MiB"
        );
        gauge.cgroup_bytes = Some(498 << 20);
        assert_eq!(
            memory_at_end(&[gauge]).unwrap(),
            "killed at 498 of 512 MiB of its memory limit: probably out of memory"
        );
    }
}
