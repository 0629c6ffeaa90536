//! Rules: conditions on the log or on the process that make a dump while the program goes on.

pub(crate) mod memory;
mod polling;
mod records;
mod spans;
mod text;

use std::collections::VecDeque;
use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use log::{Level, Record};
use logtee::Filter;
use logtee::predicate::target_starts_with;

pub use memory::MemoryLimit;
pub(crate) use polling::start;
use records::{RecordCondition, RecordRule, RecordTest};
use spans::{SpanCondition, SpanRule};
pub use text::RuleError;
pub(crate) use text::parse_list;

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
        let test = RecordTest::Level(level.to_level_filter());
        Rule::of_records(name, test, count, within)
    }

    /// Fires when `count` records of the module `target`, or of one within it, are logged `within`
    /// the duration. The count is bounded as that of [`rate`](Rule::rate) is.
    pub fn target_rate(target: impl Into<String>, count: usize, within: Duration) -> Rule {
        let target = target.into();
        let name = format!("target_rate({target}, {count}, {})", text::duration(within));
        let test = RecordTest::Target(target_starts_with(target));
        Rule::of_records(name, test, count, within)
    }

    /// Fires on a record that passes `filter`, such as one of [`logtee::predicate`]. Of an event of
    /// `tracing`, the filter sees the message and the metadata, not the fields.
    ///
    /// The filter is asked in the call that logs, for each record that is kept. If it panics, the
    /// record does not pass; no rule looks at what it logs itself.
    pub fn matches(filter: impl Filter + 'static) -> Rule {
        let test = RecordTest::Program(Box::new(filter));
        Rule::of_records("matches".to_owned(), test, 1, Duration::ZERO)
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

    fn of_records(name: String, test: RecordTest, count: usize, within: Duration) -> Rule {
        let condition = RecordCondition::new(test, count, within);
        Rule::new(name, Condition::Records(condition))
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
    pub(crate) fn check(&self, record: &Record<'_>, act: impl FnMut(Outcome)) {
        let rules = self.of_records.iter().filter(|rule| rule.is_about(record));
        rules
            .filter_map(|rule| rule.come_true(Instant::now()))
            .for_each(act);
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
