//! The spans of a dump: those that its records and stacks refer to, and their ancestors.

use std::collections::{HashMap, HashSet};
use std::time::{Duration, UNIX_EPOCH};

use flightrec_dump::{Dump, Span, Timestamp};
use packlog::{OpenedSpan, RecordKind, Unpacked};
use tailwriter::Snapshot;

use crate::collect::{self, Source};

/// Adds the spans of this process to those that the dump has. `records` may hold spans, too.
pub(crate) fn add(source: &Source, records: &Snapshot, dump: &mut Dump) {
    let spans = std::mem::take(&mut dump.spans).into_iter();
    let mut known = Known(spans.map(|span| (span.id, span)).collect());
    match source.tail.span_snapshot() {
        Some(spans) => known.read(&spans),
        None => known.read(records),
    }
    if let Some(open) = source.spans.get() {
        open.open_spans(&mut |packed| known.add(packed, None));
        for note in open.notes() {
            if !dump.notes.contains(&note) {
                dump.notes.push(note);
            }
        }
    }
    known.move_to(dump);
}

/// Adds the spans of a dead process, which are among its records.
#[cfg(feature = "crash-safe")]
pub(crate) fn add_recovered(records: &Snapshot, dump: &mut Dump) {
    let mut known = Known::default();
    known.read(records);
    known.move_to(dump);
}

#[derive(Default)]
struct Known(HashMap<u64, Span>);

impl Known {
    fn read(&mut self, snapshot: &Snapshot) {
        for entry in snapshot.entries() {
            self.add(entry.line(), Some(entry.time().into()));
        }
    }

    /// Later descriptions of a span replace earlier ones: they have more fields.
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

    fn move_to(mut self, dump: &mut Dump) {
        let records = dump.latest_logs.iter().filter_map(|record| record.span);
        let stacks = dump.all_traces().filter_map(|trace| trace.span);
        let mut wanted: Vec<u64> = records.chain(stacks).collect();
        let mut asked = HashSet::new();
        let mut missing = 0_u64;
        while let Some(id) = wanted.pop() {
            if !asked.insert(id) {
                continue;
            }
            let Some(span) = self.0.remove(&id) else {
                missing += 1;
                continue;
            };
            wanted.extend(span.parent);
            wanted.extend(&span.follows_from);
            dump.spans.push(span);
        }
        dump.spans.sort_by_key(|span| span.id);
        if missing > 0 {
            let spans = if missing == 1 { "span is" } else { "spans are" };
            dump.notes.push(format!(
                "{missing} {spans} missing: newer ones evicted them"
            ));
        }
    }
}

fn span(id: u64, packed: &Unpacked<'_>, opened: &OpenedSpan<'_>) -> Span {
    let mut span = Span::default();
    span.id = id;
    span.parent = opened.parent;
    span.follows_from = opened.follows_from().collect();
    span.name = packed.message.clone().into_owned();
    span.target = packed.target.to_owned();
    span.level = collect::level(packed.level);
    span.file = packed.file.map(str::to_owned);
    span.line = packed.line;
    let opened_at = UNIX_EPOCH.checked_add(Duration::from_nanos(opened.opened_at));
    span.opened_at = opened_at.map(Into::into);
    for (key, value) in packed.fields() {
        // What was recorded later replaces what was there.
        span.fields.insert(key, collect::value(value));
    }
    span
}
