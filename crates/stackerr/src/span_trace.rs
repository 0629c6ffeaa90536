//! Reads the span traces of `tracing-error` that errors carry, from their text.

use std::env;
use std::error::Error as StdError;
use std::fmt::{self, Debug, Display};

use crate::foreign_text::{message_of, rsplit_once, split_once};
use crate::traverse::{Chain, errors, is_own};

/// The beginning of a cause that `tracing_error::TracedError` has.
const TRACED: &str = "span backtrace:\n";
/// How `tracing_error::SpanTrace` is formatted by `{:?}`.
const LIST: &str = "SpanTrace [";
/// The heading in a report of `color-eyre`.
const HEADING: &str = " SPANTRACE ";

const MAX_TRACES: usize = 64;

/// The spans of `tracing` in which an error was created; see [`span_traces`].
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct SpanTrace {
    /// The message of the error.
    pub error: String,
    /// The spans, innermost first.
    pub spans: Vec<TracedSpan>,
}

/// A span in a [`SpanTrace`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct TracedSpan {
    /// The span's target.
    pub target: String,
    /// The span's name.
    pub name: String,
    /// The source file that opened it, if known.
    pub file: Option<String>,
    /// The line in that file, if known.
    pub line: Option<u32>,
    /// The fields, as `tracing-subscriber` formats them.
    pub fields: String,
}

/// Whether this is the message of a span trace. `tracing_error::TracedError` has the span trace among its
/// causes, although a span trace is not a cause.
#[must_use]
pub fn is_span_trace(message: &str) -> bool {
    message.starts_with(TRACED)
}

/// Returns the first 64 span traces that an error, its causes and the branches of its joins carry.
///
/// They are read from the text of `tracing_error::TracedError`, of the reports of `color-eyre`, and
/// of errors that have a `tracing_error::SpanTrace` in a field. If the environment asks for backtraces
/// (`RUST_BACKTRACE`), only `TracedError` is read: formatting the others may then look up names.
#[must_use]
pub fn span_traces(error: &(dyn StdError + 'static)) -> Vec<SpanTrace> {
    let mut traces: Vec<SpanTrace> = Vec::new();
    let leaves = errors(error);
    for leaf in std::iter::once(error).chain(leaves) {
        let mut message = String::new();
        for error in Chain::new(leaf) {
            let its_message = message_of(error);
            if !is_span_trace(&its_message) {
                message = its_message;
            }
            for spans in read(error).into_iter().filter(|spans| !spans.is_empty()) {
                let error = message.clone();
                // The text of an error includes its causes, so the innermost error with a trace is the
                // one that carries it.
                let known = traces.iter().position(|trace| trace.spans == spans);
                match known {
                    Some(known) => traces[known].error = error,
                    None if traces.len() < MAX_TRACES => traces.push(SpanTrace { error, spans }),
                    None => {}
                }
            }
        }
    }
    traces
}

fn read(error: &(dyn StdError + 'static)) -> Vec<Vec<TracedSpan>> {
    if let Some(text) = message_of(error).strip_prefix(TRACED) {
        return vec![section(text)];
    }
    if backtraces_are_on() {
        return Vec::new();
    }
    let text = message_of(&Pretty(error));
    let lists = text.match_indices(LIST);
    let traces: Vec<_> = lists
        .filter_map(|(at, _)| list(&text[at + LIST.len()..]))
        .collect();
    if !traces.is_empty() || is_own(error) {
        return traces;
    }
    let text = message_of(&Plain(error));
    let Some((_, report)) = split_once(&text, HEADING) else {
        return Vec::new();
    };
    // The rest of the heading's line is a horizontal rule.
    let below = report.split_once('\n').map_or("", |(_, below)| below);
    vec![section(&without_colours(below))]
}

/// Whether errors of other crates capture backtraces. If so, their `Debug` may look up names, which can
/// hang or crash before the dump is written.
fn backtraces_are_on() -> bool {
    let set = env::var_os("RUST_LIB_BACKTRACE").or_else(|| env::var_os("RUST_BACKTRACE"));
    set.is_some_and(|set| set != "0")
}

struct Pretty<'a>(&'a dyn StdError);
struct Plain<'a>(&'a dyn StdError);

impl Display for Pretty<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:#?}", self.0)
    }
}

impl Display for Plain<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.0)
    }
}

macro_rules! impl_error {
    ($($name:ident)*) => {$(
        impl Debug for $name<'_> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                Display::fmt(self, f)
            }
        }

        impl StdError for $name<'_> {}
    )*};
}
impl_error!(Pretty Plain);

/// Reads `{ target: "app", name: "load", fields: "user=7", file: "src/main.rs", line: 3 }, …]`.
fn list(mut text: &str) -> Option<Vec<TracedSpan>> {
    let mut spans = Vec::new();
    loop {
        text = text.trim_start_matches([' ', '\n', ',']);
        let Some(rest) = text.strip_prefix('{') else {
            break;
        };
        text = rest;
        let mut span = TracedSpan::default();
        loop {
            text = text.trim_start_matches([' ', '\n', ',']);
            if let Some(rest) = text.strip_prefix('}') {
                text = rest;
                break;
            }
            let (key, rest) = split_once(text, ": ")?;
            text = if key == "line" {
                let end = rest.find(|c: char| !c.is_ascii_digit())?;
                span.line = rest[..end].parse().ok();
                &rest[end..]
            } else {
                let (value, rest) = literal(rest)?;
                match key {
                    "target" => span.target = value,
                    "name" => span.name = value,
                    "fields" => span.fields = value,
                    "file" => span.file = Some(value),
                    _ => return None,
                }
                rest
            };
        }
        spans.push(span);
    }
    (text.starts_with(']') && !spans.is_empty()).then_some(spans)
}

/// Reads a string literal as `{:?}` formats it. Returns its value and the rest.
fn literal(text: &str) -> Option<(String, &str)> {
    let mut chars = text.strip_prefix('"')?.chars();
    let mut value = String::new();
    loop {
        match chars.next()? {
            '"' => return Some((value, chars.as_str())),
            '\\' => value.push(match chars.next()? {
                'n' => '\n',
                'r' => '\r',
                't' => '\t',
                '0' => '\0',
                'u' => {
                    let (hex, rest) = chars.as_str().strip_prefix('{')?.split_once('}')?;
                    chars = rest.chars();
                    char::from_u32(u32::from_str_radix(hex, 16).ok()?)?
                }
                other => other,
            }),
            other => value.push(other),
        }
    }
}

/// Reads ` 0: app::load`, `    with user=7`, `    at src/main.rs:3`, and so on. Reports have the fields
/// on the line of the name.
fn section(text: &str) -> Vec<TracedSpan> {
    let mut spans: Vec<TracedSpan> = Vec::new();
    for line in text.lines() {
        let trimmed = line.trim_start();
        if let Some(fields) = trimmed.strip_prefix("with ") {
            if let Some(span) = spans.last_mut() {
                fields.clone_into(&mut span.fields);
            }
        } else if let Some(place) = trimmed.strip_prefix("at ") {
            if let (Some(span), Some((file, line))) = (spans.last_mut(), place.rsplit_once(':')) {
                span.file = Some(file.to_owned());
                span.line = line.parse().ok();
            }
        } else if let Some(named) = trimmed.strip_prefix(&format!("{}: ", spans.len())) {
            let (path, fields) = split_once(named, " with ").unwrap_or((named, ""));
            let Some((target, name)) = rsplit_once(path, "::") else {
                break;
            };
            spans.push(TracedSpan {
                target: target.to_owned(),
                name: name.to_owned(),
                fields: fields.to_owned(),
                ..TracedSpan::default()
            });
        } else if !trimmed.is_empty() {
            break;
        }
    }
    spans
}

/// The text without escape sequences for colours.
fn without_colours(text: &str) -> String {
    let mut plain = String::new();
    let mut rest = text;
    while let Some((before, sequence)) = split_once(rest, "\x1b[") {
        plain.push_str(before);
        let end = sequence.find(|c: char| c.is_ascii_alphabetic());
        rest = end.map_or("", |end| &sequence[end + 1..]);
    }
    plain + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    fn span(name: &str, fields: &str, line: Option<u32>) -> TracedSpan {
        TracedSpan {
            target: "app".to_owned(),
            name: name.to_owned(),
            file: line.map(|_| "src/main.rs".to_owned()),
            line,
            fields: fields.to_owned(),
        }
    }

    #[test]
    fn a_list_of_spans_is_read() {
        let text = r#"
            { target: "app", name: "load \"x\"", fields: "a=\"}, ]\" b=\u{1b}", file: "src/main.rs", line: 3 },
            { target: "app", name: "main" },
        ]"#;
        let expected = [
            span("load \"x\"", "a=\"}, ]\" b=\u{1b}", Some(3)),
            span("main", "", None),
        ];
        assert_eq!(list(text).unwrap(), expected);
    }

    #[test]
    fn text_that_is_no_list_is_left_alone() {
        for text in [
            "",
            "]",
            "{",
            "{ target",
            "{ target: ",
            "{ target: \"a",
            "{ other: \"a\" }]",
            "{ line: 3",
            "{ target: \"\\u{110000}\" }]",
            "{ target: \"a\" }",
        ] {
            assert_eq!(list(text), None, "{text}");
        }
    }

    #[test]
    fn a_section_of_a_report_is_read() {
        let text = "\n \x1b[1m0: app::load\x1b[0m with user=7\n    at src/main.rs:3\n \
                    1: app::main\n    at <unknown source file>\n\nBacktrace omitted.";
        let expected = [span("load", "user=7", Some(3)), span("main", "", None)];
        assert_eq!(section(&without_colours(text)), expected);
        // As `tracing-error` formats it.
        let text = "   0: app::load\n           with user=7\n             at src/main.rs:3\n   1: app::main";
        assert_eq!(section(text), expected);
    }
}
