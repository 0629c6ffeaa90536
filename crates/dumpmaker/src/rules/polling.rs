//! Checks rules about memory and silence at intervals.

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use super::limit::Outcome;
use super::polled::{PolledCondition, State};
use super::rule_set::Rules;

/// The interval, unless a rule about silence needs a shorter one.
const MAX_INTERVAL: Duration = Duration::from_secs(1);
const MIN_INTERVAL: Duration = Duration::from_millis(10);

/// Checks rules about memory and silence at intervals.
#[derive(Debug)]
pub struct Poller<'a> {
    rules: &'a Rules,
    states: Vec<State>,
    last_record: Instant,
}

impl<'a> Poller<'a> {
    /// Creates a poller. Silence is measured from now.
    #[must_use]
    pub fn new(rules: &'a Rules) -> Poller<'a> {
        Poller {
            rules,
            states: rules
                .polled_rules
                .iter()
                .map(|_| State::default())
                .collect(),
            last_record: Instant::now(),
        }
    }

    /// How long to wait before each [`poll`](Poller::poll): a second, or less if a rule about silence
    /// needs it.
    #[must_use]
    pub fn interval(&self) -> Duration {
        let silences = self
            .rules
            .polled_rules
            .iter()
            .filter_map(|rule| match rule.condition {
                PolledCondition::Silence(duration) => {
                    Some((duration / 4).clamp(MIN_INTERVAL, MAX_INTERVAL))
                }
                PolledCondition::Memory(_) => None,
            });
        silences.min().unwrap_or(MAX_INTERVAL)
    }

    /// Checks the rules, and calls `act` for each whose condition has become true.
    pub fn poll(&mut self, act: impl FnMut(Outcome)) {
        let now = Instant::now();
        if self.rules.has_logged.swap(false, Ordering::Relaxed) {
            self.last_record = now;
        }
        let silent = now.duration_since(self.last_record);
        let rules = self.rules.polled_rules.iter().zip(&mut self.states);
        rules
            .filter_map(|(rule, state)| state.check(rule, now, silent))
            .for_each(act);
    }
}
