//! The clock that puts the lines of all threads in order.
//!
//! It is the processor's counter if that is reliable and the kernel uses it, and the system's
//! monotonic clock otherwise. The counter may restart from zero after some sleep states, and after a
//! virtual machine was restored. The clock notices this by a tick that is not greater than an earlier
//! one. It then adds an offset to the counter, which it computes from the wall clock.

#[cfg(target_arch = "x86_64")]
mod tsc;

use std::time::{Duration, Instant, SystemTime};

use crate::sync::{AtomicU64, ForkMutex, ForkMutexGuard, LockError, Ordering};

/// A clock whose ticks grow across all threads: if one call of [`Clock::tick`] happened before another,
/// it returned less.
pub(crate) struct Clock {
    source: Source,
    /// Added to what the source returns. It grows when the source has jumped back.
    ///
    /// Relaxed, like the floor: a thread that misses a change finds that its tick is too small, and
    /// reads again under the lock of the history.
    offset: AtomicU64,
    /// All ticks that are returned from now on are greater than this.
    floor: AtomicU64,
    start: Anchor,
    history: ForkMutex<History>,
}

#[derive(Debug)]
enum Source {
    /// The processor's counter, where it runs at one rate on all cores.
    #[cfg(target_arch = "x86_64")]
    Tsc,
    /// The system's monotonic clock, made strictly increasing: two threads may read the same time one
    /// after the other if its resolution is coarse. This needs a shared cache line.
    Monotonic { last: AtomicU64 },
    #[cfg(test)]
    Set(std::sync::Arc<AtomicU64>),
}

/// One moment, on three clocks.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Anchor {
    pub(crate) ticks: u64,
    pub(crate) instant: Instant,
    pub(crate) system: SystemTime,
}

/// What is known about the clock's rate.
struct History {
    /// The first moment since the last jump of the source.
    since: Anchor,
    /// The last moment that was measured. `since` and `latest` give the rate.
    latest: Anchor,
    /// The rate before the last jump.
    earlier: Option<Rate>,
}

/// Nanoseconds per tick, measured over `span`.
#[derive(Clone, Copy)]
struct Rate {
    nanos_per_tick: f64,
    span: Duration,
}

/// The longest time that may have passed at a jump. The wall clock may be wrong.
const MAX_GAP: Duration = Duration::from_secs(366 * 24 * 3600);
/// How long the counter is measured if its rate is not known.
const MEASURED: Duration = Duration::from_micros(200);

impl Clock {
    pub(crate) fn new() -> Clock {
        #[cfg(target_arch = "x86_64")]
        if tsc::is_trusted() {
            return Clock::of(Source::Tsc);
        }
        Clock::monotonic()
    }

    fn monotonic() -> Clock {
        Clock::of(Source::Monotonic {
            last: AtomicU64::new(0),
        })
    }

    /// A clock that returns the value stored in `ticks`.
    #[cfg(test)]
    pub(crate) fn set_by(ticks: std::sync::Arc<AtomicU64>) -> Clock {
        Clock::of(Source::Set(ticks))
    }

    fn of(source: Source) -> Clock {
        let mut start = Anchor::new(0);
        start.ticks = source.read(&start);
        Clock {
            source,
            offset: AtomicU64::new(0),
            floor: AtomicU64::new(0),
            history: ForkMutex::new(History {
                since: start,
                latest: start,
                earlier: None,
            }),
            start,
        }
    }

    /// The tick of this moment.
    #[inline(always)]
    pub(crate) fn now(&self) -> u64 {
        // The offset is read first: an outdated one makes the tick too small, which is noticed.
        let offset = self.offset.load(Ordering::Relaxed);
        self.source.read(&self.start).wrapping_add(offset)
    }

    /// A tick of this moment, if it is greater than `last` and than the floor. Otherwise the caller
    /// finds the greatest tick of all threads and calls [`tick_after`](Clock::tick_after) with it.
    #[inline(always)]
    pub(crate) fn tick(&self, last: u64) -> Option<u64> {
        let tick = self.now();
        (tick > last && tick > self.floor.load(Ordering::Relaxed)).then_some(tick)
    }

    /// As [`tick`](Clock::tick), but only for the processor's counter, so that it compiles without a call.
    /// None for other sources.
    #[inline(always)]
    pub(crate) fn counted_tick(&self, last: u64) -> Option<u64> {
        #[cfg(target_arch = "x86_64")]
        if let Source::Tsc = self.source {
            let offset = self.offset.load(Ordering::Relaxed);
            let tick = tsc::ordered().wrapping_add(offset);
            return (tick > last && tick > self.floor.load(Ordering::Relaxed)).then_some(tick);
        }
        let _ = last;
        None
    }

    /// The tick of this moment. No load that follows this call is carried out before it.
    ///
    /// It is greater than `seen`, the greatest tick of everything that was loaded before. A snapshot
    /// needs this order: [`now`](Clock::now) comes after all earlier loads, but the processor may carry
    /// out later loads before it has read the counter.
    pub(crate) fn now_after(&self, seen: u64) -> u64 {
        let now = self.tick_after(seen);
        #[cfg(target_arch = "x86_64")]
        if let Source::Tsc = self.source {
            tsc::wait();
        }
        now
    }

    /// Ensures that no tick up to `tick` is returned from now on.
    pub(crate) fn raise_floor(&self, tick: u64) {
        self.floor.fetch_max(tick, Ordering::Relaxed);
    }

    /// A tick of this moment that is greater than `seen`, the greatest of all threads.
    ///
    /// If the clock is behind `seen`, the source has jumped back, and the offset is raised.
    pub(crate) fn tick_after(&self, seen: u64) -> u64 {
        let seen = seen.max(self.floor.load(Ordering::Relaxed));
        let tick = self.now();
        if tick > seen {
            return tick;
        }
        self.move_on(seen)
    }

    #[cold]
    fn move_on(&self, seen: u64) -> u64 {
        let Some(mut history) = self.history() else {
            return seen.saturating_add(1);
        };
        let now = self.anchor();
        if now.ticks > seen {
            // Another thread has raised the offset already.
            return now.ticks;
        }
        let rate = history.rate().unwrap_or_else(|| self.measure());
        let elapsed = now.system.duration_since(history.since.system);
        let elapsed = elapsed.unwrap_or_default().min(MAX_GAP);
        let expected = history.since.ticks as f64 + nanos(elapsed) / rate.nanos_per_tick;
        let ticks = seen.saturating_add(1).max(expected as u64);
        let since = Anchor { ticks, ..now };
        *history = History {
            since,
            latest: since,
            earlier: Some(rate),
        };
        self.offset
            .fetch_add(ticks.wrapping_sub(now.ticks), Ordering::Relaxed);
        ticks
    }

    /// Measures the rate of the source.
    fn measure(&self) -> Rate {
        let from = self.anchor();
        loop {
            let to = self.anchor();
            if to.instant.duration_since(from.instant) >= MEASURED {
                return Rate::between(&from, &to).unwrap_or(Rate {
                    nanos_per_tick: 1.0,
                    span: Duration::ZERO,
                });
            }
        }
    }

    fn history(&self) -> Option<ForkMutexGuard<'_, History>> {
        match self.history.lock() {
            Ok(history) => Some(history),
            // The history has only numbers: at worst, times are wrong.
            Err(LockError::Orphaned(history)) => Some(history),
            Err(_) => None,
        }
    }

    fn anchor(&self) -> Anchor {
        Anchor::new(self.now())
    }

    /// The moment at which this clock was created.
    #[cfg(feature = "mmap")]
    pub(crate) fn start(&self) -> Anchor {
        self.start
    }

    /// The number that stands for the unit of the ticks in the format of the mapped tail.
    #[cfg(feature = "mmap")]
    pub(crate) fn kind(&self) -> u64 {
        match self.source {
            #[cfg(target_arch = "x86_64")]
            Source::Tsc => 2,
            _ => 1,
        }
    }

    /// Returns a translation of ticks to times.
    pub(crate) fn timeline(&self) -> Timeline {
        let now = self.anchor();
        let mut rate = Rate::between(&self.start, &now);
        if let Some(mut history) = self.history() {
            history.latest = now;
            rate = history.rate();
        }
        Timeline {
            now: now.ticks,
            system: now.system,
            nanos_per_tick: match self.source {
                Source::Monotonic { .. } => 1.0,
                // There may be no other source on this processor.
                #[allow(unreachable_patterns)]
                _ => rate.map_or(1.0, |rate| rate.nanos_per_tick),
            },
            // The monotonic clock may stop while the machine sleeps; the wall clock may be set back.
            elapsed: now.instant.duration_since(self.start.instant).max(
                now.system
                    .duration_since(self.start.system)
                    .unwrap_or_default(),
            ),
        }
    }
}

impl Source {
    #[inline(always)]
    fn read(&self, start: &Anchor) -> u64 {
        match self {
            #[cfg(target_arch = "x86_64")]
            Source::Tsc => tsc::ordered(),
            Source::Monotonic { last } => {
                // Nanoseconds fit for 584 years.
                let nanos = start.instant.elapsed().as_nanos() as u64;
                let mut now = nanos;
                // AcqRel: a thread that reads the tick of an earlier call is ordered after that call.
                let _ = last.fetch_update(Ordering::AcqRel, Ordering::Acquire, |last| {
                    now = nanos.max(last + 1);
                    Some(now)
                });
                now
            }
            #[cfg(test)]
            Source::Set(ticks) => ticks.fetch_add(1, Ordering::AcqRel),
        }
    }
}

impl History {
    /// The best known rate: that since the last jump or that before it, whichever was measured over
    /// the longer time.
    fn rate(&self) -> Option<Rate> {
        let rates = [Rate::between(&self.since, &self.latest), self.earlier];
        let rates = rates.into_iter().flatten();
        rates.max_by_key(|rate| rate.span)
    }
}

impl Rate {
    fn between(from: &Anchor, to: &Anchor) -> Option<Rate> {
        let span = to.instant.checked_duration_since(from.instant)?;
        let ticks = to.ticks.checked_sub(from.ticks)?;
        let nanos_per_tick = nanos(span) / ticks as f64;
        // The quotient is not normal if one of the two is zero.
        nanos_per_tick.is_normal().then_some(Rate {
            nanos_per_tick,
            span,
        })
    }
}

fn nanos(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e9
}

/// Translates ticks to times, from one moment on both clocks ("now") and the rate of the counter.
///
/// The wall clock is read only at that moment. If it was set meanwhile, all earlier times move by the
/// same amount; their order and distances do not change.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Timeline {
    pub(crate) now: u64,
    pub(crate) system: SystemTime,
    pub(crate) nanos_per_tick: f64,
    /// The age of the clock. No line is older, even if the counter has jumped.
    pub(crate) elapsed: Duration,
}

/// For a snapshot without lines.
impl Default for Timeline {
    fn default() -> Self {
        Timeline {
            now: 0,
            system: SystemTime::UNIX_EPOCH,
            nanos_per_tick: 1.0,
            elapsed: Duration::ZERO,
        }
    }
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

    /// Returns the same translation, but moves "now" to `ticks` if that is later.
    #[cfg(feature = "mmap")]
    pub(crate) fn seen_from(self, ticks: u64) -> Timeline {
        Timeline {
            now: self.now.max(ticks),
            system: if ticks > self.now {
                self.time(ticks)
            } else {
                self.system
            },
            elapsed: self
                .elapsed
                .saturating_add(self.duration(ticks.saturating_sub(self.now))),
            ..self
        }
    }

    /// The time from `ticks` to now; zero if `ticks` is later.
    pub(crate) fn age(&self, ticks: u64) -> Duration {
        self.duration(self.now.saturating_sub(ticks))
            .min(self.elapsed)
    }

    /// How long `ticks` take.
    pub(crate) fn duration(&self, ticks: u64) -> Duration {
        let seconds = ticks as f64 * self.nanos_per_tick / 1e9;
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
    use std::sync::Arc;

    use super::*;

    #[test]
    fn the_monotonic_clock_is_strict() {
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

    /// The counter restarts from zero a minute after its start: ticks go on where they should be.
    #[test]
    fn a_jump_back_leaves_no_gap_in_the_time() {
        const SECOND: u64 = 1_000_000_000;
        let ticks = Arc::new(AtomicU64::new(500 * SECOND));
        let mut clock = Clock::set_by(Arc::clone(&ticks));
        let minute = Duration::from_secs(60);
        clock.start.system -= minute;
        if let Some(mut history) = clock.history() {
            // As if it had been created a minute ago, at a rate of one tick per nanosecond.
            history.since.system -= minute;
            history.latest.instant += minute;
            history.latest.ticks += 60 * SECOND;
        }
        let last = 560 * SECOND;
        ticks.store(17, Ordering::Relaxed);
        let tick = clock.tick_after(last);
        assert!(tick > last && tick < last + SECOND / 10, "{tick}");
        assert!(clock.tick_after(tick) > tick);
        let age = clock.timeline().age(500 * SECOND);
        assert!(age.abs_diff(minute) < Duration::from_secs(1), "{age:?}");
        // Forward, and back again.
        ticks.store(10_000 * SECOND, Ordering::Relaxed);
        let ahead = clock.tick_after(tick);
        ticks.store(0, Ordering::Relaxed);
        assert!(clock.tick_after(ahead) > ahead);
    }
}
