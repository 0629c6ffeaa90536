//! All rules of a program, sorted by what they look at.

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
    pub(crate) of_records: Vec<RecordRule>,
    pub(crate) polled: Vec<PolledRule>,
    of_spans: Vec<SpanRule>,
    /// The most verbose level that a rule looks at; `None` if none looks at records.
    max_level: Option<Level>,
    /// Whether a rule asks for `has_logged`.
    watches_silence: bool,
    /// A record was kept since this was last looked at.
    pub(crate) has_logged: AtomicBool,
}

impl fmt::Debug for Rules {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let of_records = self.of_records.iter().map(|rule| &rule.name);
        let of_spans = self.of_spans.iter().map(|rule| &rule.name);
        let polled = self.polled.iter().map(|rule| &rule.name);
        f.debug_list()
            .entries(of_records.chain(of_spans).chain(polled))
            .finish()
    }
}

impl Rules {
    /// Sorts the rules by what they look at.
    #[must_use]
    pub fn new(rules: Vec<Rule>) -> Rules {
        let mut all = Rules::default();
        for rule in rules {
            let (name, limit) = (rule.name, rule.limit);
            match rule.condition {
                Condition::Records(condition) => {
                    let rule = RecordRule::new(name, condition, limit);
                    all.max_level = all.max_level.max(rule.max_level().to_level());
                    all.of_records.push(rule);
                }
                Condition::Spans(condition) => {
                    all.of_spans.push(SpanRule::new(name, condition, limit));
                }
                Condition::Polled(condition) => {
                    all.watches_silence |= matches!(condition, PolledCondition::Silence(_));
                    all.polled.push(PolledRule {
                        name,
                        condition,
                        limit,
                    });
                }
            }
        }
        all
    }

    /// The most verbose level of records that must be passed to [`check`](Rules::check).
    #[must_use]
    pub fn max_level(&self) -> Option<Level> {
        self.max_level
    }

    /// Whether [`note_record`](Rules::note_record) must be called for each record, because of a rule
    /// about silence.
    #[must_use]
    pub fn watches_silence(&self) -> bool {
        self.watches_silence
    }

    /// Notes that a record was kept, if a rule about silence wants to know.
    #[inline]
    pub fn note_record(&self) {
        // The load keeps threads from writing to memory that they share.
        if self.watches_silence && !self.has_logged.load(Ordering::Relaxed) {
            self.has_logged.store(true, Ordering::Relaxed);
        }
    }

    /// Whether a record was noted since the [`Poller`](super::Poller) last looked.
    #[must_use]
    pub fn has_new_record(&self) -> bool {
        self.has_logged.load(Ordering::Relaxed)
    }

    /// Whether a rule is about memory or silence, which a [`Poller`](super::Poller) looks at.
    #[must_use]
    pub fn needs_poller(&self) -> bool {
        !self.polled.is_empty()
    }

    /// Whether a rule is about spans.
    #[must_use]
    pub fn watches_spans(&self) -> bool {
        !self.of_spans.is_empty()
    }

    /// Whether a rule is about a span that took this long.
    #[must_use]
    pub fn is_slow(&self, span: &str, took: Duration) -> bool {
        let mut rules = self.of_spans.iter();
        rules.any(|rule| rule.is_about(span, took))
    }

    /// Looks at a span that was closed, and calls `act` for each rule that it makes come true.
    pub fn check_span(&self, span: &str, took: Duration, act: impl FnMut(Outcome)) {
        let rules = self
            .of_spans
            .iter()
            .filter(|rule| rule.is_about(span, took));
        let now = Instant::now();
        rules
            .filter_map(|rule| rule.come_true(took, now))
            .for_each(act);
    }

    /// Looks at a record, and calls `act` for each rule that it makes come true.
    #[inline]
    pub fn check(&self, record: &Record<'_>, mut act: impl FnMut(Outcome)) {
        for rule in &self.of_records {
            if rule.is_about(record)
                && let Some(outcome) = rule.come_true(Instant::now())
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
    fn only_levels_that_a_rule_looks_at_are_passed_to_it() {
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
    fn only_a_rule_about_silence_hears_of_every_record() {
        let hears = |rule| {
            let rules = Rules::new(vec![rule]);
            rules.note_record();
            rules.has_new_record()
        };
        assert!(hears(Rule::no_record_for(Duration::from_secs(1))));
        assert!(!hears(Rule::memory_above(1 << 60)));
    }
}
