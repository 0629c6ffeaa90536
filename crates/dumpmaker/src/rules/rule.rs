//! One rule, as a program or a user writes it.

use std::fmt;
use std::time::Duration;

use log::Level;
use logtee::Filter;

use super::limit::Limit;
use super::memory_limit::MemoryLimit;
use super::polled::PolledCondition;
use super::records::{RecordCondition, RecordTest};
use super::spans::SpanCondition;
use super::text;

/// A condition that triggers a dump of kind `rule`. Pass it to flightrec's `Builder::dump_when`.
///
/// A rule fires at most three times an hour, unless [`at_most`](Rule::at_most) sets another limit.
///
/// # As text
///
/// A rule can be parsed from text. flightrec's `Builder::env_overrides` reads such text from the variable
/// `FLIGHTREC_RULES`:
///
/// | text | rule |
/// |---|---|
/// | `rate(warn, 20, 10s)` | [`Rule::rate`] |
/// | `target_rate(hyper::proto, 5, 1m)` | [`Rule::target_rate`] |
/// | `slow(http.request, 2s)` | [`Rule::slow_span`] |
/// | `memory > 80%` or `memory > 512MiB` | [`Rule::memory_above`] |
/// | `silent(30s)` | [`Rule::no_record_for`] |
///
/// A limit may follow: `rate(warn, 20, 10s) at most 1 per 10m`. The units of durations are `ms`, `s`,
/// `m` and `h`; those of sizes are `KiB`, `MiB` and `GiB`. Numbers are integers.
///
/// ```
/// # use dumpmaker::rules::Rule;
/// let rule: Rule = "rate(warn, 20, 10s) at most 1 per 10m".parse()?;
/// assert_eq!(rule.name(), "rate(warn, 20, 10s)");
/// # Ok::<(), dumpmaker::rules::RuleError>(())
/// ```
pub struct Rule {
    pub(crate) name: String,
    pub(crate) condition: Condition,
    pub(crate) limit: Limit,
}

pub(crate) enum Condition {
    Records(RecordCondition),
    Polled(PolledCondition),
    Spans(SpanCondition),
}

impl Rule {
    /// Fires when `count` records at `level` or a more severe level are logged within the duration
    /// `within`.
    ///
    /// A `count` of 0 means 1, and one above 10,000 means 10,000.
    pub fn rate(level: Level, count: usize, within: Duration) -> Rule {
        let name = format!(
            "rate({}, {count}, {})",
            level.as_str().to_lowercase(),
            text::duration(within)
        );
        let test = RecordTest::Level(level.to_level_filter());
        Rule::record_rule(name, test, count, within)
    }

    /// Fires when `count` records of the module `target`, or of modules in it, are logged within the
    /// duration `within`.
    ///
    /// A `count` of 0 means 1, and one above 10,000 means 10,000.
    pub fn target_rate(target: impl Into<String>, count: usize, within: Duration) -> Rule {
        let target = target.into();
        let name = format!("target_rate({target}, {count}, {})", text::duration(within));
        let test = RecordTest::Target(target);
        Rule::record_rule(name, test, count, within)
    }

    /// Fires on each record that passes `filter`, such as a filter of [`logtee::predicate`]. For an
    /// event of `tracing`, the filter sees the message and the metadata, but not the fields.
    ///
    /// The filter runs inside the logging call, for each record that is kept. If it panics, the record
    /// does not pass. Rules ignore the records that the filter itself logs.
    pub fn matches(filter: impl Filter + 'static) -> Rule {
        let test = RecordTest::Program(Box::new(filter));
        Rule::record_rule("matches".to_owned(), test, 1, Duration::ZERO)
    }

    /// Fires when a span of `tracing` with this name is closed more than `longer_than` after it was
    /// opened. The thread that closes the span makes the dump. The dump includes the span.
    ///
    /// Needs the crate `flightrec-tracing`. Only spans that pass the filter of flightrec's
    /// `Builder::record` are checked. The duration includes time in which the span was not entered.
    pub fn slow_span(name: impl Into<String>, longer_than: Duration) -> Rule {
        let name = name.into();
        let condition = SpanCondition { name, longer_than };
        let longer_than = text::duration(longer_than);
        let name = format!("slow({}, {longer_than})", condition.name);
        Rule::new(name, Condition::Spans(condition))
    }

    /// Fires when the memory use rises above the limit. It fires again only after the use was below the
    /// limit.
    ///
    /// Memory is checked at least once a second, on Linux only. The dump has the stacks of all threads.
    pub fn memory_above(limit: impl Into<MemoryLimit>) -> Rule {
        let limit = limit.into();
        let condition = PolledCondition::Memory(limit);
        Rule::new(format!("memory > {limit}"), Condition::Polled(condition))
    }

    /// Fires when no record has been kept for this long. It fires again only after another record and
    /// another silence. The dump has the stacks of all threads.
    pub fn no_record_for(duration: Duration) -> Rule {
        let name = format!("silent({})", text::duration(duration));
        let condition = PolledCondition::Silence(duration);
        Rule::new(name, Condition::Polled(condition))
    }

    /// Limits how often the rule fires: `times` times within any period of length `per`. The default is
    /// three times an hour. The next dump counts the times that the limit suppressed.
    #[must_use = "returns the changed rule"]
    pub fn at_most(mut self, times: usize, per: Duration) -> Rule {
        self.limit = Limit { times, per };
        self
    }

    /// Sets the name, which is a part of the dump's reason. The default is the rule as text, with sizes
    /// rounded; for [`matches`](Rule::matches) it is `matches`.
    #[must_use = "returns the changed rule"]
    pub fn named(mut self, name: impl Into<String>) -> Rule {
        self.name = name.into();
        self
    }

    /// Returns the rule's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    fn new(name: String, condition: Condition) -> Rule {
        Rule {
            name,
            condition,
            limit: Limit::default(),
        }
    }

    fn record_rule(name: String, test: RecordTest, count: usize, within: Duration) -> Rule {
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
