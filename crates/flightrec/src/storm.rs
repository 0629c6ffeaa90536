//! Keeping a storm of failures from becoming a storm of dumps.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// A failure that was dumped is not dumped again for so long.
const SAME_FOR: Duration = Duration::from_secs(60 * 60);
/// So many different failures are dumped in a row …
const BURST: u32 = 10;
/// … and one more each time this has passed.
const REFILL: Duration = Duration::from_secs(30);
/// So many different failures are remembered.
const REMEMBERED: usize = 256;

pub(crate) struct Storm {
    /// Few enough to be looked through one by one.
    seen: Vec<Seen>,
    tokens: u32,
    refilled: Instant,
    suppressed: u64,
}

struct Seen {
    key: u64,
    path: PathBuf,
    at: Instant,
}

#[derive(Debug, PartialEq)]
pub(crate) enum Verdict {
    /// `suppressed` failures had no dump since the last.
    Dump {
        suppressed: u64,
    },
    /// It was dumped before, there.
    Same(PathBuf),
    TooMany,
}

impl Storm {
    pub(crate) fn new() -> Storm {
        Storm {
            seen: Vec::new(),
            tokens: BURST,
            refilled: Instant::now(),
            suppressed: 0,
        }
    }

    /// What to do with a failure of that key; one without a key was asked for and always dumped.
    pub(crate) fn verdict(&mut self, key: Option<u64>) -> Verdict {
        self.verdict_at(key, Instant::now())
    }

    fn verdict_at(&mut self, key: Option<u64>, now: Instant) -> Verdict {
        if let Some(key) = key {
            if let Some(seen) = self.seen.iter().find(|seen| seen.key == key)
                && now.duration_since(seen.at) < SAME_FOR
            {
                self.suppressed += 1;
                return Verdict::Same(seen.path.clone());
            }
            if !self.take_token(now) {
                self.suppressed += 1;
                return Verdict::TooMany;
            }
            // From now on, should another thread fail in the same way before this dump is written.
            self.see(key, PathBuf::new(), now);
        }
        Verdict::Dump {
            suppressed: std::mem::take(&mut self.suppressed),
        }
    }

    pub(crate) fn remember(&mut self, key: Option<u64>, path: &Path) {
        if let Some(seen) = self.seen.iter_mut().find(|seen| Some(seen.key) == key) {
            seen.path = path.to_owned();
        }
    }

    /// The dump that was allowed is not there: that failure, and the `suppressed` ones which it would
    /// have told of, are for the next dump to tell of.
    pub(crate) fn failed(&mut self, key: Option<u64>, suppressed: u64) {
        self.seen.retain(|seen| Some(seen.key) != key);
        self.suppressed = self.suppressed.saturating_add(suppressed).saturating_add(1);
    }

    fn see(&mut self, key: u64, path: PathBuf, at: Instant) {
        self.seen.retain(|seen| seen.key != key);
        // The oldest comes first.
        if self.seen.len() >= REMEMBERED {
            self.seen.remove(0);
        }
        self.seen.push(Seen { key, path, at });
    }

    fn take_token(&mut self, now: Instant) -> bool {
        let periods = now.duration_since(self.refilled).as_nanos() / REFILL.as_nanos();
        // More periods than fit have filled it long ago.
        let periods = u32::try_from(periods).unwrap_or(BURST);
        if periods > 0 {
            self.tokens = self.tokens.saturating_add(periods).min(BURST);
            self.refilled += REFILL * periods;
        }
        let taken = self.tokens.checked_sub(1);
        self.tokens = taken.unwrap_or(0);
        taken.is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_failure_is_dumped_once_an_hour() {
        let mut storm = Storm::new();
        let start = Instant::now();
        assert_eq!(
            storm.verdict_at(Some(7), start),
            Verdict::Dump { suppressed: 0 }
        );
        storm.remember(Some(7), Path::new("there"));
        for _ in 0..100_000 {
            assert_eq!(
                storm.verdict_at(Some(7), start + SAME_FOR / 2),
                Verdict::Same("there".into())
            );
        }
        assert_eq!(
            storm.verdict_at(Some(8), start + SAME_FOR / 2),
            Verdict::Dump {
                suppressed: 100_000
            }
        );
        assert_eq!(
            storm.verdict_at(Some(7), start + SAME_FOR),
            Verdict::Dump { suppressed: 0 }
        );
    }

    #[test]
    fn different_failures_have_a_rate_and_little_memory() {
        let mut storm = Storm::new();
        let start = storm.refilled;
        let mut dumped = 0;
        for key in 0..100_000 {
            dumped +=
                u32::from(storm.verdict_at(Some(key), start) == Verdict::Dump { suppressed: 0 });
        }
        assert_eq!(dumped, BURST);
        let later = storm.verdict_at(Some(200_000), start + REFILL);
        assert_eq!(
            later,
            Verdict::Dump {
                suppressed: 100_000 - u64::from(BURST)
            }
        );
        assert_eq!(
            storm.verdict_at(Some(200_001), start + REFILL),
            Verdict::TooMany
        );
        for n in 0..1_000 {
            storm.verdict_at(Some(300_000 + n), start + REFILL * (2 + n as u32));
        }
        assert!(storm.seen.len() <= REMEMBERED);
    }

    #[test]
    fn a_dump_that_could_not_be_written_is_tried_again_and_counted() {
        let mut storm = Storm::new();
        for failed in 0..5 {
            let verdict = storm.verdict(Some(7));
            assert_eq!(verdict, Verdict::Dump { suppressed: failed });
            storm.failed(Some(7), failed);
        }
        assert_eq!(storm.verdict(None), Verdict::Dump { suppressed: 5 });
    }

    #[test]
    fn what_was_asked_for_is_always_dumped() {
        let mut storm = Storm::new();
        for _ in 0..100 {
            assert_eq!(storm.verdict(None), Verdict::Dump { suppressed: 0 });
        }
    }
}
