//! Rules about records.

use std::cell::Cell;
use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

use forklock::ForkMutex;
use log::{LevelFilter, Record};
use logtee::Filter;

use super::limit::{Fired, Limit, Outcome};

/// The most records whose times a rule remembers.
const MAX_COUNT: usize = 10_000;

/// `count` records that pass the test within a duration.
pub(crate) struct RecordCondition {
    test: RecordTest,
    count: usize,
    within: Duration,
}

impl RecordCondition {
    pub(crate) fn new(test: RecordTest, count: usize, within: Duration) -> RecordCondition {
        RecordCondition {
            test,
            count: count.clamp(1, MAX_COUNT),
            within,
        }
    }
}

/// Which records are counted. Each that is kept is tested, so the common tests have no call behind a
/// pointer.
pub(crate) enum RecordTest {
    Level(LevelFilter),
    /// Of this module or one within it.
    Target(String),
    /// The program's code: it may log, and a panic of it must not reach the call that logs.
    Program(Box<dyn Filter>),
}

impl RecordTest {
    fn max_level(&self) -> LevelFilter {
        match self {
            RecordTest::Level(level) => *level,
            RecordTest::Target(_) => LevelFilter::Trace,
            RecordTest::Program(filter) => filter.max_level(),
        }
    }

    #[inline]
    fn passes(&self, record: &Record<'_>) -> bool {
        match self {
            RecordTest::Level(level) => record.level() <= *level && !ASKING.get(),
            RecordTest::Target(module) => is_within(record.target(), module) && !ASKING.get(),
            RecordTest::Program(filter) => {
                record.level() <= filter.max_level() && asks(filter, record)
            }
        }
    }
}

/// As `logtee::predicate::target_starts_with`, in a function that can be inlined.
#[inline]
fn is_within(target: &str, module: &str) -> bool {
    target
        .strip_prefix(module)
        .is_some_and(|rest| rest.is_empty() || module.is_empty() || rest.starts_with("::"))
}

thread_local! {
    /// This thread asks a filter of the program. No rule of the program looks at what that logs.
    static ASKING: Cell<bool> = const { Cell::new(false) };
}

#[inline(never)]
fn asks(filter: &dyn Filter, record: &Record<'_>) -> bool {
    if ASKING.replace(true) {
        return false;
    }
    let passes = catch_unwind(AssertUnwindSafe(|| filter.matches(record)));
    ASKING.set(false);
    passes.unwrap_or(false)
}

pub(crate) struct RecordRule {
    pub(crate) name: String,
    condition: RecordCondition,
    limit: Limit,
    state: ForkMutex<RecordState>,
}

struct RecordState {
    /// When the last records passed the test, oldest first.
    passed: VecDeque<Instant>,
    fired: Fired,
}

impl RecordRule {
    pub(crate) fn new(name: String, condition: RecordCondition, limit: Limit) -> RecordRule {
        // Allocated now: a signal handler may log.
        let passed = VecDeque::with_capacity(condition.count);
        let fired = Fired::default();
        RecordRule {
            name,
            condition,
            limit,
            state: ForkMutex::new(RecordState { passed, fired }),
        }
    }

    /// The most verbose level that the rule looks at.
    pub(crate) fn max_level(&self) -> LevelFilter {
        self.condition.test.max_level()
    }

    /// Whether the rule counts the record.
    #[inline]
    pub(crate) fn is_about(&self, record: &Record<'_>) -> bool {
        self.condition.test.passes(record)
    }

    /// Counts a record. `None` also in a signal handler that has interrupted this function.
    #[cold]
    #[inline(never)]
    pub(crate) fn come_true(&self, now: Instant) -> Option<Outcome> {
        let RecordCondition { count, within, .. } = self.condition;
        let (took, may_fire) = self.state.with(|state| {
            if state.passed.len() == count {
                state.passed.pop_front();
            }
            state.passed.push_back(now);
            let took = now.duration_since(*state.passed.front()?);
            if state.passed.len() < count || took > within {
                return None;
            }
            state.passed.clear();
            Some((took, state.fired.may_fire(self.limit, now)))
        })??;
        if !may_fire {
            return Some(Outcome::Suppressed);
        }
        let message = match count {
            1 => format!("rule {}", self.name),
            count => format!(
                "rule {}: {count} records within {:.1} s",
                self.name,
                took.as_secs_f64()
            ),
        };
        Some(Outcome::Fires(message))
    }
}

#[cfg(test)]
mod tests {
    use log::Level;

    use super::*;
    use crate::rules::{Rule, Rules};

    const SECOND: Duration = Duration::from_secs(1);

    fn rule_of(rule: Rule) -> RecordRule {
        Rules::new(vec![rule]).of_records.remove(0)
    }

    fn fires(rule: &RecordRule, at: Instant) -> bool {
        matches!(rule.come_true(at), Some(Outcome::Fires(_)))
    }

    #[test]
    fn a_rate_fires_when_enough_records_come_close_together() {
        let rule = rule_of(Rule::rate(Level::Warn, 3, 10 * SECOND));
        let start = Instant::now();
        let times = [0, 9, 20, 25, 29, 31, 32];
        let fired = times.map(|seconds| fires(&rule, start + seconds * SECOND));
        // 20, 25 and 29 are within ten seconds; then the count begins anew.
        assert_eq!(fired, [false, false, false, false, true, false, false]);
    }

    #[test]
    fn a_target_is_a_module_and_those_within_it() {
        let cases = [
            ("db", "db"),
            ("db::pool", "db"),
            ("dbase", "db"),
            ("d", "db"),
            ("db", "db::pool"),
            ("", "db"),
            ("db", ""),
            ("db:", "db"),
        ];
        for (target, module) in cases {
            let record = Record::builder().target(target).build();
            let expected = logtee::predicate::target_starts_with(module).matches(&record);
            let rule = rule_of(Rule::target_rate(module, 1, SECOND));
            assert_eq!(rule.is_about(&record), expected, "{target} in {module}");
        }
    }

    #[test]
    fn a_rule_fires_as_often_as_its_limit_says() {
        let rule = rule_of(Rule::rate(Level::Warn, 1, SECOND).at_most(2, 60 * SECOND));
        let start = Instant::now();
        let times = [0, 1, 2, 59, 60, 61, 62];
        let fired = times.map(|seconds| fires(&rule, start + seconds * SECOND));
        assert_eq!(fired, [true, true, false, false, true, true, false]);
    }
}
