//! Stores the last samples as bytes, in memory that outlives the process.

use std::sync::atomic::{AtomicU8, Ordering, fence};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use flightrec_dump::Gauge;

/// The number of samples in an area. At one a second, this is two minutes.
pub const SAMPLES: usize = 120;

/// The number of `u64` values in a sample: its sequence number from 1, the time, and nine readings.
const VALUES: usize = 11;
const SAMPLE_BYTES: usize = 8 * VALUES;
/// The size of an area of samples in bytes.
pub const AREA_BYTES: usize = SAMPLES * SAMPLE_BYTES;
/// Stored instead of an unknown reading.
const NONE: u64 = u64::MAX;

/// Writes a sample over the oldest one. `number` is 0 for the first sample and increases by one each
/// time. `area` must be [`AREA_BYTES`] long and zeroed at first; if it is shorter, samples that do not
/// fit are dropped. Only one thread may write to it.
pub fn write_sample(area: &[AtomicU8], number: u64, gauge: &Gauge) {
    let place = (number as usize % SAMPLES) * SAMPLE_BYTES;
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
    // The sequence number is 0 while the rest is written. If the process dies then, the sample is skipped.
    put(0, 0);
    fence(Ordering::SeqCst);
    for (at, number) in numbers.into_iter().enumerate() {
        put(at + 1, number.unwrap_or(NONE));
    }
    fence(Ordering::SeqCst);
    put(0, number + 1);
}

/// Reads the samples in an area, such as that of a dead process, oldest first.
pub fn read_samples(area: &[u8]) -> Vec<Gauge> {
    let mut samples: Vec<[u64; VALUES]> = area
        .chunks_exact(SAMPLE_BYTES)
        .take(SAMPLES)
        .map(|sample| {
            let mut numbers = sample.chunks_exact(8).map(|bytes| {
                let bytes: [u8; 8] = bytes.try_into().unwrap_or_default();
                u64::from_le_bytes(bytes)
            });
            std::array::from_fn(|_| numbers.next().unwrap_or(NONE))
        })
        .filter(|numbers: &[u64; VALUES]| numbers[0] != 0)
        .collect();
    samples.sort_unstable();
    samples.iter().map(sample).collect()
}

fn sample(numbers: &[u64; VALUES]) -> Gauge {
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

    #[test]
    fn samples_are_read_in_order_without_half_written_ones() {
        let area: Vec<AtomicU8> = (0..AREA_BYTES).map(|_| AtomicU8::new(0)).collect();
        let bytes = || {
            area.iter()
                .map(|byte| byte.load(Ordering::Relaxed))
                .collect::<Vec<_>>()
        };
        assert!(read_samples(&bytes()).is_empty());
        let mut gauge = Gauge::default();
        for number in 0..SAMPLES as u64 + 3 {
            gauge.threads = Some(number);
            gauge.memory_pressure = Some(1.25);
            write_sample(&area, number, &gauge);
        }
        let samples = read_samples(&bytes());
        assert_eq!(samples.len(), SAMPLES);
        assert_eq!(samples[0].threads, Some(3));
        assert_eq!(samples[SAMPLES - 1].threads, Some(SAMPLES as u64 + 2));
        assert_eq!(
            (samples[0].memory_pressure, samples[0].cgroup_bytes),
            (Some(1.25), None)
        );
        // As if the process had been killed while it wrote the fourth sample.
        area[3 * SAMPLE_BYTES..3 * SAMPLE_BYTES + 8]
            .iter()
            .for_each(|byte| byte.store(0, Ordering::Relaxed));
        assert_eq!(read_samples(&bytes()).len(), SAMPLES - 1);
        assert!(
            read_samples(&bytes()[..10]).is_empty(),
            "a file of another version"
        );
    }
}
