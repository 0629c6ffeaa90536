//! The clock that orders what threads commit.

#[cfg(target_arch = "x86_64")]
mod tsc;

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime};

/// Ticks that never run backwards, on any thread: if one call of [`Clock::now`] returned before
/// another began, as far as the threads can tell, it returned less.
#[derive(Debug)]
pub(crate) struct Clock {
    source: Source,
    start: Anchor,
}

#[derive(Debug)]
enum Source {
    /// The processor's counter, where it runs at one rate on all cores.
    #[cfg(target_arch = "x86_64")]
    Tsc,
    /// The system's monotonic clock, made strict: not every system's is finer than a hand-over
    /// between threads. It costs a shared cache line, and is right.
    Monotonic { last: AtomicU64 },
}

/// One moment, on three clocks.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Anchor {
    ticks: u64,
    instant: Instant,
    system: SystemTime,
}

impl Clock {
    pub(crate) fn new() -> Clock {
        #[cfg(target_arch = "x86_64")]
        if tsc::is_invariant() {
            let start = Anchor::new(tsc::ordered());
            return Clock {
                source: Source::Tsc,
                start,
            };
        }
        Clock::monotonic()
    }

    fn monotonic() -> Clock {
        Clock {
            source: Source::Monotonic {
                last: AtomicU64::new(0),
            },
            start: Anchor::new(0),
        }
    }

    #[inline]
    pub(crate) fn now(&self) -> u64 {
        match &self.source {
            #[cfg(target_arch = "x86_64")]
            Source::Tsc => tsc::ordered(),
            Source::Monotonic { last } => {
                // Nanoseconds fit for 584 years.
                let nanos = self.start.instant.elapsed().as_nanos() as u64;
                let mut now = nanos;
                // AcqRel: who sees an earlier call's tick here is ordered behind that call.
                let _ = last.fetch_update(Ordering::AcqRel, Ordering::Acquire, |last| {
                    now = nanos.max(last + 1);
                    Some(now)
                });
                now
            }
        }
    }

    /// This moment, to translate ticks with.
    pub(crate) fn anchor(&self) -> Anchor {
        Anchor::new(self.now())
    }

    /// The wall-clock time of `ticks`, seen from `now`, an anchor of this clock.
    ///
    /// The wall clock is read at `now` alone: were it set meanwhile, earlier times move with it,
    /// and their order and distances stay what they were.
    pub(crate) fn time(&self, ticks: u64, now: &Anchor) -> SystemTime {
        now.system
            .checked_sub(self.age(ticks, now))
            .unwrap_or(SystemTime::UNIX_EPOCH)
    }

    /// How long before `now` it was `ticks`.
    pub(crate) fn age(&self, ticks: u64, now: &Anchor) -> Duration {
        let elapsed_ticks = now.ticks.saturating_sub(self.start.ticks).max(1);
        let elapsed = now.instant.duration_since(self.start.instant);
        let part = now.ticks.saturating_sub(ticks) as f64 / elapsed_ticks as f64;
        elapsed.mul_f64(part.min(1.0))
    }
}

impl Anchor {
    fn new(ticks: u64) -> Anchor {
        Anchor {
            ticks,
            instant: Instant::now(),
            system: SystemTime::now(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fallback_is_strict_too() {
        let clock = Clock::monotonic();
        let mut last = 0;
        for _ in 0..100_000 {
            let now = clock.now();
            assert!(now > last, "{now} after {last}");
            last = now;
        }
    }

    #[test]
    fn ticks_become_times() {
        for clock in [Clock::new(), Clock::monotonic()] {
            let before = SystemTime::now();
            let ticks = clock.now();
            let after = SystemTime::now();
            let now = clock.anchor();
            let time = clock.time(ticks, &now);
            let slack = Duration::from_millis(5);
            assert!(
                time > before - slack && time < after + slack,
                "{before:?} {time:?} {after:?}"
            );
        }
    }
}
