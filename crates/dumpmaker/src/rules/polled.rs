//! Rules that must be polled: memory and silence.

use std::time::{Duration, Instant};

use super::limit::{FireTimes, Limit, Outcome};
use super::memory_limit::MemoryLimit;
use super::text;

/// A condition that must be polled.
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

/// The state of a rule between two checks.
#[derive(Debug, Default)]
pub(crate) struct State {
    /// Whether the condition was true at the last check.
    is_true: bool,
    fired: FireTimes,
}

impl State {
    pub(crate) fn check(
        &mut self,
        rule: &PolledRule,
        now: Instant,
        silent: Duration,
    ) -> Option<Outcome> {
        let detail = match rule.condition {
            PolledCondition::Memory(limit) => limit.read().and_then(|(used, limit)| {
                (used > limit).then(|| format!("{} are used", text::size(used)))
            }),
            PolledCondition::Silence(limit) => {
                (silent >= limit).then(|| format!("no record for {:.1} s", silent.as_secs_f64()))
            }
        };
        self.update(detail.is_some(), rule.limit, now)
            .map(|fires| match (fires, detail) {
                (true, Some(detail)) => Outcome::Fires(format!("rule {}: {detail}", rule.name)),
                _ => Outcome::Suppressed,
            })
    }

    /// If the condition has become true, returns whether the rule fires.
    fn update(&mut self, is_true: bool, limit: Limit, now: Instant) -> Option<bool> {
        let has_become_true = is_true && !self.is_true;
        self.is_true = is_true;
        has_become_true.then(|| self.fired.try_fire(limit, now))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rule_fires_again_only_after_it_was_false() {
        let limit = Limit {
            times: 2,
            per: Duration::from_secs(60),
        };
        let mut state = State::default();
        let now = Instant::now();
        let fires =
            [true, true, false, true, false, true].map(|is_true| state.update(is_true, limit, now));
        let expected = [Some(true), None, None, Some(true), None, Some(false)];
        assert_eq!(fires, expected);
    }
}
