//! Parses rules from text.

use std::error::Error as StdError;
use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use log::Level;

use super::{MemoryLimit, Rule};

/// A rule could not be parsed. The message names the column.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RuleError {
    message: String,
    /// Counted in characters, from 1.
    column: usize,
}

impl fmt::Display for RuleError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} at column {}", self.message, self.column)
    }
}

impl StdError for RuleError {}

impl FromStr for Rule {
    type Err = RuleError;

    /// Parses one rule; see the [table](Rule#as-text).
    fn from_str(text: &str) -> Result<Rule, RuleError> {
        let mut parser = Parser { text, rest: text };
        let rule = parser.rule()?;
        parser.end()?;
        Ok(rule)
    }
}

/// Parses rules that are separated by semicolons.
///
/// # Errors
///
/// If the text is not a list of rules.
pub fn parse_list(text: &str) -> Result<Vec<Rule>, RuleError> {
    let mut parser = Parser { text, rest: text };
    let mut rules = Vec::new();
    loop {
        parser.skip_spaces();
        if parser.rest.is_empty() {
            return Ok(rules);
        }
        if !parser.accept(";") {
            rules.push(parser.rule()?);
            if !parser.accept(";") {
                parser.end()?;
            }
        }
    }
}

struct Parser<'a> {
    text: &'a str,
    rest: &'a str,
}

impl<'a> Parser<'a> {
    fn rule(&mut self) -> Result<Rule, RuleError> {
        let start = self.here();
        let rule = match self.word() {
            "rate" => {
                let (level, count, within) = self.arguments(Parser::level)?;
                Rule::rate(level, count, within)
            }
            "target_rate" => {
                let (target, count, within) = self.arguments(Parser::target)?;
                Rule::target_rate(target, count, within)
            }
            "slow" => {
                self.expect("(")?;
                let name = self.name("the name of a span, such as http.request")?;
                self.expect(",")?;
                let longer_than = self.duration()?;
                self.expect(")")?;
                Rule::slow_span(name, longer_than)
            }
            "silent" => {
                self.expect("(")?;
                let duration = self.duration()?;
                self.expect(")")?;
                Rule::no_record_for(duration)
            }
            "memory" => {
                self.expect(">")?;
                Rule::memory_above(self.memory()?)
            }
            word => {
                let message = format!(
                    "{word:?} is not a rule; the rules are rate(…), target_rate(…), slow(…), \
                     silent(…) and memory > …"
                );
                return Err(self.error_at(start, message));
            }
        };
        if !self.accept("at most") {
            return Ok(rule);
        }
        let times = self.count()?;
        self.expect("per")?;
        Ok(rule.at_most(times, self.duration()?))
    }

    /// Parses `(FIRST, COUNT, DURATION)`.
    fn arguments<T>(
        &mut self,
        first: impl FnOnce(&mut Parser<'a>) -> Result<T, RuleError>,
    ) -> Result<(T, usize, Duration), RuleError> {
        self.expect("(")?;
        let first = first(self)?;
        self.expect(",")?;
        let count = self.count()?;
        self.expect(",")?;
        let within = self.duration()?;
        self.expect(")")?;
        Ok((first, count, within))
    }

    fn level(&mut self) -> Result<Level, RuleError> {
        self.parsed("a level: error, warn, info, debug or trace", |word| {
            word.parse().ok()
        })
    }

    fn target(&mut self) -> Result<String, RuleError> {
        self.name("a target, such as hyper::proto")
    }

    fn name(&mut self, what: &str) -> Result<String, RuleError> {
        self.parsed(what, |word| (!word.is_empty()).then(|| word.to_owned()))
    }

    fn count(&mut self) -> Result<usize, RuleError> {
        self.parsed("a count", |word| word.parse().ok())
    }

    fn duration(&mut self) -> Result<Duration, RuleError> {
        self.parsed("a duration, such as 500ms, 10s, 2m or 1h", |word| {
            let (number, unit) = split_number(word)?;
            let milliseconds = match unit {
                "ms" => 1,
                "s" => 1_000,
                "m" => 60_000,
                "h" => 3_600_000,
                _ => return None,
            };
            Some(Duration::from_millis(number.checked_mul(milliseconds)?))
        })
    }

    fn memory(&mut self) -> Result<MemoryLimit, RuleError> {
        self.parsed("an amount of memory, such as 80% or 512MiB", |word| {
            let (number, unit) = split_number(word)?;
            let shift = match unit {
                "%" if number <= 100 => return Some(MemoryLimit::Fraction(number as f64 / 100.0)),
                "KiB" => 10,
                "MiB" => 20,
                "GiB" => 30,
                _ => return None,
            };
            Some(MemoryLimit::Bytes(number.checked_mul(1 << shift)?))
        })
    }

    /// Parses the next word. `what` is named in the error.
    fn parsed<T>(
        &mut self,
        what: &str,
        parse: impl FnOnce(&str) -> Option<T>,
    ) -> Result<T, RuleError> {
        let start = self.here();
        let word = self.word();
        parse(word).ok_or_else(|| self.error_at(start, format!("{word:?} is not {what}")))
    }

    /// Returns the text up to a space or a separator.
    fn word(&mut self) -> &'a str {
        self.skip_spaces();
        let ends = |char: char| char.is_whitespace() || matches!(char, '(' | ')' | ',' | ';' | '>');
        let (word, rest) = self
            .rest
            .split_at(self.rest.find(ends).unwrap_or(self.rest.len()));
        self.rest = rest;
        word
    }

    fn accept(&mut self, token: &str) -> bool {
        self.skip_spaces();
        let rest = self.rest.strip_prefix(token);
        self.rest = rest.unwrap_or(self.rest);
        rest.is_some()
    }

    fn expect(&mut self, token: &str) -> Result<(), RuleError> {
        if self.accept(token) {
            return Ok(());
        }
        Err(self.error_at(self.here(), format!("{token:?} is missing")))
    }

    fn end(&mut self) -> Result<(), RuleError> {
        self.skip_spaces();
        if self.rest.is_empty() {
            return Ok(());
        }
        let message = format!("{:?} after a rule; separate rules by \";\"", self.rest);
        Err(self.error_at(self.here(), message))
    }

    fn skip_spaces(&mut self) {
        self.rest = self.rest.trim_start();
    }

    /// Returns the column of the next word.
    fn here(&self) -> usize {
        let next = self.rest.trim_start();
        self.text[..self.text.len() - next.len()].chars().count() + 1
    }

    fn error_at(&self, column: usize, message: String) -> RuleError {
        RuleError { message, column }
    }
}

/// Splits `10s` into 10 and `s`.
fn split_number(word: &str) -> Option<(u64, &str)> {
    let end = word.find(|char: char| !char.is_ascii_digit())?;
    let (number, unit) = word.split_at(end);
    Some((number.parse().ok()?, unit))
}

/// Formats a duration in the largest unit that divides it.
pub(crate) fn duration(duration: Duration) -> String {
    let milliseconds = duration.as_millis();
    let units = [(3_600_000, "h"), (60_000, "m"), (1_000, "s")];
    let fits = |(size, _): &&(u128, &str)| milliseconds > 0 && milliseconds.is_multiple_of(*size);
    match units.iter().find(fits) {
        Some((size, unit)) => format!("{}{unit}", milliseconds / size),
        None => format!("{milliseconds}ms"),
    }
}

/// Formats a number of bytes in the largest unit that is not greater, rounded to one decimal.
pub(crate) fn size(bytes: u64) -> String {
    let units = [(30, "GiB"), (20, "MiB"), (10, "KiB")];
    match units.iter().find(|(shift, _)| bytes >> shift > 0) {
        Some((shift, unit)) => {
            let number = bytes as f64 / (1_u64 << shift) as f64;
            format!("{}{unit}", (number * 10.0).round() / 10.0)
        }
        None => format!("{bytes}B"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_of_a_rule_is_the_rule_as_text() {
        for text in [
            "rate(warn, 20, 10s)",
            "rate(error, 1, 500ms)",
            "target_rate(hyper::proto, 5, 1m)",
            "silent(1h)",
            "slow(http.request, 2s)",
            "memory > 80%",
            "memory > 512MiB",
        ] {
            assert_eq!(text.parse::<Rule>().unwrap().name(), text);
        }
    }

    #[test]
    fn a_list_may_have_spaces_limits_and_empty_parts() {
        let rules = parse_list(" rate( WARN,3 ,2s)at most 1 per 10m;; memory>80% ;").unwrap();
        let names: Vec<_> = rules.iter().map(Rule::name).collect();
        assert_eq!(names, ["rate(warn, 3, 2s)", "memory > 80%"]);
        assert_eq!(rules[0].limit.times, 1);
        assert_eq!(rules[0].limit.per, Duration::from_secs(600));
        assert!(parse_list("").unwrap().is_empty());
    }

    #[test]
    fn the_example_of_the_documentation_is_parsed() {
        let rules = "rate(warn, 20, 10s); memory > 80%; slow(http.request, 2s)";
        let names: Vec<_> = parse_list(rules)
            .unwrap()
            .into_iter()
            .map(|rule| rule.name)
            .collect();
        assert_eq!(names.join("; "), rules);
    }

    #[test]
    fn an_error_names_the_problem_and_the_column() {
        for (text, message) in [
            (
                "rtae(warn, 3, 2s)",
                "\"rtae\" is not a rule; the rules are rate(…), target_rate(…), slow(…), silent(…) and memory > … at column 1",
            ),
            (
                "silent(1s); rate(loud, 3, 2s)",
                "\"loud\" is not a level: error, warn, info, debug or trace at column 18",
            ),
            (
                "rate(warn, many, 2s)",
                "\"many\" is not a count at column 12",
            ),
            (
                "rate(warn, 3, 2)",
                "\"2\" is not a duration, such as 500ms, 10s, 2m or 1h at column 15",
            ),
            ("rate(warn, 3 2s)", "\",\" is missing at column 14"),
            (
                "memory > 120%",
                "\"120%\" is not an amount of memory, such as 80% or 512MiB at column 10",
            ),
            (
                "silent(99999999999999999999h)",
                "\"99999999999999999999h\" is not a duration, such as 500ms, 10s, 2m or 1h at column 8",
            ),
            (
                "silent(1s) silent(2s)",
                "\"silent(2s)\" after a rule; separate rules by \";\" at column 12",
            ),
            ("silent(1s", "\")\" is missing at column 10"),
            ("slow(2s)", "\",\" is missing at column 8"),
            (
                "slow(, 2s)",
                "\"\" is not the name of a span, such as http.request at column 6",
            ),
        ] {
            let error = parse_list(text).unwrap_err();
            assert_eq!(error.to_string(), message);
        }
    }
}
