//! The clock that orders what threads commit.

#[cfg(target_arch = "x86_64")]
mod tsc;

use std::time::{Duration, Instant, SystemTime};

use crate::sync::{AtomicU64, Ordering};

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
    pub(crate) ticks: u64,
    pub(crate) instant: Instant,
    pub(crate) system: SystemTime,
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

    /// The same, and whatever is loaded after this call is loaded after that moment.
    ///
    /// It is for who looks at what others have done up to then: [`now`](Clock::now) is behind all
    /// loads before it, and the processor may carry out later ones before it has read the counter.
    pub(crate) fn now_before_loads(&self) -> u64 {
        let now = self.now();
        #[cfg(target_arch = "x86_64")]
        if let Source::Tsc = self.source {
            tsc::wait();
        }
        now
    }

    /// This moment.
    pub(crate) fn anchor(&self) -> Anchor {
        Anchor::new(self.now())
    }

    /// The moment that this clock was made at.
    #[cfg(feature = "mmap")]
    pub(crate) fn start(&self) -> Anchor {
        self.start
    }

    /// A number for what its ticks are, which the format of the mapped tail names.
    #[cfg(feature = "mmap")]
    pub(crate) fn kind(&self) -> u64 {
        match self.source {
            Source::Monotonic { .. } => 1,
            #[cfg(target_arch = "x86_64")]
            Source::Tsc => 2,
        }
    }

    /// What ticks mean, as seen from this moment.
    pub(crate) fn timeline(&self) -> Timeline {
        let now = self.anchor();
        Timeline {
            start: self.start.ticks,
            now: now.ticks,
            elapsed: now.instant.duration_since(self.start.instant),
            system: now.system,
        }
    }
}

/// Translates ticks: two moments on the counter, the time between them, and the wall clock at the
/// later one, which is called now.
///
/// The wall clock is read at that one alone: were it set meanwhile, earlier times move with it, and
/// their order and distances stay what they were.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Timeline {
    pub(crate) start: u64,
    pub(crate) now: u64,
    pub(crate) elapsed: Duration,
    pub(crate) system: SystemTime,
}

impl Timeline {
    /// The wall-clock time of `ticks`.
    pub(crate) fn time(&self, ticks: u64) -> SystemTime {
        let later = self.duration(ticks.saturating_sub(self.now));
        self.system
            .checked_sub(self.age(ticks))
            .and_then(|time| time.checked_add(later))
            .unwrap_or(SystemTime::UNIX_EPOCH)
    }

    /// The same, with `ticks` for now if that is later.
    #[cfg(feature = "mmap")]
    pub(crate) fn seen_from(self, ticks: u64) -> Timeline {
        if ticks <= self.now {
            return self;
        }
        let later = self.duration(ticks - self.now);
        Timeline {
            now: ticks,
            elapsed: self.elapsed.saturating_add(later),
            system: self.time(ticks),
            ..self
        }
    }

    /// How long before now it was `ticks`; zero if it was later.
    pub(crate) fn age(&self, ticks: u64) -> Duration {
        self.duration(self.now.saturating_sub(ticks))
            .min(self.elapsed)
    }

    fn duration(&self, ticks: u64) -> Duration {
        let all = self.now.saturating_sub(self.start).max(1);
        let seconds = self.elapsed.as_secs_f64() * (ticks as f64 / all as f64);
        Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX)
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
            let time = clock.timeline().time(ticks);
            let slack = Duration::from_millis(5);
            assert!(
                time > before - slack && time < after + slack,
                "{before:?} {time:?} {after:?}"
            );
        }
    }
}
