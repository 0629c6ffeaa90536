//! Rules about what no record tells: memory, and silence.

use std::time::{Duration, Instant};

use super::limit::{Fired, Limit, Outcome};
use super::memory_limit::MemoryLimit;
use super::text;

/// A condition on what no record tells.
#[derive(Clone, Copy)]
pub(crate) enum PolledCondition {
    Memory(MemoryLimit),
    Silence(Duration),
}

pub(crate) struct PolledRule {
    pub(crate) name: String,
    pub(crate) condition: PolledCondition,
    pub(crate) limit: Limit,
}

/// What is known of a rule between two looks.
#[derive(Debug, Default)]
pub(crate) struct State {
    /// The rule has come true, and has not been false since.
    is_true: bool,
    fired: Fired,
}

impl State {
    pub(crate) fn look(
        &mut self,
        rule: &PolledRule,
        now: Instant,
        silent: Duration,
    ) -> Option<Outcome> {
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
