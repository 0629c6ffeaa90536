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
}
