//! Rules about what no record tells: memory, and silence.

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use crate::limit::{Fired, Limit};
use crate::rule::PolledCondition;
use crate::rules::{Outcome, Rules};
use crate::text;

/// How often these rules are looked at, unless one about silence is shorter.
const INTERVAL: Duration = Duration::from_secs(1);
const SHORTEST: Duration = Duration::from_millis(10);

pub(crate) struct PolledRule {
    pub(crate) name: String,
    pub(crate) condition: PolledCondition,
    pub(crate) limit: Limit,
}

/// Looks at the rules about memory and silence, from time to time.
#[derive(Debug)]
pub struct Poller<'a> {
    rules: &'a Rules,
    states: Vec<State>,
    last_record: Instant,
}

impl<'a> Poller<'a> {
    pub(crate) fn new(rules: &'a Rules) -> Poller<'a> {
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

#[derive(Debug, Default)]
struct State {
    /// The rule has come true, and has not been false since.
    is_true: bool,
    fired: Fired,
}

impl State {
    fn look(&mut self, rule: &PolledRule, now: Instant, silent: Duration) -> Option<Outcome> {
        let detail = match rule.condition {
            PolledCondition::Memory(limit) => limit.look().and_then(|(used, limit)| {
                (used > limit).then(|| format!("{} are used", text::size(used)))
            }),
            PolledCondition::Silence(limit) => {
                (silent >= limit).then(|| format!("no record for {:.1} s", silent.as_secs_f64()))
            }
        };
        self.change(detail.is_some(), rule.limit, now)
            .map(|fires| match (fires, detail) {
                (true, Some(detail)) => Outcome::Fires(format!("rule {}: {detail}", rule.name)),
                _ => Outcome::Suppressed,
            })
    }

    /// Whether the rule fires, if it has just come true.
    fn change(&mut self, is_true: bool, limit: Limit, now: Instant) -> Option<bool> {
        let has_come_true = is_true && !self.is_true;
        self.is_true = is_true;
        has_come_true.then(|| self.fired.may_fire(limit, now))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rule_fires_once_until_it_was_false() {
        let limit = Limit {
            times: 2,
            per: Duration::from_secs(60),
        };
        let mut state = State::default();
        let now = Instant::now();
        let fires =
            [true, true, false, true, false, true].map(|is_true| state.change(is_true, limit, now));
        let expected = [Some(true), None, None, Some(true), None, Some(false)];
        assert_eq!(fires, expected);
    }
}
