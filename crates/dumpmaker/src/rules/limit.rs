//! How often a rule may fire, and what becomes of it.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// How often a rule may fire.
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

/// When a rule has fired, as far as its limit asks.
#[derive(Debug, Default)]
pub(crate) struct Fired(VecDeque<Instant>);

impl Fired {
    /// Whether the rule may fire now. If it may, that counts.
    pub(crate) fn may_fire(&mut self, limit: Limit, now: Instant) -> bool {
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

/// What becomes of a rule that has come true.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It makes a dump, with this message.
    Fires(String),
    /// Its limit is used up.
    Suppressed,
}
