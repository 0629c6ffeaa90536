//! Selects the records that the user asked for.

use std::collections::HashSet;

use clap::Args;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use flightrec_dump::{Dump, Level, LogRecord};
use jiff::{SignedDuration, Timestamp, civil, tz::TimeZone};
use regex::{Regex, RegexBuilder};

use crate::render::{text, time};

/// Records before and after the one that `--around` names.
const AROUND: usize = 10;

/// How many threads or targets an error names.
const MAX_NAMED: usize = 12;

/// Select records of the log
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Which records")]
pub(crate) struct Selection {
    /// Only records of this level or a more severe one: error, warn, info, debug or trace
    #[arg(short, long, ignore_case = true, hide_possible_values = true, value_parser = level_parser())]
    pub(crate) level: Option<Level>,
    /// Only records of this target and the modules in it; may be repeated
    #[arg(short, long)]
    pub(crate) target: Vec<String>,
    /// Only records whose message or `key=value` matches; case is ignored unless REGEX has a
    /// capital letter
    #[arg(short, long, value_name = "REGEX", value_parser = parse_regex)]
    pub(crate) grep: Option<Regex>,
    /// Only records of the thread of this name; may be repeated
    #[arg(long, value_name = "NAME")]
    pub(crate) thread: Vec<String>,
    /// Only records in spans of this name or id, and in the spans within them; may be repeated
    #[arg(long, value_name = "NAME|ID")]
    pub(crate) span: Vec<String>,
    /// Only the records around this one: its number (`seq`), a time such as 00:30:13 (UTC), or one
    /// relative to the failure such as -2.1s
    #[arg(long, value_name = "TIME|SEQ", allow_hyphen_values = true, value_parser = parse_around)]
    pub(crate) around: Option<Around>,
    /// Only the last N records; `show` adds those right before each error was created
    #[arg(short = 'n', long, value_name = "N")]
    pub(crate) last: Option<usize>,
}

/// A place in the log.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Around {
    Seq(u64),
    At(Timestamp),
    /// On the day of the failure.
    TimeOfDay(civil::Time),
    /// Relative to the failure.
    Offset(SignedDuration),
}

fn level_parser() -> impl TypedValueParser<Value = Level> {
    const LEVELS: [(&str, Level); 5] = [
        ("error", Level::Error),
        ("warn", Level::Warn),
        ("info", Level::Info),
        ("debug", Level::Debug),
        ("trace", Level::Trace),
    ];
    PossibleValuesParser::new(LEVELS.map(|(name, _)| name)).map(|asked| {
        let mut levels = LEVELS.iter();
        let found = levels.find(|(name, _)| name.eq_ignore_ascii_case(&asked));
        found.map_or(Level::Trace, |(_, level)| *level)
    })
}

/// The selected records.
#[derive(Debug)]
pub(crate) struct Selected<'a> {
    /// In their order.
    pub(crate) records: Vec<&'a LogRecord>,
    /// How many matched the filters, before `--last` and `--around`.
    pub(crate) matched: usize,
}

impl Selection {
    /// Whether any filter is set, not only a number of records.
    pub(crate) fn is_filter(&self) -> bool {
        self.level.is_some()
            || self.grep.is_some()
            || !self.target.is_empty()
            || !self.thread.is_empty()
            || !self.span.is_empty()
    }

    pub(crate) fn select<'a>(&self, dump: &'a Dump) -> Selected<'a> {
        let spans = self.spans(dump);
        let records = dump.latest_logs.iter();
        let mut records: Vec<&LogRecord> = records
            .filter(|record| self.matches(record, &spans))
            .collect();
        let matched = records.len();
        if let Some(around) = self.around {
            let (from, to) = around.range(&records, time::known(dump.created_at));
            records.truncate(to);
            records.drain(..from);
        }
        if let Some(last) = self.last {
            records.drain(..records.len().saturating_sub(last));
        }
        Selected { records, matched }
    }

    /// The selected spans, and the spans within them.
    fn spans(&self, dump: &Dump) -> HashSet<u64> {
        let mut chosen = HashSet::new();
        if self.span.is_empty() {
            return chosen;
        }
        let mut grew = true;
        while grew {
            grew = false;
            for span in &dump.spans {
                let is_named = self
                    .span
                    .iter()
                    .any(|asked| *asked == span.name || *asked == span.id.to_string());
                let is_within = span.parent.is_some_and(|parent| chosen.contains(&parent));
                if is_named || is_within {
                    grew |= chosen.insert(span.id);
                }
            }
        }
        chosen
    }

    fn matches(&self, record: &LogRecord, spans: &HashSet<u64>) -> bool {
        let targets = &self.target;
        self.level.is_none_or(|least| record.level <= least)
            && (targets.is_empty() || targets.iter().any(|outer| is_within(&record.target, outer)))
            && (self.thread.is_empty() || self.thread.contains(&record.thread))
            && (self.span.is_empty() || record.span.is_some_and(|span| spans.contains(&span)))
            && self.grep.as_ref().is_none_or(|regex| {
                let mut fields = record.fields.iter();
                regex.is_match(&record.msg)
                    || fields.any(|(key, field)| regex.is_match(&text::key_value(key, field)))
            })
    }

    /// If no record has a thread, target or span that was asked for: a message with those that exist.
    pub(crate) fn explain_nothing(&self, dump: &Dump) -> Option<String> {
        let logs = &dump.latest_logs;
        let threads: Vec<&str> = logs.iter().map(|record| &*record.thread).collect();
        let targets: Vec<&str> = logs.iter().map(|record| &*record.target).collect();
        let spans: Vec<&str> = dump.spans.iter().map(|span| &*span.name).collect();
        let is_missing = |asked: &str, names: &[&str]| !names.contains(&asked);
        if let Some(thread) = self.thread.iter().find(|asked| is_missing(asked, &threads)) {
            return Some(there_is("thread", thread, threads));
        }
        let target = |asked: &&String| !targets.iter().any(|target| is_within(target, asked));
        if let Some(target) = self.target.iter().find(target) {
            return Some(there_is("target", target, targets));
        }
        let ids: Vec<String> = dump.spans.iter().map(|span| span.id.to_string()).collect();
        let span = |asked: &&String| is_missing(asked, &spans) && !ids.contains(asked);
        let span = self.span.iter().find(span)?;
        Some(there_is("span", span, spans))
    }
}

/// `no record has the thread "zz"; there are: main, worker-1`
fn there_is(what: &str, asked: &str, mut names: Vec<&str>) -> String {
    names.sort_unstable();
    names.dedup();
    let more = names.len().saturating_sub(MAX_NAMED);
    let names: Vec<_> = names
        .iter()
        .take(MAX_NAMED)
        .map(|name| text::line(name))
        .collect();
    let names = if names.is_empty() {
        "none".to_owned()
    } else {
        names.join(", ")
    };
    let more = if more > 0 {
        format!(" and {more} more")
    } else {
        String::new()
    };
    let asked = text::line(asked);
    format!("no record has the {what} \"{asked}\"; there are: {names}{more}")
}

impl Around {
    /// The index of the first record, and the index after the last.
    fn range(self, records: &[&LogRecord], failure: Option<Timestamp>) -> (usize, usize) {
        let failure = failure.unwrap_or(Timestamp::UNIX_EPOCH);
        let wanted = match self {
            Around::Seq(seq) => {
                let at = records.iter().position(|record| record.seq >= seq);
                return around(at.unwrap_or(records.len().saturating_sub(1)), records.len());
            }
            Around::At(time) => time,
            Around::Offset(offset) => failure.checked_add(offset).unwrap_or(failure),
            Around::TimeOfDay(time) => {
                let date = failure.to_zoned(TimeZone::UTC).date();
                let at = date.to_datetime(time).to_zoned(TimeZone::UTC);
                at.map_or(failure, |zoned| zoned.timestamp())
            }
        };
        let distance = |record: &LogRecord| {
            let time = time::known(record.time).unwrap_or(Timestamp::UNIX_EPOCH);
            time.duration_since(wanted).abs()
        };
        let nearest = (0..records.len()).min_by_key(|at| distance(records[*at]));
        around(nearest.unwrap_or(0), records.len())
    }
}

fn around(at: usize, len: usize) -> (usize, usize) {
    (at.saturating_sub(AROUND), (at + AROUND + 1).min(len))
}

fn parse_around(text: &str) -> Result<Around, String> {
    if let Ok(seq) = text.parse() {
        return Ok(Around::Seq(seq));
    }
    if text.starts_with(['+', '-'])
        && let Ok(offset) = text.replace('µ', "u").parse()
    {
        return Ok(Around::Offset(offset));
    }
    if let Ok(time) = text.parse() {
        return Ok(Around::TimeOfDay(time));
    }
    // `show` prints times with " UTC".
    let time = text.replace(" UTC", "Z");
    time.parse().map(Around::At).map_err(|_| {
        "expected a number, or a time such as 00:30:13, -2.1s or 2026-11-23T00:30:13Z".to_owned()
    })
}

/// A duration such as `60s` or `5m`. A number without a unit is in seconds.
#[cfg(target_os = "linux")]
pub(crate) fn parse_duration(text: &str) -> Result<SignedDuration, String> {
    if let Ok(seconds) = text.parse::<u32>() {
        return Ok(SignedDuration::from_secs(seconds.into()));
    }
    let duration: SignedDuration = text
        .parse()
        .map_err(|_| "expected a duration such as 60s or 5m".to_owned())?;
    match duration.is_negative() {
        true => Err("the duration must not be negative".to_owned()),
        false => Ok(duration),
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

    fn dump() -> Dump {
        let record = |seq: u32| {
            format!(
                r#"{{"seq":{seq},"time":"2026-11-23T00:30:{:02}Z","level":"WARN","target":"app::net",
                    "thread":"main","msg":"Connection {seq} refused","span":{}}}"#,
                seq % 60,
                seq % 2 + 1
            )
        };
        let records: Vec<_> = (0..60).map(record).collect();
        let json = format!(
            r#"{{"schema":"flightrec/1","created_at":"2026-11-23T00:31:00Z","latest_logs":[{}],
                "spans":[{{"id":2,"parent":1,"name":"query"}},{{"id":1,"name":"request"}}]}}"#,
            records.join(",")
        );
        Dump::from_json(json.as_bytes()).unwrap()
    }

    fn selected(selection: Selection) -> Vec<u64> {
        let dump = dump();
        let selected = selection.select(&dump);
        selected.records.iter().map(|record| record.seq).collect()
    }

    #[test]
    fn a_target_covers_its_modules_only() {
        assert!(is_within("app::net", "app"));
        assert!(is_within("app::net", "app::"));
        assert!(is_within("app", "app"));
        assert!(!is_within("application", "app"));
    }

    #[test]
    fn a_level_covers_the_more_severe_ones() {
        let count = |level| {
            let selection = Selection {
                level: Some(level),
                ..Selection::default()
            };
            selected(selection).len()
        };
        assert_eq!(count(Level::Info), 60);
        assert_eq!(count(Level::Warn), 60);
        assert_eq!(count(Level::Error), 0);
    }

    #[test]
    fn a_capital_letter_makes_the_search_exact() {
        let count = |pattern| {
            let selection = Selection {
                grep: Some(parse_regex(pattern).unwrap()),
                ..Selection::default()
            };
            selected(selection).len()
        };
        assert_eq!(count("connection"), 60);
        assert_eq!(count("Connection"), 60);
        assert_eq!(count("coN"), 0);
    }

    #[test]
    fn a_span_covers_the_spans_within_it() {
        let count = |span: &str| {
            let selection = Selection {
                span: vec![span.to_owned()],
                ..Selection::default()
            };
            selected(selection).len()
        };
        assert_eq!([count("request"), count("query"), count("2")], [60, 30, 30]);
    }

    #[test]
    fn records_around_a_place_are_selected() {
        let around = |text: &str| {
            let selection = Selection {
                around: Some(parse_around(text).unwrap()),
                ..Selection::default()
            };
            let selected = selected(selection);
            (selected[0], selected[selected.len() - 1])
        };
        assert_eq!(around("20"), (10, 30));
        assert_eq!(around("3"), (0, 13));
        assert_eq!(around("-30s"), (20, 40));
        assert_eq!(around("00:30:30"), (20, 40));
        assert_eq!(around("2026-11-23 00:30:30 UTC"), (20, 40));
        assert_eq!(around("9999"), (49, 59));
        assert!(parse_around("yesterday").is_err());
    }

    #[test]
    fn existing_names_are_listed_for_an_unknown_one() {
        let selection = Selection {
            thread: vec!["zz".to_owned()],
            ..Selection::default()
        };
        assert_eq!(
            selection.explain_nothing(&dump()).unwrap(),
            "no record has the thread \"zz\"; there are: main"
        );
    }
}
