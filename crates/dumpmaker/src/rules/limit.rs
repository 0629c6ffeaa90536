//! How often a rule may fire, and the outcome of a check.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// A rule may fire `times` times within `per`.
#[derive(Clone, Copy)]
pub(crate) struct Limit {
    pub(crate) times: usize,
    pub(crate) per: Duration,
}

impl Default for Limit {
    fn default() -> Limit {
        Limit {
            times: 3,
            per: Duration::from_secs(3_600),
        }
    }
}

/// The times at which a rule fired, as far back as its limit needs.
#[derive(Debug, Default)]
pub(crate) struct FireTimes(VecDeque<Instant>);

impl FireTimes {
    /// Returns whether the rule may fire now, and counts it if so.
    pub(crate) fn try_fire(&mut self, limit: Limit, now: Instant) -> bool {
        while let Some(first) = self.0.front()
            && now.duration_since(*first) >= limit.per
        {
            self.0.pop_front();
        }
        let may = self.0.len() < limit.times;
        if may {
            self.0.push_back(now);
        }
        may
    }
}

/// The outcome when the condition of a rule is met.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The rule fires, with this message.
    Fires(String),
    /// The rule has reached its limit.
    Suppressed,
}
