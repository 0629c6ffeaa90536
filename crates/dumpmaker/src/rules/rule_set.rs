//! All rules of a recorder, by kind.

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use log::{Level, Record};

use super::limit::Outcome;
use super::polled::{PolledCondition, PolledRule};
use super::records::RecordRule;
use super::rule::{Condition, Rule};
use super::spans::SpanRule;

/// The rules of a recorder.
#[derive(Default)]
pub struct Rules {
    pub(crate) record_rules: Vec<RecordRule>,
    pub(crate) polled_rules: Vec<PolledRule>,
    span_rules: Vec<SpanRule>,
    /// The most verbose level that a rule counts; `None` if no rule counts records.
    max_level: Option<Level>,
    /// Whether a rule needs `has_logged`.
    watches_silence: bool,
    /// Whether a record was kept since the last poll.
    pub(crate) has_logged: AtomicBool,
}

impl fmt::Debug for Rules {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let record_rules = self.record_rules.iter().map(|rule| &rule.name);
        let span_rules = self.span_rules.iter().map(|rule| &rule.name);
        let polled_rules = self.polled_rules.iter().map(|rule| &rule.name);
        f.debug_list()
            .entries(record_rules.chain(span_rules).chain(polled_rules))
            .finish()
    }
}

impl Rules {
    /// Sorts the rules by kind.
    #[must_use]
    pub fn new(rules: Vec<Rule>) -> Rules {
        let mut all = Rules::default();
        for rule in rules {
            let (name, limit) = (rule.name, rule.limit);
            match rule.condition {
                Condition::Records(condition) => {
                    let rule = RecordRule::new(name, condition, limit);
                    all.max_level = all.max_level.max(rule.max_level().to_level());
                    all.record_rules.push(rule);
                }
                Condition::Spans(condition) => {
                    all.span_rules.push(SpanRule::new(name, condition, limit));
                }
                Condition::Polled(condition) => {
                    all.watches_silence |= matches!(condition, PolledCondition::Silence(_));
                    all.polled_rules.push(PolledRule {
                        name,
                        condition,
                        limit,
                    });
                }
            }
        }
        all
    }

    /// Returns the most verbose level of records that must be passed to [`check`](Rules::check); `None`
    /// if no rule counts records.
    #[must_use]
    pub fn max_level(&self) -> Option<Level> {
        self.max_level
    }

    /// Returns whether a rule is about silence, so that [`note_record`](Rules::note_record) must be
    /// called for each record.
    #[must_use]
    pub fn watches_silence(&self) -> bool {
        self.watches_silence
    }

    /// Notes that a record was kept, if there is a rule about silence.
    #[inline]
    pub fn note_record(&self) {
        // The load avoids needless writes to a cache line that threads share.
        if self.watches_silence && !self.has_logged.load(Ordering::Relaxed) {
            self.has_logged.store(true, Ordering::Relaxed);
        }
    }

    /// Returns whether a record was noted since the last [`Poller::poll`](super::Poller::poll).
    #[must_use]
    pub fn has_new_record(&self) -> bool {
        self.has_logged.load(Ordering::Relaxed)
    }

    /// Returns whether a rule is about memory or silence, so that a [`Poller`](super::Poller) is needed.
    #[must_use]
    pub fn needs_poller(&self) -> bool {
        !self.polled_rules.is_empty()
    }

    /// Returns whether a rule is about spans.
    #[must_use]
    pub fn watches_spans(&self) -> bool {
        !self.span_rules.is_empty()
    }

    /// Returns whether a span that took this long meets the condition of a rule.
    #[must_use]
    pub fn is_slow(&self, span: &str, took: Duration) -> bool {
        let mut rules = self.span_rules.iter();
        rules.any(|rule| rule.matches(span, took))
    }

    /// Checks a closed span, and calls `act` for each rule whose condition it meets.
    pub fn check_span(&self, span: &str, took: Duration, act: impl FnMut(Outcome)) {
        let rules = self
            .span_rules
            .iter()
            .filter(|rule| rule.matches(span, took));
        let now = Instant::now();
        rules.filter_map(|rule| rule.fire(took, now)).for_each(act);
    }

    /// Checks a record, and calls `act` for each rule whose condition is now met.
    #[inline]
    pub fn check(&self, record: &Record<'_>, mut act: impl FnMut(Outcome)) {
        for rule in &self.record_rules {
            if rule.matches(record)
                && let Some(outcome) = rule.count(Instant::now())
            {
                act(outcome);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use logtee::predicate::message_contains;

    use super::*;

    #[test]
    fn the_max_level_is_the_most_verbose_that_a_rule_counts() {
        let level = |rules| Rules::new(rules).max_level();
        let second = Duration::from_secs(1);
        assert_eq!(level(vec![]), None);
        assert_eq!(level(vec![Rule::memory_above(1 << 30)]), None);
        assert_eq!(
            level(vec![Rule::rate(Level::Warn, 1, second)]),
            Some(Level::Warn)
        );
        assert_eq!(level(vec![Rule::no_record_for(second)]), None);
        let all = vec![
            Rule::matches(message_contains("x")),
            Rule::rate(Level::Warn, 1, second),
        ];
        assert_eq!(level(all), Some(Level::Trace));
    }

    #[test]
    fn records_are_noted_only_for_a_rule_about_silence() {
        let is_noted = |rule| {
            let rules = Rules::new(vec![rule]);
            rules.note_record();
            rules.has_new_record()
        };
        assert!(is_noted(Rule::no_record_for(Duration::from_secs(1))));
        assert!(!is_noted(Rule::memory_above(1 << 60)));
    }
}
