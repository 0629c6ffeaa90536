//! Gauges: what the process uses, read at each dump and, if the program asks, every second.
//!
//! The last samples are in memory or, for a recorder that is crash-safe, in the area of the ring file
//! that its owner may use, so that the dump of a process that was killed shows what led there.

use std::collections::VecDeque;

use flightrec_dump::Gauge;
use forklock::ForkMutex;
use procgauge::SAMPLES;

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
        kept.into_iter().chain([procgauge::read()]).collect()
    }

    /// Keeps a sample, instead of the oldest one if there are [`SAMPLES`].
    pub(crate) fn keep(&self, gauge: Gauge) {
        self.kept.with(|kept| {
            if kept.len() == SAMPLES {
                kept.pop_front();
            }
            kept.push_back(gauge);
        });
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_samples_are_kept() {
        let gauges = Gauges::default();
        for number in 0..2 * SAMPLES as u64 {
            let mut gauge = Gauge::default();
            gauge.threads = Some(number);
            gauges.keep(gauge);
        }
        let kept = gauges.of_dump();
        assert_eq!(kept.len(), SAMPLES + 1);
        assert_eq!(kept[0].threads, Some(SAMPLES as u64));
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
