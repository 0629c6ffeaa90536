//! OTLP/JSON traces: the spans of a dump. Each span without a parent begins a trace.

use std::collections::HashMap;
use std::io::{self, Write};

use flightrec_dump::{Dump, Span, Value};
use jiff::Timestamp;
use serde_json::{Value as Json, json};
use sha2::{Digest, Sha256};

use super::otlp::{Attributes, any_value, nanoseconds, resource};
use super::{Selected, app, failed_at, object};
use crate::render::time;

/// The maximum depth of nested spans. The parents in a dump may be wrong, and even form a cycle.
const MAX_DEPTH: usize = 1_000;

/// `STATUS_CODE_ERROR`
const ERROR: u8 = 2;

/// `SPAN_KIND_INTERNAL`
const INTERNAL: u8 = 1;

pub(super) fn write(out: &mut dyn Write, dumps: &[Selected<'_>]) -> io::Result<()> {
    let spans: Vec<Json> = dumps
        .iter()
        .map(|selected| resource_spans(selected.dump))
        .collect();
    serde_json::to_writer(&mut *out, &json!({ "resourceSpans": spans }))?;
    writeln!(out)
}

fn resource_spans(dump: &Dump) -> Json {
    let ids = Ids::of(dump);
    let mut scopes: Vec<(&str, Vec<Json>)> = Vec::new();
    let mut places: HashMap<&str, usize> = HashMap::new();
    for span in &dump.spans {
        let at = *places.entry(&span.target).or_insert(scopes.len());
        if at == scopes.len() {
            scopes.push((&span.target, Vec::new()));
        }
        scopes[at].1.push(self::span(span, dump, &ids));
    }
    let scopes: Vec<Json> = scopes
        .into_iter()
        .map(|(target, spans)| json!({"scope": {"name": target}, "spans": spans}))
        .collect();
    json!({"resource": {"attributes": resource(dump)}, "scopeSpans": scopes})
}

fn span(span: &Span, dump: &Dump, ids: &Ids<'_>) -> Json {
    let mut attributes = Attributes::default();
    attributes.text("level", span.level.as_str());
    if let Some(file) = &span.file {
        attributes.text("code.file.path", file);
    }
    if let Some(line) = span.line {
        attributes.int("code.line.number", line);
    }
    for (key, value) in span.fields.iter() {
        attributes.any(key, any_value(value));
    }
    let known = |time: Option<flightrec_dump::Timestamp>| time.and_then(time::known);
    // A span that was open when the program failed ends at the failure.
    let end = known(span.closed_at).unwrap_or_else(|| failed_at(dump));
    let start = known(span.opened_at).unwrap_or(end).min(end);
    let links: Vec<Json> = span
        .follows_from
        .iter()
        .filter_map(|id| Some(json!({"traceId": ids.trace(*id)?, "spanId": ids.span(*id)?})))
        .collect();
    object([
        ("traceId", ids.trace(span.id).into()),
        ("spanId", ids.span(span.id).into()),
        (
            "parentSpanId",
            span.parent.and_then(|id| ids.span(id)).into(),
        ),
        ("name", (&*span.name).into()),
        ("kind", INTERNAL.into()),
        ("startTimeUnixNano", nanoseconds(start).into()),
        ("endTimeUnixNano", nanoseconds(end).into()),
        ("attributes", attributes.0.into()),
        (
            "links",
            if links.is_empty() {
                Json::Null
            } else {
                links.into()
            },
        ),
        ("events", events(span, dump)),
        (
            "status",
            match span.closed_at.is_none() && holds_failure(span, dump) {
                true => json!({"code": ERROR, "message": dump.reason.message}),
                false => Json::Null,
            },
        ),
    ])
}

/// The errors that were created in a span.
fn errors<'a>(span: &'a Span, dump: &'a Dump) -> impl Iterator<Item = &'a flightrec_dump::Trace> {
    let traces = dump.stack_traces.iter();
    traces.filter(|trace| trace.span == Some(span.id))
}

fn holds_failure(span: &Span, dump: &Dump) -> bool {
    errors(span, dump).next().is_some()
}

fn events(span: &Span, dump: &Dump) -> Json {
    let events: Vec<Json> = errors(span, dump)
        .map(|trace| {
            let mut attributes = Attributes::default();
            attributes.text("exception.message", &trace.error);
            let error_type = trace.error_type.as_deref();
            attributes.text("exception.type", error_type.unwrap_or_default());
            let record = dump
                .latest_logs
                .iter()
                .find(|it| Some(it.seq) == trace.log_seq);
            let at: Option<Timestamp> = record.and_then(|record| time::known(record.time));
            let at = nanoseconds(at.unwrap_or_else(|| failed_at(dump)));
            json!({"name": "exception", "timeUnixNano": at, "attributes": attributes.0})
        })
        .collect();
    if events.is_empty() {
        Json::Null
    } else {
        events.into()
    }
}

/// The ids of spans and traces. They come from the fields `trace_id` and `span_id`, if the program has set
/// them. Other ids are derived from the dump, so that copies of it have the same ids.
pub(super) struct Ids<'a> {
    dump: &'a Dump,
    spans: HashMap<u64, &'a Span>,
}

impl<'a> Ids<'a> {
    pub(super) fn of(dump: &'a Dump) -> Ids<'a> {
        let spans = dump.spans.iter().map(|span| (span.id, span));
        Ids {
            dump,
            spans: spans.collect(),
        }
    }

    /// The id of a span; `None` if the dump does not have the span.
    pub(super) fn span(&self, id: u64) -> Option<String> {
        let given = given(self.spans.get(&id)?, "span_id", 8);
        Some(given.unwrap_or_else(|| self.hash(id, "span", 8)))
    }

    /// The trace of a span; `None` if the dump does not have the span.
    pub(super) fn trace(&self, id: u64) -> Option<String> {
        let mut root = *self.spans.get(&id)?;
        for _ in 0..MAX_DEPTH {
            if let Some(given) = given(root, "trace_id", 16) {
                return Some(given);
            }
            match root.parent.and_then(|parent| self.spans.get(&parent)) {
                Some(parent) => root = parent,
                None => break,
            }
        }
        Some(self.hash(root.id, "trace", 16))
    }

    fn hash(&self, id: u64, what: &str, bytes: usize) -> String {
        let process = &self.dump.process;
        let app = app(self.dump);
        let identity = json!([what, app, process.pid, process.started_at, id]);
        let hash = Sha256::digest(identity.to_string());
        hash[..bytes]
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect()
    }
}

/// The id in a field, if it is valid: the right number of bytes in hexadecimal digits, and not 0.
fn given(span: &Span, key: &str, bytes: usize) -> Option<String> {
    let Value::Text(id) = span.fields.get(key)? else {
        return None;
    };
    let is_id = id.len() == 2 * bytes
        && id.bytes().all(|byte| byte.is_ascii_hexdigit())
        && id.bytes().any(|byte| byte != b'0');
    is_id.then(|| id.to_ascii_lowercase())
}
