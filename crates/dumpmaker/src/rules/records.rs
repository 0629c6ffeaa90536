//! Rules that count records.

use std::cell::Cell;
use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

use forklock::ForkMutex;
use log::{LevelFilter, Record};
use logtee::Filter;

use super::limit::{FireTimes, Limit, Outcome};

/// The maximum count of a rule: it stores the time of each counted record.
const MAX_COUNT: usize = 10_000;

/// True when `count` records pass the test within a duration.
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

/// Which records are counted. Every kept record is tested, so the common tests need no dynamic call.
pub(crate) enum RecordTest {
    Level(LevelFilter),
    /// Records of this module and the modules in it.
    Target(String),
    /// A filter of the program. It may log, and its panics must not reach the logging call.
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
            RecordTest::Level(level) => record.level() <= *level && !IN_FILTER.get(),
            RecordTest::Target(module) => is_in_module(record.target(), module) && !IN_FILTER.get(),
            RecordTest::Program(filter) => {
                record.level() <= filter.max_level() && run_filter(filter, record)
            }
        }
    }
}

/// The same as `logtee::predicate::target_starts_with`, but can be inlined.
#[inline]
fn is_in_module(target: &str, module: &str) -> bool {
    target
        .strip_prefix(module)
        .is_some_and(|rest| rest.is_empty() || module.is_empty() || rest.starts_with("::"))
}

thread_local! {
    /// Whether this thread runs a filter of the program. Rules ignore the records that the filter logs.
    static IN_FILTER: Cell<bool> = const { Cell::new(false) };
}

#[inline(never)]
fn run_filter(filter: &dyn Filter, record: &Record<'_>) -> bool {
    if IN_FILTER.replace(true) {
        return false;
    }
    let passes = catch_unwind(AssertUnwindSafe(|| filter.matches(record)));
    IN_FILTER.set(false);
    passes.unwrap_or(false)
}

pub(crate) struct RecordRule {
    pub(crate) name: String,
    condition: RecordCondition,
    limit: Limit,
    state: ForkMutex<RecordState>,
}

struct RecordState {
    /// When the last records were counted, oldest first.
    times: VecDeque<Instant>,
    fired: FireTimes,
}

impl RecordRule {
    pub(crate) fn new(name: String, condition: RecordCondition, limit: Limit) -> RecordRule {
        // Allocated in advance, because a signal handler may log.
        let times = VecDeque::with_capacity(condition.count);
        let fired = FireTimes::default();
        RecordRule {
            name,
            condition,
            limit,
            state: ForkMutex::new(RecordState { times, fired }),
        }
    }

    /// The most verbose level that the rule counts.
    pub(crate) fn max_level(&self) -> LevelFilter {
        self.condition.test.max_level()
    }

    /// Whether the rule counts the record.
    #[inline]
    pub(crate) fn matches(&self, record: &Record<'_>) -> bool {
        self.condition.test.passes(record)
    }

    /// Counts a record. Returns the outcome if that completes the count. Also returns `None` in a signal
    /// handler that has interrupted this function.
    #[cold]
    #[inline(never)]
    pub(crate) fn count(&self, now: Instant) -> Option<Outcome> {
        let RecordCondition { count, within, .. } = self.condition;
        let (took, may_fire) = self.state.with(|state| {
            if state.times.len() == count {
                state.times.pop_front();
            }
            state.times.push_back(now);
            let took = now.duration_since(*state.times.front()?);
            if state.times.len() < count || took > within {
                return None;
            }
            state.times.clear();
            Some((took, state.fired.try_fire(self.limit, now)))
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
        Rules::new(vec![rule]).record_rules.remove(0)
    }

    fn fires(rule: &RecordRule, at: Instant) -> bool {
        matches!(rule.count(at), Some(Outcome::Fires(_)))
    }

    #[test]
    fn a_rate_fires_when_enough_records_come_within_the_duration() {
        let rule = rule_of(Rule::rate(Level::Warn, 3, 10 * SECOND));
        let start = Instant::now();
        let times = [0, 9, 20, 25, 29, 31, 32];
        let fired = times.map(|seconds| fires(&rule, start + seconds * SECOND));
        // 20, 25 and 29 are within ten seconds. Then the count starts again.
        assert_eq!(fired, [false, false, false, false, true, false, false]);
    }

    #[test]
    fn a_target_is_a_module_and_the_modules_in_it() {
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
            assert_eq!(rule.matches(&record), expected, "{target} in {module}");
        }
    }

    #[test]
    fn a_rule_fires_as_often_as_its_limit_allows() {
        let rule = rule_of(Rule::rate(Level::Warn, 1, SECOND).at_most(2, 60 * SECOND));
        let start = Instant::now();
        let times = [0, 1, 2, 59, 60, 61, 62];
        let fired = times.map(|seconds| fires(&rule, start + seconds * SECOND));
        assert_eq!(fired, [true, true, false, false, true, true, false]);
    }
}
