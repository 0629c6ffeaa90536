//! Dumps in the formats of other tools: one file per format.
//!
//! A new format is a variant of [`Format`] and a function in a file of its own that takes the
//! writer and the dumps.

mod chrome_trace;
pub(crate) mod html;
mod jsonl;
mod logfmt;
pub(crate) mod markdown;
mod otlp;
mod otlp_traces;
pub(crate) mod sentry;

use std::borrow::Cow;
use std::fmt::Write as _;
use std::io::{self, Write};

use clap::ValueEnum;
use flightrec_dump::{Dump, ErrorNode, Kind, LogRecord, Trace};
use jiff::Timestamp;
use serde_json::{Map, Value as Json};

use crate::render::time;

/// The formats of `export`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// One JSON object per line: jq, lnav, DuckDB
    Jsonl,
    /// key=value, one record per line: lnav, grep
    Logfmt,
    /// OTLP/JSON logs: OpenTelemetry collectors
    Otlp,
    /// OTLP/JSON traces, one for each span without a parent
    OtlpTraces,
    /// Trace events, one lane per thread: Perfetto, chrome://tracing
    ChromeTrace,
    /// One page for a browser, which works offline
    Html,
    /// Text for an issue or for a language model
    Markdown,
    /// A Sentry envelope: Sentry, GlitchTip, Bugsink
    Sentry,
}

/// A dump and the selected records of its log.
#[derive(Debug)]
pub(crate) struct Selected<'a> {
    pub(crate) dump: &'a Dump,
    pub(crate) records: Vec<&'a LogRecord>,
}

/// The program's name. A long name is cut, because it is repeated for each record.
fn app(dump: &Dump) -> Cow<'_, str> {
    crate::render::text::beginning(&dump.app, 200)
}

pub(crate) fn write(out: &mut dyn Write, format: Format, dumps: &[Selected<'_>]) -> io::Result<()> {
    match format {
        Format::Jsonl => jsonl::write(out, dumps),
        Format::Logfmt => logfmt::write(out, dumps),
        Format::Otlp => otlp::write(out, dumps),
        Format::OtlpTraces => otlp_traces::write(out, dumps),
        Format::ChromeTrace => chrome_trace::write(out, dumps),
        Format::Html | Format::Markdown | Format::Sentry => {
            Err(io::Error::other("it is made of files"))
        }
    }
}

/// When the dump was made; the Unix epoch if that is not known.
fn failed_at(dump: &Dump) -> Timestamp {
    time::known(dump.created_at).unwrap_or(Timestamp::UNIX_EPOCH)
}

/// `FATAL` if the failure ended the process or one of its threads, otherwise `ERROR`.
fn severity(dump: &Dump) -> &'static str {
    match dump.reason.kind {
        Kind::Panic | Kind::Crash => "FATAL",
        _ => "ERROR",
    }
}

/// The messages of the error's causes, outermost first; those of joined errors one after another.
fn causes(dump: &Dump) -> Vec<&str> {
    fn add<'a>(error: &'a ErrorNode, causes: &mut Vec<&'a str>) {
        for source in &error.sources {
            causes.push(&source.message);
            add(source, causes);
        }
    }
    let mut causes = Vec::new();
    if let Some(error) = &dump.error {
        add(error, &mut causes);
    }
    causes
}

/// The type of the error, as Rust names it, if known.
fn error_type(dump: &Dump) -> Option<&str> {
    let mut types = dump.stack_traces.iter().map(|trace| &trace.error_type);
    let known = types.find_map(Option::as_deref);
    known.or((dump.reason.kind == Kind::Panic).then_some("panic"))
}

/// The causes and every stack, in the form of Rust's own backtraces; empty if there is nothing.
fn stack_text(dump: &Dump) -> String {
    let mut text = String::new();
    let causes = causes(dump);
    if !causes.is_empty() {
        text.push_str(dump.reason.message.trim_end());
        for cause in causes {
            text.push_str("\nCaused by: ");
            text.push_str(cause.trim_end());
        }
        text.push('\n');
    }
    for trace in &dump.stack_traces {
        if !text.is_empty() {
            text.push('\n');
        }
        // Writing to a string does not fail.
        let _ = write_stack(&mut text, trace);
    }
    text
}

fn write_stack(text: &mut String, trace: &Trace) -> std::fmt::Result {
    writeln!(text, "{}", trace.error.trim_end())?;
    for (n, frame) in trace.frames.iter().enumerate() {
        writeln!(text, "{n:>4}: {}", frame.name)?;
        match (&frame.file, frame.line, frame.column) {
            (Some(file), Some(line), Some(column)) => {
                writeln!(text, "             at {file}:{line}:{column}")?
            }
            (Some(file), Some(line), None) => writeln!(text, "             at {file}:{line}")?,
            _ => {
                let module = frame.module.as_deref().unwrap_or("?");
                writeln!(text, "             at {module}+{}", frame.address)?;
            }
        }
    }
    Ok(())
}

/// A JSON object of these entries, in order; nulls are left out.
fn object<'a>(entries: impl IntoIterator<Item = (&'a str, Json)>) -> Json {
    let entries = entries.into_iter().filter(|(_, value)| !value.is_null());
    let entries: Map<String, Json> = entries
        .map(|(key, value)| (key.to_owned(), value))
        .collect();
    Json::Object(entries)
}

/// Converts a value that was read from JSON back to JSON.
fn json(value: &impl serde::Serialize) -> Json {
    serde_json::to_value(value).unwrap_or_default()
}

/// The text, or null if it is empty.
fn text(text: &str) -> Json {
    if text.is_empty() {
        Json::Null
    } else {
        text.into()
    }
}
