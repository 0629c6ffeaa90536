//! The last samples, in memory.

use std::collections::VecDeque;
use std::thread;
use std::time::Duration;

use flightrec_dump::Gauge;
use forklock::ForkMutex;

use super::gauge::read;
use super::samples::SAMPLES;

/// How often [`Gauges::sample`] reads.
const INTERVAL: Duration = Duration::from_secs(1);

/// The last samples of this process; empty if [`Gauges::sample`] is not called.
#[derive(Debug, Default)]
pub struct Gauges(ForkMutex<VecDeque<Gauge>>);

impl Gauges {
    /// Takes a sample every second and never returns. Calls `each` with the number of the sample, from
    /// 0, and the sample.
    pub fn sample(&self, each: impl Fn(u64, &Gauge)) -> ! {
        let mut number = 0;
        loop {
            let gauge = read();
            each(number, &gauge);
            number += 1;
            self.keep(gauge);
            thread::sleep(INTERVAL);
        }
    }

    /// Returns the kept samples and a new one, oldest first.
    #[must_use]
    pub fn with_current(&self) -> Vec<Gauge> {
        let kept = self.0.with(|kept| kept.clone()).unwrap_or_default();
        kept.into_iter().chain([read()]).collect()
    }

    /// Keeps a sample. Removes the oldest one if there are [`SAMPLES`] already.
    fn keep(&self, gauge: Gauge) {
        self.0.with(|kept| {
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
        let kept = gauges.with_current();
        assert_eq!(kept.len(), SAMPLES + 1);
        assert_eq!(kept[0].threads, Some(SAMPLES as u64));
    }
}
