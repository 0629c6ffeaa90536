//! Rules: conditions on the log or on the process that make a dump while the program goes on.

pub(crate) mod memory;
mod polling;
mod spans;
mod text;

use std::cell::Cell;
use std::collections::VecDeque;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use forklock::{ForkMutex, LockError};
use log::{Level, Record};
use logtee::Filter;
use logtee::predicate::target_starts_with;

pub use memory::MemoryLimit;
pub(crate) use polling::start;
use spans::{SpanCondition, SpanRule};
pub use text::RuleError;
pub(crate) use text::parse_list;

/// The most records whose times a rule remembers.
const MAX_COUNT: usize = 10_000;

/// A condition that makes a dump of kind `rule`; see
/// [`Builder::dump_when`](crate::Builder::dump_when).
///
/// A rule fires at most three times an hour, or as often as [`at_most`](Rule::at_most) says.
///
/// # As text
///
/// A rule can be parsed from text, such as the environment variable of
/// [`Builder::env_overrides`](crate::Builder::env_overrides):
///
/// | text | rule |
/// |---|---|
/// | `rate(warn, 20, 10s)` | [`Rule::rate`] |
/// | `target_rate(hyper::proto, 5, 1m)` | [`Rule::target_rate`] |
/// | `slow(http.request, 2s)` | [`Rule::slow_span`] |
/// | `memory > 80%` or `memory > 512MiB` | [`Rule::memory_above`] |
/// | `silent(30s)` | [`Rule::no_record_for`] |
///
/// Each may be followed by a limit: `rate(warn, 20, 10s) at most 1 per 10m`. Durations have the
/// units `ms`, `s`, `m` and `h`; sizes have `KiB`, `MiB` and `GiB`.
///
/// ```
/// use flightrec::Rule;
///
/// let rule: Rule = "rate(warn, 20, 10s) at most 1 per 10m".parse()?;
/// assert_eq!(rule.name(), "rate(warn, 20, 10s)");
/// # Ok::<(), flightrec::RuleError>(())
/// ```
pub struct Rule {
    name: String,
    condition: Condition,
    limit: Limit,
}

enum Condition {
    Records(RecordCondition),
    Polled(PolledCondition),
    Spans(SpanCondition),
}

/// A condition on what no record tells.
#[derive(Clone, Copy)]
enum PolledCondition {
    Memory(MemoryLimit),
    Silence(Duration),
}

/// `count` records that pass the filter within a duration.
struct RecordCondition {
    filter: Box<dyn Filter>,
    count: usize,
    within: Duration,
}

/// How often a rule may fire.
#[derive(Clone, Copy)]
struct Limit {
    times: usize,
    per: Duration,
}

impl Rule {
    /// Fires when `count` records at `level` or a more severe one are logged `within` the duration.
    ///
    /// A count of 0 is taken for 1, and one above 10,000 for 10,000.
    pub fn rate(level: Level, count: usize, within: Duration) -> Rule {
        let name = format!(
            "rate({}, {count}, {})",
            level.as_str().to_lowercase(),
            text::duration(within)
        );
        Rule::of_records(name, level.to_level_filter(), count, within)
    }

    /// Fires when `count` records of the module `target`, or of one within it, are logged `within`
    /// the duration. The count is bounded as that of [`rate`](Rule::rate) is.
    pub fn target_rate(target: impl Into<String>, count: usize, within: Duration) -> Rule {
        let target = target.into();
        let name = format!("target_rate({target}, {count}, {})", text::duration(within));
        Rule::of_records(name, target_starts_with(target), count, within)
    }

    /// Fires on a record that passes `filter`, such as one of [`logtee::predicate`]. Of an event of
    /// `tracing`, the filter sees the message and the metadata, not the fields.
    ///
    /// The filter is asked in the call that logs, for each record that is kept. If it panics, the
    /// record does not pass; no rule looks at what it logs itself.
    pub fn matches(filter: impl Filter + 'static) -> Rule {
        Rule::of_records("matches".to_owned(), filter, 1, Duration::ZERO)
    }

    /// Fires when a span of `tracing` with this name is closed longer than `longer_than` after it was
    /// opened. The thread that closes it makes the dump, which has the span.
    ///
    /// Needs the crate `flightrec-tracing`. Only spans that are recorded count: those that
    /// [`record`](crate::Builder::record) lets pass. The time in which the span is entered by no
    /// thread counts, too.
    pub fn slow_span(name: impl Into<String>, longer_than: Duration) -> Rule {
        let name = name.into();
        let condition = SpanCondition { name, longer_than };
        let longer_than = text::duration(longer_than);
        let name = format!("slow({}, {longer_than})", condition.name);
        Rule::new(name, Condition::Spans(condition))
    }

    /// Fires when the process uses more memory than the limit, and again after it used less. The
    /// memory is looked at once a second, on Linux only.
    pub fn memory_above(limit: impl Into<MemoryLimit>) -> Rule {
        let limit = limit.into();
        let condition = PolledCondition::Memory(limit);
        Rule::new(format!("memory > {limit}"), Condition::Polled(condition))
    }

    /// Fires when no record has been kept for this long, and again after there was one. Such a dump
    /// has the stacks of all threads.
    pub fn no_record_for(duration: Duration) -> Rule {
        let name = format!("silent({})", text::duration(duration));
        let condition = PolledCondition::Silence(duration);
        Rule::new(name, Condition::Polled(condition))
    }

    /// Sets how often the rule may fire: `times` within any span of length `per`. The default is
    /// three times an hour. The next dump counts how often it would have fired beyond that.
    #[must_use = "returns the changed rule"]
    pub fn at_most(mut self, times: usize, per: Duration) -> Rule {
        self.limit = Limit { times, per };
        self
    }

    /// Sets the name, which the dump's reason has. The default is the rule as text.
    #[must_use = "returns the changed rule"]
    pub fn named(mut self, name: impl Into<String>) -> Rule {
        self.name = name.into();
        self
    }

    /// The rule's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    fn new(name: String, condition: Condition) -> Rule {
        Rule {
            name,
            condition,
            limit: Limit {
                times: 3,
                per: Duration::from_secs(3_600),
            },
        }
    }

    fn of_records(
        name: String,
        filter: impl Filter + 'static,
        count: usize,
        within: Duration,
    ) -> Rule {
        Rule::new(
            name,
            Condition::Records(RecordCondition {
                filter: Box::new(filter),
                count: count.clamp(1, MAX_COUNT),
                within,
            }),
        )
    }
}

impl fmt::Debug for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Rule")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

/// The rules of a recorder.
#[derive(Default)]
pub(crate) struct Rules {
    of_records: Vec<RecordRule>,
    polled: Vec<PolledRule>,
    of_spans: Vec<SpanRule>,
    /// The most verbose level that a rule looks at; `None` if none looks at records.
    max_level: Option<Level>,
    /// Whether a rule asks for `has_logged`.
    watches_silence: bool,
    /// A record was kept since this was last looked at.
    has_logged: AtomicBool,
}

struct RecordRule {
    name: String,
    condition: RecordCondition,
    state: ForkMutex<RecordState>,
    limit: Limit,
}

struct RecordState {
    /// When the last records passed the filter, oldest first.
    passed: VecDeque<Instant>,
    fired: Fired,
}

struct PolledRule {
    name: String,
    condition: PolledCondition,
    limit: Limit,
}

/// When a rule has fired, as far as its limit asks.
#[derive(Default)]
struct Fired(VecDeque<Instant>);

/// A rule has come true.
pub(crate) enum Outcome {
    /// It makes a dump, with this message.
    Fires(String),
    /// Its limit is used up.
    Suppressed,
}

impl Rules {
    pub(crate) fn new(rules: Vec<Rule>) -> Rules {
        let mut all = Rules::default();
        for rule in rules {
            let (name, limit) = (rule.name, rule.limit);
            match rule.condition {
                Condition::Records(condition) => {
                    let level = condition.filter.max_level().to_level();
                    all.max_level = all.max_level.max(level);
                    // Allocated now: a signal handler may log.
                    let passed = VecDeque::with_capacity(condition.count);
                    let fired = Fired::default();
                    all.of_records.push(RecordRule {
                        name,
                        condition,
                        state: ForkMutex::new(RecordState { passed, fired }),
                        limit,
                    });
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
    pub(crate) fn max_level(&self) -> Option<Level> {
        self.max_level
    }

    /// Notes that a record was kept.
    #[inline]
    pub(crate) fn note_record(&self) {
        // The load keeps threads from writing to memory that they share.
        if self.watches_silence && !self.has_logged.load(Ordering::Relaxed) {
            self.has_logged.store(true, Ordering::Relaxed);
        }
    }

    /// Whether a rule is about spans.
    pub(crate) fn watches_spans(&self) -> bool {
        !self.of_spans.is_empty()
    }

    /// Whether a rule is about a span that took this long.
    pub(crate) fn is_slow(&self, span: &str, took: Duration) -> bool {
        let mut rules = self.of_spans.iter();
        rules.any(|rule| rule.is_about(span, took))
    }

    /// Looks at a span that was closed, and calls `act` for each rule that it makes come true.
    pub(crate) fn check_span(&self, span: &str, took: Duration, act: impl FnMut(Outcome)) {
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
    pub(crate) fn check(&self, record: &Record<'_>, mut act: impl FnMut(Outcome)) {
        for rule in &self.of_records {
            if record.level() <= rule.condition.filter.max_level()
                && rule.condition.matches(record)
                && let Some(outcome) = rule.pass(Instant::now())
            {
                act(outcome);
            }
        }
    }
}

thread_local! {
    /// This thread asks a predicate. What that logs is looked at by no rule.
    static ASKING: Cell<bool> = const { Cell::new(false) };
}

impl RecordCondition {
    /// Whether the record passes the filter, which is the program's code: it may log, and a panic of
    /// it must not reach the call that logs.
    fn matches(&self, record: &Record<'_>) -> bool {
        if ASKING.replace(true) {
            return false;
        }
        let matches = catch_unwind(AssertUnwindSafe(|| self.filter.matches(record)));
        ASKING.set(false);
        matches.unwrap_or(false)
    }
}

impl RecordRule {
    /// Counts a record that passed the filter.
    fn pass(&self, now: Instant) -> Option<Outcome> {
        let mut state = match self.state.lock() {
            Ok(state) | Err(LockError::Orphaned(state)) => state,
            // A signal handler that logs has interrupted this function.
            Err(_) => return None,
        };
        let RecordCondition { count, within, .. } = self.condition;
        if state.passed.len() == count {
            state.passed.pop_front();
        }
        state.passed.push_back(now);
        let took = now.duration_since(*state.passed.front()?);
        if state.passed.len() < count || took > within {
            return None;
        }
        state.passed.clear();
        if !state.fired.may_fire(self.limit, now) {
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

impl Fired {
    fn may_fire(&mut self, limit: Limit, now: Instant) -> bool {
        while let Some(first) = self.0.front()
            && now.duration_since(*first) >= limit.per
        {
            self.0.pop_front();
        }
        let may = self.0.len() < limit.times;
        if may {
            self.0.push_back(now);
        }
        may
    }
}

#[cfg(test)]
mod tests {
    use logtee::predicate::message_contains;

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn rule_of(rule: Rule) -> RecordRule {
        Rules::new(vec![rule]).of_records.remove(0)
    }

    fn fires(rule: &RecordRule, at: Instant) -> bool {
        matches!(rule.pass(at), Some(Outcome::Fires(_)))
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
    fn a_rule_fires_as_often_as_its_limit_says() {
        let rule = rule_of(Rule::rate(Level::Warn, 1, SECOND).at_most(2, 60 * SECOND));
        let start = Instant::now();
        let times = [0, 1, 2, 59, 60, 61, 62];
        let fired = times.map(|seconds| fires(&rule, start + seconds * SECOND));
        assert_eq!(fired, [true, true, false, false, true, true, false]);
    }

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
    fn a_rule_about_silence_hears_every_record_that_is_kept() {
        let hears = |rule: Rule, level| {
            let builder = crate::builder("test").console(log::LevelFilter::Off);
            let (recorder, tee) = builder.dump_when(rule).build();
            let record = Record::builder().level(level).build();
            log::Log::log(&tee, &record);
            recorder.recorder.rules.has_logged.load(Ordering::Relaxed)
        };
        assert!(hears(Rule::no_record_for(SECOND), Level::Debug));
        assert!(
            !hears(Rule::no_record_for(SECOND), Level::Trace),
            "it is not kept"
        );
        assert!(
            !hears(Rule::memory_above(1 << 60), Level::Debug),
            "no rule asks"
        );
    }
}
