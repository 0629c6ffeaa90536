//! Which records a user asked for.

use clap::Args;
use flightrec::LogRecord;
use regex::{Regex, RegexBuilder};

use crate::look::value;

/// Choose among the records of the log
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Which records")]
pub(crate) struct Selection {
    /// Only records of this level or a graver one
    #[arg(short, long, value_enum, ignore_case = true)]
    pub(crate) level: Option<Level>,
    /// Only records of this target and the modules in it; may be repeated
    #[arg(short, long)]
    pub(crate) target: Vec<String>,
    /// Only records that this regular expression matches, in the message or as `key=value`; in
    /// any case unless it has a capital letter
    #[arg(short, long, value_name = "REGEX", value_parser = parse_regex)]
    pub(crate) grep: Option<Regex>,
    /// Only records of the thread of this name; may be repeated
    #[arg(long, value_name = "NAME")]
    pub(crate) thread: Vec<String>,
    /// Only the last N of them; `show` adds what came right before each error was born
    #[arg(short = 'n', long, value_name = "N")]
    pub(crate) last: Option<usize>,
}

/// The levels of the crate `log`, gravest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, clap::ValueEnum)]
#[allow(missing_docs)]
pub(crate) enum Level {
    Error,
    Warn,
    Info,
    Debug,
    Trace,
}

impl Level {
    /// None for a level that this version does not know.
    pub(crate) fn of(record: &LogRecord) -> Option<Level> {
        [
            Level::Error,
            Level::Warn,
            Level::Info,
            Level::Debug,
            Level::Trace,
        ]
        .into_iter()
        .find(|level| level.name().eq_ignore_ascii_case(&record.level))
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Level::Error => "ERROR",
            Level::Warn => "WARN",
            Level::Info => "INFO",
            Level::Debug => "DEBUG",
            Level::Trace => "TRACE",
        }
    }
}

impl Selection {
    /// Whether anything but the number of records was asked for.
    pub(crate) fn is_filter(&self) -> bool {
        self.level.is_some()
            || self.grep.is_some()
            || !self.target.is_empty()
            || !self.thread.is_empty()
    }

    /// The records that were asked for, in their order, and how many there were before
    /// `--last` took its part.
    pub(crate) fn choose<'a>(&self, records: &'a [LogRecord]) -> (Vec<&'a LogRecord>, usize) {
        let mut chosen: Vec<&LogRecord> = records
            .iter()
            .filter(|record| self.matches(record))
            .collect();
        let matched = chosen.len();
        if let Some(last) = self.last {
            chosen.drain(..matched.saturating_sub(last));
        }
        (chosen, matched)
    }

    pub(crate) fn matches(&self, record: &LogRecord) -> bool {
        // A level that is unknown is shown rather than lost.
        self.level
            .is_none_or(|least| Level::of(record).is_none_or(|level| level <= least))
            && (self.target.is_empty()
                || self
                    .target
                    .iter()
                    .any(|target| is_within(&record.target, target)))
            && (self.thread.is_empty() || self.thread.contains(&record.thread))
            && self.grep.as_ref().is_none_or(|regex| {
                regex.is_match(&record.msg)
                    || record
                        .fields
                        .iter()
                        .any(|(key, field)| regex.is_match(&value::pair(key, field)))
            })
    }
}

/// Whether a target is `outer` or a module in it.
fn is_within(target: &str, outer: &str) -> bool {
    let outer = outer.trim_end_matches("::");
    target
        .strip_prefix(outer)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with("::"))
}

fn parse_regex(pattern: &str) -> Result<Regex, regex::Error> {
    let any_case = !pattern.contains(char::is_uppercase);
    RegexBuilder::new(pattern)
        .case_insensitive(any_case)
        .build()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_covers_its_modules_only() {
        assert!(is_within("app::net", "app"));
        assert!(is_within("app::net", "app::"));
        assert!(is_within("app", "app"));
        assert!(!is_within("application", "app"));
    }

    #[test]
    fn a_level_covers_the_graver_ones() {
        let mut record = LogRecord::default();
        record.level = "WARN".to_owned();
        let asking = |level| Selection {
            level: Some(level),
            ..Selection::default()
        };
        assert!(asking(Level::Info).matches(&record));
        assert!(asking(Level::Warn).matches(&record));
        assert!(!asking(Level::Error).matches(&record));
        record.level = "NOTICE".to_owned();
        assert!(
            asking(Level::Error).matches(&record),
            "unknown levels are not lost"
        );
    }

    #[test]
    fn a_capital_letter_makes_the_search_exact() {
        let mut record = LogRecord::default();
        record.msg = "Connection refused".to_owned();
        let asking = |pattern| Selection {
            grep: Some(parse_regex(pattern).unwrap()),
            ..Selection::default()
        };
        assert!(asking("connection").matches(&record));
        assert!(asking("Connection").matches(&record));
        assert!(!asking("coN").matches(&record));
    }
}
