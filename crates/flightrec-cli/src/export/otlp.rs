//! OTLP/JSON logs: a request of a log exporter, for an OpenTelemetry collector.
//!
//! The target of a record is the instrumentation scope, as in OpenTelemetry's own bridges. The failure
//! is a record with the attributes of the exception semantic conventions.

use std::collections::HashMap;
use std::io::{self, Write};

use flightrec_dump::{Dump, Level, LogRecord, Value};
use jiff::Timestamp;
use serde_json::{Value as Json, json};

use super::otlp_traces::Ids;
use super::{Selected, error_type, failed_at, object, severity, stack_text};
use crate::render::time;

pub(super) fn write(out: &mut dyn Write, dumps: &[Selected<'_>]) -> io::Result<()> {
    write!(out, "{{\"resourceLogs\":[")?;
    for (n, selected) in dumps.iter().enumerate() {
        if n > 0 {
            write!(out, ",")?;
        }
        resource_logs(out, selected)?;
    }
    writeln!(out, "]}}")
}

fn resource_logs(out: &mut dyn Write, selected: &Selected<'_>) -> io::Result<()> {
    let resource = json!({"attributes": resource(selected.dump)});
    let ids = Ids::of(selected.dump);
    write!(out, "{{\"resource\":{resource},\"scopeLogs\":[")?;
    for (scope, records) in scopes(&selected.records) {
        write!(
            out,
            "{{\"scope\":{},\"logRecords\":[",
            json!({"name": scope})
        )?;
        for (n, record) in records.into_iter().enumerate() {
            write!(out, "{}", if n > 0 { "," } else { "" })?;
            serde_json::to_writer(&mut *out, &self::record(record, selected.dump, &ids))?;
        }
        write!(out, "]}},")?;
    }
    let scope = json!({"name": "flightrec", "version": env!("CARGO_PKG_VERSION")});
    write!(out, "{{\"scope\":{scope},\"logRecords\":[")?;
    serde_json::to_writer(&mut *out, &failure(selected.dump))?;
    write!(out, "]}}]}}")
}

/// The records of each target, in the order in which the targets appear.
fn scopes<'a>(records: &[&'a LogRecord]) -> Vec<(&'a str, Vec<&'a LogRecord>)> {
    let mut scopes: Vec<(&str, Vec<&LogRecord>)> = Vec::new();
    let mut places: HashMap<&str, usize> = HashMap::new();
    for record in records {
        let at = *places.entry(&record.target).or_insert(scopes.len());
        if at == scopes.len() {
            scopes.push((&record.target, Vec::new()));
        }
        scopes[at].1.push(record);
    }
    scopes
}

/// Attributes, each under a name of the semantic conventions.
#[derive(Default)]
pub(super) struct Attributes(pub(super) Vec<Json>);

impl Attributes {
    pub(super) fn text(&mut self, key: &str, value: &str) {
        if !value.is_empty() {
            self.any(key, json!({"stringValue": value}));
        }
    }

    pub(super) fn int(&mut self, key: &str, value: impl Into<u64>) {
        self.any(key, integer(value.into()));
    }

    pub(super) fn any(&mut self, key: &str, value: Json) {
        self.0.push(json!({"key": key, "value": value}));
    }
}

pub(super) fn resource(dump: &Dump) -> Vec<Json> {
    let mut attributes = Attributes::default();
    attributes.text(
        "service.name",
        if dump.app.is_empty() {
            "unknown_service"
        } else {
            &dump.app
        },
    );
    attributes.text(
        "service.version",
        dump.version.as_deref().unwrap_or_default(),
    );
    attributes.text(
        "vcs.ref.head.revision",
        dump.revision.as_deref().unwrap_or_default(),
    );
    let process = &dump.process;
    attributes.int("process.pid", process.pid);
    attributes.text(
        "process.executable.path",
        process.executable.as_deref().unwrap_or_default(),
    );
    if !process.args.is_empty() {
        let args = process.args.iter().cloned().map(Value::Text).collect();
        attributes.any("process.command_args", any_value(&Value::List(args)));
    }
    let os = if dump.host.os == "macos" {
        "darwin"
    } else {
        &dump.host.os
    };
    attributes.text("os.type", os);
    let arch = match dump.host.arch.as_str() {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        "arm" => "arm32",
        other => other,
    };
    attributes.text("host.arch", arch);
    for (key, value) in dump.metadata.iter() {
        attributes.text(&format!("flightrec.metadata.{key}"), value);
    }
    attributes.0
}

fn record(record: &LogRecord, dump: &Dump, ids: &Ids<'_>) -> Json {
    let mut attributes = Attributes::default();
    attributes.text("thread.name", &record.thread);
    if let Some(file) = &record.file {
        attributes.text("code.file.path", file);
    }
    if let Some(line) = record.line {
        attributes.int("code.line.number", line);
    }
    attributes.int("log.record.sequence", record.seq);
    for (key, value) in record.fields.iter() {
        attributes.any(key, any_value(value));
    }
    let severity = match record.level {
        Level::Trace => 1,
        Level::Debug => 5,
        Level::Info => 9,
        Level::Warn => 13,
        Level::Error => 17,
    };
    object([
        (
            "timeUnixNano",
            time::known(record.time).map(nanoseconds).into(),
        ),
        ("observedTimeUnixNano", nanoseconds(failed_at(dump)).into()),
        ("severityNumber", severity.into()),
        ("severityText", record.level.as_str().into()),
        ("body", json!({"stringValue": record.msg})),
        ("attributes", attributes.0.into()),
        (
            "traceId",
            record.span.and_then(|span| ids.trace(span)).into(),
        ),
        ("spanId", record.span.and_then(|span| ids.span(span)).into()),
    ])
}

fn failure(dump: &Dump) -> Json {
    let mut attributes = Attributes::default();
    attributes.text("exception.message", &dump.reason.message);
    attributes.text("exception.type", error_type(dump).unwrap_or_default());
    attributes.text("exception.stacktrace", &stack_text(dump));
    attributes.text("thread.name", &dump.process.thread);
    attributes.text("flightrec.kind", dump.reason.kind.as_str());
    attributes.text("flightrec.fingerprint", &dump.fingerprint);
    let text = severity(dump);
    let at = nanoseconds(failed_at(dump));
    object([
        ("timeUnixNano", (&*at).into()),
        ("observedTimeUnixNano", (&*at).into()),
        (
            "severityNumber",
            if text == "FATAL" { 21 } else { 17 }.into(),
        ),
        ("severityText", text.into()),
        ("eventName", "exception".into()),
        ("body", json!({"stringValue": dump.reason.message})),
        ("attributes", attributes.0.into()),
    ])
}

/// 64-bit numbers are text in the JSON mapping of protobuf. Times before 1970 cannot be expressed.
pub(super) fn nanoseconds(time: Timestamp) -> String {
    u64::try_from(time.as_nanosecond()).unwrap_or(0).to_string()
}

/// A number that may be too large for OTLP's signed integers.
fn integer(value: u64) -> Json {
    match i64::try_from(value) {
        Ok(value) => json!({"intValue": value.to_string()}),
        Err(_) => json!({"stringValue": value.to_string()}),
    }
}

pub(super) fn any_value(value: &Value) -> Json {
    match value {
        Value::Null => json!({}),
        Value::Bool(yes) => json!({"boolValue": yes}),
        Value::Int(int) => json!({"intValue": int.to_string()}),
        Value::Uint(int) => integer(*int),
        Value::Float(float) => json!({"doubleValue": float}),
        Value::Text(text) => json!({"stringValue": text}),
        Value::List(items) => {
            let values: Vec<_> = items.iter().map(any_value).collect();
            json!({"arrayValue": {"values": values}})
        }
        Value::Map(entries) => {
            let values: Vec<_> = entries
                .iter()
                .map(|(key, value)| json!({"key": key, "value": any_value(value)}))
                .collect();
            json!({"kvlistValue": {"values": values}})
        }
        other => json!({"stringValue": format!("{other:?}")}),
    }
}
