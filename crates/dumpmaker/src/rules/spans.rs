//! Rules about slow spans.

use std::time::{Duration, Instant};

use forklock::ForkMutex;

use super::limit::{FireTimes, Limit, Outcome};
use super::text;

/// True when a span with this name is closed more than `longer_than` after it was opened.
pub(crate) struct SpanCondition {
    pub(crate) name: String,
    pub(crate) longer_than: Duration,
}

pub(crate) struct SpanRule {
    pub(crate) name: String,
    pub(crate) condition: SpanCondition,
    pub(crate) limit: Limit,
    fired: ForkMutex<FireTimes>,
}

impl SpanRule {
    pub(crate) fn new(name: String, condition: SpanCondition, limit: Limit) -> SpanRule {
        SpanRule {
            name,
            condition,
            limit,
            fired: ForkMutex::default(),
        }
    }

    /// Whether the span meets the condition.
    pub(crate) fn matches(&self, span: &str, took: Duration) -> bool {
        took > self.condition.longer_than && span == self.condition.name
    }

    /// Returns the outcome for a span that meets the condition. Returns `None` in a signal handler that
    /// has interrupted this function.
    pub(crate) fn fire(&self, took: Duration, now: Instant) -> Option<Outcome> {
        let may_fire = self.fired.with(|fired| fired.try_fire(self.limit, now))?;
        Some(if may_fire {
            let took = text::duration(Duration::from_millis(took.as_millis() as u64));
            Outcome::Fires(format!("rule {}: a span took {took}", self.name))
        } else {
            Outcome::Suppressed
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn a_rule_fires_on_spans_with_its_name_that_took_longer() {
        let condition = SpanCondition {
            name: "http.request".to_owned(),
            longer_than: SECOND,
        };
        let limit = Limit {
            times: 1,
            per: SECOND,
        };
        let rule = SpanRule::new("slow".to_owned(), condition, limit);
        assert!(rule.matches("http.request", SECOND * 2));
        assert!(!rule.matches("http.request", SECOND));
        assert!(!rule.matches("http", SECOND * 2));
        let now = Instant::now();
        let Some(Outcome::Fires(message)) = rule.fire(SECOND * 5 / 2, now) else {
            panic!("it does not fire")
        };
        assert_eq!(message, "rule slow: a span took 2500ms");
        assert!(matches!(
            rule.fire(SECOND * 2, now),
            Some(Outcome::Suppressed)
        ));
    }
}
