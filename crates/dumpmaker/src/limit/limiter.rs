//! Limits the rate of dumps.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use flightrec_dump::{Suppressed, Timestamp};

use crate::failures::{Budget, Failure};

/// For how long repeats of a dumped failure are not dumped.
const REPEAT_PERIOD: Duration = Duration::from_secs(60 * 60);
/// How many different failures of one budget are dumped at once.
const BURST: u32 = 10;
/// After a burst, one more failure is dumped per this period.
const REFILL: Duration = Duration::from_secs(30);
/// How many panics at one place are dumped per [`REPEAT_PERIOD`] if their stacks differ. A bug in a
/// parallel loop causes many of them.
const PER_PLACE: usize = 3;
/// How many dumped failures are remembered.
const MAX_REMEMBERED: usize = 256;
/// How many of the first suppressed failures are described, and how many of the last.
const DESCRIBED: usize = 5;

/// Decides which failures are dumped and which are only counted. One failure is dumped once an hour. Of
/// different failures of one [`Budget`], ten are dumped at once, then two a minute.
#[derive(Debug)]
pub(crate) struct RateLimiter {
    /// Oldest first. Few enough for a linear search.
    dumped: Vec<Dumped>,
    budgets: [TokenBucket; 5],
    suppressed: SuppressedFailures,
}

#[derive(Debug)]
struct Dumped {
    key: u64,
    place: Option<u64>,
    path: Option<PathBuf>,
    at: Instant,
}

/// The decision about a failure.
#[derive(Debug, PartialEq)]
pub(crate) enum Decision {
    /// Make a dump. It reports the failures that were suppressed since the last one.
    Dump(SuppressedFailures),
    /// The failure was dumped before, to this file. It was counted.
    Repeated(Option<PathBuf>),
    /// There are too many different failures, or too many panics at one place. The failure was counted.
    TooMany,
}

/// Failures that were only counted.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct SuppressedFailures {
    /// The number of failures.
    pub count: u64,
    /// How many of them were reported by a message.
    reported: u64,
    /// The first and the last of them.
    pub described: Vec<Suppressed>,
}

impl SuppressedFailures {
    fn add(&mut self, failure: &Failure) {
        self.count = self.count.saturating_add(1);
        let same = self
            .described
            .iter_mut()
            .find(|other| other.kind == failure.kind && other.message == failure.message);
        if let Some(same) = same {
            same.count += 1;
            same.at = Timestamp::now();
            return;
        }
        if self.described.len() == 2 * DESCRIBED {
            self.described.remove(DESCRIBED);
        }
        let (kind, message) = (failure.kind.clone(), failure.message.as_str());
        self.described
            .push(Suppressed::new(kind, message, Timestamp::now()));
    }

    fn merge(&mut self, mut earlier: SuppressedFailures) {
        self.count = self.count.saturating_add(earlier.count);
        self.reported = self.reported.saturating_add(earlier.reported);
        earlier.described.append(&mut self.described);
        earlier.described.truncate(2 * DESCRIBED);
        self.described = earlier.described;
    }
}

impl Default for RateLimiter {
    fn default() -> RateLimiter {
        RateLimiter::new()
    }
}

impl RateLimiter {
    /// Creates a limiter.
    #[must_use]
    pub(crate) fn new() -> RateLimiter {
        RateLimiter {
            dumped: Vec::new(),
            budgets: [TokenBucket::new(); 5],
            suppressed: SuppressedFailures::default(),
        }
    }

    /// Decides about a failure. If it ends the process, it always has a dump: a new one, or an earlier
    /// one of the same failure.
    pub(crate) fn decide(&mut self, failure: &Failure) -> Decision {
        self.decide_at(failure, Instant::now())
    }

    fn decide_at(&mut self, failure: &Failure, now: Instant) -> Decision {
        if let Some(key) = failure.key {
            let earlier = self.dumped.iter().find(|dumped| dumped.key == key);
            if let Some(earlier) = earlier
                && now.duration_since(earlier.at) < REPEAT_PERIOD
            {
                // If the process ends, a dump that is not written yet may never be.
                let exists = earlier.path.as_deref().is_some_and(Path::exists);
                if exists || !failure.ends_process {
                    let path = earlier.path.clone();
                    self.suppressed.add(failure);
                    return Decision::Repeated(path);
                }
            }
            let has_room = !self.is_full(failure.place, now)
                && self.budgets[failure.budget as usize].take(now);
            if !has_room && !failure.ends_process {
                self.suppressed.add(failure);
                return Decision::TooMany;
            }
            // Before the dump is written, because another thread may fail in the same way meanwhile.
            self.remember(key, failure.place, now);
        }
        Decision::Dump(std::mem::take(&mut self.suppressed))
    }

    /// Notes that the dump of a failure was written to this file.
    pub(crate) fn written(&mut self, failure: &Failure, path: Option<&Path>) {
        let dumped = self.dumped.iter_mut();
        if let Some(dumped) = dumped
            .into_iter()
            .find(|dumped| Some(dumped.key) == failure.key)
        {
            dumped.path = path.map(Path::to_owned);
        }
    }

    /// Notes that a dump failed. The next dump reports its failure, and the failures that the dump would
    /// have reported.
    pub(crate) fn failed(&mut self, failure: &Failure, reported: SuppressedFailures) {
        self.dumped.retain(|dumped| Some(dumped.key) != failure.key);
        self.suppressed.merge(reported);
        self.suppressed.add(failure);
        self.suppressed.reported = self.suppressed.reported.saturating_add(1);
    }

    /// Counts a failure without describing it.
    pub(crate) fn count(&mut self) {
        self.suppressed.count = self.suppressed.count.saturating_add(1);
    }

    /// Counts a failure that a message reports.
    pub(crate) fn count_reported(&mut self) {
        self.count();
        self.suppressed.reported = self.suppressed.reported.saturating_add(1);
    }

    /// Returns the number of failures that neither a dump nor a message has reported, and resets it.
    pub(crate) fn take_unreported(&mut self) -> u64 {
        let unreported = std::mem::take(&mut self.suppressed);
        unreported.count.saturating_sub(unreported.reported)
    }

    fn remember(&mut self, key: u64, place: Option<u64>, at: Instant) {
        self.dumped.retain(|dumped| dumped.key != key);
        if self.dumped.len() >= MAX_REMEMBERED {
            self.dumped.remove(0);
        }
        let path = None;
        self.dumped.push(Dumped {
            key,
            place,
            path,
            at,
        });
    }

    /// Whether enough panics at that place were dumped.
    fn is_full(&self, place: Option<u64>, now: Instant) -> bool {
        let is_here = |dumped: &&Dumped| {
            dumped.place == place && now.duration_since(dumped.at) < REPEAT_PERIOD
        };
        place.is_some() && self.dumped.iter().filter(is_here).count() >= PER_PLACE
    }
}

#[derive(Clone, Copy, Debug)]
struct TokenBucket {
    left: u32,
    refilled: Option<Instant>,
}

impl TokenBucket {
    const fn new() -> TokenBucket {
        TokenBucket {
            left: BURST,
            refilled: None,
        }
    }

    fn take(&mut self, now: Instant) -> bool {
        let refilled = *self.refilled.get_or_insert(now);
        let periods = now.duration_since(refilled).as_nanos() / REFILL.as_nanos();
        // If the number does not fit, the bucket is full.
        let periods = u32::try_from(periods).unwrap_or(BURST);
        if periods > 0 {
            self.left = self.left.saturating_add(periods).min(BURST);
            self.refilled = Some(refilled + REFILL * periods);
        }
        let taken = self.left.checked_sub(1);
        self.left = taken.unwrap_or(0);
        taken.is_some()
    }
}

const _: () = assert!(
    Budget::Hangs as usize == 4,
    "there is a bucket for each budget"
);

#[cfg(test)]
mod tests {
    use super::*;

    fn failure(key: u64) -> Failure {
        Failure {
            key: Some(key),
            budget: Budget::Errors,
            message: format!("failure {key}"),
            ..Failure::manual("test".to_owned())
        }
    }

    fn is_dump(decision: &Decision, suppressed: u64) -> bool {
        matches!(decision, Decision::Dump(others) if others.count == suppressed)
    }

    #[test]
    fn a_failure_that_a_message_reported_is_not_reported_again() {
        let mut limiter = RateLimiter::new();
        limiter.count_reported();
        limiter.count();
        assert_eq!(limiter.take_unreported(), 1);
        limiter.count_reported();
        assert!(is_dump(&limiter.decide(&failure(7)), 1), "a dump counts it");
    }

    #[test]
    fn a_failure_is_dumped_once_an_hour() {
        let mut limiter = RateLimiter::new();
        let start = Instant::now();
        assert!(is_dump(&limiter.decide_at(&failure(7), start), 0));
        limiter.written(&failure(7), Some(Path::new("there")));
        for _ in 0..100_000 {
            assert_eq!(
                limiter.decide_at(&failure(7), start + REPEAT_PERIOD / 2),
                Decision::Repeated(Some("there".into()))
            );
        }
        let next = limiter.decide_at(&failure(8), start + REPEAT_PERIOD / 2);
        let Decision::Dump(suppressed) = next else {
            panic!("{next:?}");
        };
        assert_eq!((suppressed.count, suppressed.described.len()), (100_000, 1));
        assert_eq!(suppressed.described[0].count, 100_000);
        assert!(is_dump(
            &limiter.decide_at(&failure(7), start + REPEAT_PERIOD),
            0
        ));
    }

    #[test]
    fn panics_at_one_place_with_different_stacks_make_three_dumps() {
        let mut limiter = RateLimiter::new();
        let now = Instant::now();
        let at_place = |key| Failure {
            place: Some(5),
            ..failure(key)
        };
        for key in 0..PER_PLACE as u64 {
            assert!(is_dump(&limiter.decide_at(&at_place(key), now), 0));
        }
        assert_eq!(limiter.decide_at(&at_place(7), now), Decision::TooMany);
        let elsewhere = Failure {
            place: Some(6),
            ..failure(8)
        };
        assert!(is_dump(&limiter.decide_at(&elsewhere, now), 1));
        let last = Failure {
            ends_process: true,
            ..at_place(9)
        };
        assert!(is_dump(&limiter.decide_at(&last, now), 0));
        assert!(is_dump(
            &limiter.decide_at(&at_place(10), now + REPEAT_PERIOD),
            0
        ));
    }

    #[test]
    fn different_failures_have_a_rate_and_bounded_memory() {
        let mut limiter = RateLimiter::new();
        let start = Instant::now();
        let mut dumped = 0;
        for key in 0..100_000 {
            dumped += u32::from(is_dump(&limiter.decide_at(&failure(key), start), 0));
        }
        assert_eq!(dumped, BURST);
        let later = limiter.decide_at(&failure(200_000), start + REFILL);
        let Decision::Dump(suppressed) = later else {
            panic!("{later:?}");
        };
        assert_eq!(suppressed.count, 100_000 - u64::from(BURST));
        let messages = suppressed
            .described
            .iter()
            .map(|other| other.message.as_str());
        let messages: Vec<_> = messages.collect();
        assert_eq!(messages.first(), Some(&"failure 10"));
        assert_eq!(messages.last(), Some(&"failure 99999"));
        assert_eq!(messages.len(), 2 * DESCRIBED);
        assert_eq!(
            limiter.decide_at(&failure(200_001), start + REFILL),
            Decision::TooMany
        );
        for n in 0..1_000 {
            limiter.decide_at(&failure(300_000 + n), start + REFILL * (2 + n as u32));
        }
        assert!(limiter.dumped.len() <= MAX_REMEMBERED);
    }

    #[test]
    fn a_failure_that_ends_the_process_is_always_dumped() {
        let mut limiter = RateLimiter::new();
        let now = Instant::now();
        for key in 0..100 {
            limiter.decide_at(&failure(key), now);
        }
        let last = Failure {
            ends_process: true,
            ..failure(1_000)
        };
        assert!(is_dump(&limiter.decide_at(&last, now), 90));
        // Its dump is not written yet, or was removed.
        assert!(is_dump(&limiter.decide_at(&last, now), 0));
    }

    #[test]
    fn budgets_are_separate() {
        let mut limiter = RateLimiter::new();
        let now = Instant::now();
        for key in 0..100 {
            let panic = Failure {
                budget: Budget::OtherPanics,
                ..failure(key)
            };
            limiter.decide_at(&panic, now);
        }
        assert!(is_dump(&limiter.decide_at(&failure(1_000), now), 90));
    }

    #[test]
    fn a_failure_whose_dump_could_not_be_written_is_counted_and_dumped_again() {
        let mut limiter = RateLimiter::new();
        for failed in 0..5 {
            let decision = limiter.decide(&failure(7));
            let Decision::Dump(reported) = decision else {
                panic!("{decision:?}");
            };
            assert_eq!(reported.count, failed);
            limiter.failed(&failure(7), reported);
        }
        assert_eq!(
            limiter.take_unreported(),
            0,
            "each was reported when it failed"
        );
        limiter.count();
        assert_eq!(limiter.take_unreported(), 1);
        assert_eq!(limiter.take_unreported(), 0);
    }

    #[test]
    fn a_failure_without_a_key_is_always_dumped() {
        let mut limiter = RateLimiter::new();
        for _ in 0..100 {
            let asked = Failure::manual("asked".to_owned());
            assert!(is_dump(&limiter.decide(&asked), 0));
        }
    }
}
