//! Looking at the rules about memory and silence from time to time.

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use super::limit::Outcome;
use super::polled::{PolledCondition, State};
use super::rule_set::Rules;

/// How often these rules are looked at, unless one about silence is shorter.
const INTERVAL: Duration = Duration::from_secs(1);
const SHORTEST: Duration = Duration::from_millis(10);

/// Looks at the rules about memory and silence, from time to time.
#[derive(Debug)]
pub struct Poller<'a> {
    rules: &'a Rules,
    states: Vec<State>,
    last_record: Instant,
}

impl<'a> Poller<'a> {
    /// Starts to look at rules.
    #[must_use]
    pub fn new(rules: &'a Rules) -> Poller<'a> {
        Poller {
            rules,
            states: rules.polled.iter().map(|_| State::default()).collect(),
            last_record: Instant::now(),
        }
    }

    /// How long to wait before each look: a second, or less if a rule about silence needs it.
    #[must_use]
    pub fn interval(&self) -> Duration {
        let silences = self
            .rules
            .polled
            .iter()
            .filter_map(|rule| match rule.condition {
                PolledCondition::Silence(duration) => {
                    Some((duration / 4).clamp(SHORTEST, INTERVAL))
                }
                PolledCondition::Memory(_) => None,
            });
        silences.min().unwrap_or(INTERVAL)
    }

    /// Looks at the rules, and calls `act` for each that has come true.
    pub fn poll(&mut self, act: impl FnMut(Outcome)) {
        let now = Instant::now();
        if self.rules.has_logged.swap(false, Ordering::Relaxed) {
            self.last_record = now;
        }
        let silent = now.duration_since(self.last_record);
        let rules = self.rules.polled.iter().zip(&mut self.states);
        rules
            .filter_map(|(rule, state)| state.look(rule, now, silent))
            .for_each(act);
    }
}
