//! The spans of a dump: those to which its records and stacks refer, and their ancestors.

use std::collections::{HashMap, HashSet};
use std::time::{Duration, UNIX_EPOCH};

use flightrec_dump::{Dump, Span, StackOrigin, Timestamp, Value};
use packlog::{OpenedSpan, RecordKind, Unpacked};
use stackerr::{SpanTrace, TracedSpan};
use tailwriter::Snapshot;

use super::records;

/// Provides the open spans.
pub trait SpanSource: Send + Sync {
    /// Calls `each` with every open span, packed by [`packlog::pack_span`]. Must not block, because a
    /// signal handler may call it: skip spans that can't be read now.
    fn open_spans(&self, each: &mut dyn FnMut(&[u8]));

    /// Returns notes for the dump, one sentence each: data that could not be kept, and reasons why
    /// records do not reach the recorder.
    fn notes(&self) -> Vec<String>;
}

/// Adds the spans to which the records and stacks of a dump refer to the spans in the dump. `closed` has
/// packed spans, `open` provides the open ones, and `carried` are the span traces of the errors.
pub fn add_spans(
    closed: &Snapshot,
    open: Option<&dyn SpanSource>,
    carried: &[SpanTrace],
    dump: &mut Dump,
) {
    let spans = std::mem::take(&mut dump.spans).into_iter();
    let mut known = SpanTable(spans.map(|span| (span.id, span)).collect());
    known.read(closed);
    if let Some(open) = open {
        open.open_spans(&mut |packed| known.add(packed, None));
        for note in open.notes() {
            if !dump.notes.contains(&note) {
                dump.notes.push(note);
            }
        }
    }
    for trace in carried {
        known.add_carried(trace, dump);
    }
    known.move_referenced(dump);
}

#[derive(Default)]
struct SpanTable(HashMap<u64, Span>);

impl SpanTable {
    fn read(&mut self, snapshot: &Snapshot) {
        for entry in snapshot.entries() {
            self.add(entry.line(), Some(entry.time().into()));
        }
    }

    /// Adds a packed span, or the time at which a span was closed. A later description of a span
    /// replaces an earlier one, because it has more fields.
    fn add(&mut self, packed: &[u8], at: Option<Timestamp>) {
        let Ok(packed) = packlog::unpack(packed) else {
            return;
        };
        match (&packed.kind, packed.span) {
            (RecordKind::Span(opened), Some(id)) => {
                self.0.insert(id, span(id, &packed, opened));
            }
            (RecordKind::SpanClosed, Some(id)) => {
                if let Some(span) = self.0.get_mut(&id) {
                    span.closed_at = at;
                }
            }
            _ => {}
        }
    }

    /// Sets the span of an error's stack to the span that the error carries.
    fn add_carried(&mut self, carried: &SpanTrace, dump: &mut Dump) {
        let innermost = self.find_open(&carried.spans);
        let innermost = innermost.or_else(|| self.insert_path(&carried.spans));
        let traces = &mut dump.stack_traces;
        let own = traces.iter().position(|trace| trace.error == carried.error);
        let Some(trace) = traces.get_mut(own.unwrap_or(0)) else {
            return;
        };
        // Foreign errors carry their spans before stackerr captures a stack, so these spans are more
        // exact.
        let is_later = matches!(
            trace.origin,
            StackOrigin::Conversion | StackOrigin::Foreign | StackOrigin::Caller
        );
        if is_later || own.is_some() || trace.span.is_none() {
            trace.span = innermost;
        }
    }

    /// Finds the open span that equals the first one of `path`, and whose ancestors equal the others.
    /// The error keeps its span open.
    fn find_open(&self, path: &[TracedSpan]) -> Option<u64> {
        let matches = |span: &Span| {
            let mut next = Some(span);
            path.iter().all(|carried| {
                let Some(span) = next else { return false };
                next = span.parent.and_then(|parent| self.0.get(&parent));
                is_same(span, carried)
            })
        };
        let spans = self.0.values();
        spans
            .filter(|span| span.closed_at.is_none() && matches(span))
            .map(|span| span.id)
            .max()
    }

    /// Adds spans that the recorder does not know. Returns the id of the innermost one.
    fn insert_path(&mut self, path: &[TracedSpan]) -> Option<u64> {
        let mut parent = None;
        for carried in path.iter().rev() {
            let id = self.0.keys().max().map_or(1, |id| id.saturating_add(1));
            let mut span = Span::default();
            span.id = id;
            span.parent = parent;
            span.name.clone_from(&carried.name);
            span.target.clone_from(&carried.target);
            span.file.clone_from(&carried.file);
            span.line = carried.line;
            if !carried.fields.is_empty() {
                span.fields.insert("fields", carried.fields.as_str().into());
            }
            self.0.insert(id, span);
            parent = Some(id);
        }
        parent
    }

    /// Moves the spans to which the dump refers, and their ancestors, to the dump.
    fn move_referenced(mut self, dump: &mut Dump) {
        let records = dump.latest_logs.iter().filter_map(|record| record.span);
        let stacks = dump.all_traces().filter_map(|trace| trace.span);
        let mut pending: Vec<u64> = records.chain(stacks).collect();
        let mut visited = HashSet::new();
        let mut missing = 0_u64;
        while let Some(id) = pending.pop() {
            if !visited.insert(id) {
                continue;
            }
            let Some(span) = self.0.remove(&id) else {
                missing += 1;
                continue;
            };
            pending.extend(span.parent);
            pending.extend(&span.follows_from);
            dump.spans.push(span);
        }
        dump.spans.sort_unstable_by_key(|span| span.id);
        if missing > 0 {
            let spans = if missing == 1 { "span is" } else { "spans are" };
            dump.notes
                .push(format!("{missing} {spans} missing: evicted by newer spans"));
        }
    }
}

fn is_same(span: &Span, carried: &TracedSpan) -> bool {
    span.name == carried.name
        && span.target == carried.target
        && span.file == carried.file
        && span.line == carried.line
        && span.fields.iter().all(|(key, value)| {
            let text = match value {
                Value::Text(text) => text.clone(),
                other => serde_json::to_string(other).unwrap_or_default(),
            };
            carried.fields.contains(&format!("{key}={text}"))
                || carried.fields.contains(&format!("{key}={text:?}"))
        })
}

fn span(id: u64, packed: &Unpacked<'_>, opened: &OpenedSpan<'_>) -> Span {
    let mut span = Span::default();
    span.id = id;
    span.parent = opened.parent;
    span.follows_from = opened.follows_from().collect();
    span.name = packed.message.clone().into_owned();
    span.target = packed.target.to_owned();
    span.level = records::level(packed.level);
    span.file = packed.file.map(str::to_owned);
    span.line = packed.line;
    let opened_at = UNIX_EPOCH.checked_add(Duration::from_nanos(opened.opened_at));
    span.opened_at = opened_at.map(Into::into);
    for (key, value) in packed.fields() {
        // A value that was recorded later replaces an earlier one.
        span.fields.insert(key, records::value(value));
    }
    span
}
