//! Spans: a table of the open spans, and for each thread a stack of the spans that it has entered.
//!
//! The description of a span is packed once, when the span is created. It is pushed to the recorder's
//! tail when the first event or stack refers to it, and again if it has changed since, or if the tail may
//! have evicted it. So a span without events takes no space in the tail, and events have only an id.

mod stack;
mod table;

use std::num::NonZeroU64;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use flightrec::SpanSource;
use packlog::{Head, SpanHead};
use tracing_core::span::{Attributes, Id, Record};
use tracing_log::AsLog;

use crate::shared::Shared;
use crate::visit;
pub(crate) use stack::forget_stale;
use table::{Key, Span, SpanRef};

/// How many bytes of fields are kept for each span.
const MAX_FIELDS: usize = 2048;
/// How many `follows_from` links are kept for each span.
const MAX_LINKS: usize = 16;

/// The part of a layer that records spans.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Spans {
    pub(crate) shared: &'static Shared,
    /// Tells apart the ids of different subscribers.
    pub(crate) instance: u32,
}

impl Spans {
    fn key(self, id: &Id) -> Key {
        Key {
            id: id.into_u64(),
            instance: self.instance,
        }
    }

    pub(crate) fn open(self, attrs: &Attributes<'_>, id: &Id) {
        let parent = match attrs.parent() {
            Some(parent) => table::find(self.key(parent)),
            None if attrs.is_contextual() => stack::current(self.instance),
            None => None,
        };
        let now = SystemTime::now().duration_since(UNIX_EPOCH);
        let opened_at = now.map_or(0, |now| now.as_nanos() as u64);
        let opened = self.shared.sink.watches_spans().then(Instant::now);
        let opened = visit::pack(
            &self.shared.sink,
            MAX_FIELDS,
            |visitor| attrs.record(visitor),
            |fields, flaws| {
                let fill = |span: &mut Span| {
                    span.shared = Some(self.shared);
                    span.metadata = Some(attrs.metadata());
                    span.parent = parent;
                    span.opened_at = opened_at;
                    span.opened = opened;
                    span.fields.extend_from_slice(fields);
                    span.is_cut = flaws.cut();
                };
                table::insert(self.key(id), fill)
            },
        );
        if !opened {
            self.shared.lost.fetch_add(1, Ordering::Relaxed);
        }
    }

    pub(crate) fn record(self, id: &Id, values: &Record<'_>) {
        let Some(span) = table::find(self.key(id)) else {
            return;
        };
        let write = |visitor: &mut visit::FieldVisitor<'_, '_, '_>| values.record(visitor);
        visit::pack(&self.shared.sink, MAX_FIELDS, write, |fields, flaws| {
            span.change(|span| {
                span.is_cut |= flaws.cut();
                if !span.add_fields(fields, MAX_FIELDS) {
                    span.is_cut = true;
                }
            });
        });
    }

    /// Adds the trace id and the span id, unless the span has them.
    pub(crate) fn note_trace_ids(self, id: &Id, ids: impl FnOnce() -> Option<([u8; 16], [u8; 8])>) {
        let Some(span) = table::find(self.key(id)) else {
            return;
        };
        let mut has_ids = false;
        span.read(|span| has_ids = span.has_trace_ids);
        if has_ids {
            return;
        }
        // Called without the lock of the span, because it is the program's code.
        let Some((trace, span_id)) = ids().filter(|ids| *ids != ([0; 16], [0; 8])) else {
            return;
        };
        let trace = format!("{:032x}", u128::from_be_bytes(trace));
        let span_id = format!("{:016x}", u64::from_be_bytes(span_id));
        let write = |visitor: &mut visit::FieldVisitor<'_, '_, '_>| {
            visitor.text("trace_id", &trace);
            visitor.text("span_id", &span_id);
        };
        visit::pack(&self.shared.sink, MAX_FIELDS, write, |fields, _| {
            span.change(|span| {
                span.has_trace_ids = true;
                span.is_cut |= !span.add_fields(fields, MAX_FIELDS);
            });
        });
    }

    pub(crate) fn follow(self, id: &Id, follows: &Id) {
        let (Some(span), Some(follows)) =
            (table::find(self.key(id)), table::find(self.key(follows)))
        else {
            return;
        };
        // The other span may be closed before this span has an event, so it is pushed now.
        push_path(follows);
        span.change(|span| {
            if span.follows_from.len() < MAX_LINKS {
                span.follows_from.push(follows.id.get());
            } else {
                span.is_cut = true;
            }
        });
    }

    #[inline]
    pub(crate) fn enter(self, id: &Id) {
        if let Some(span) = table::find(self.key(id)) {
            stack::push(self.key(id), Some(span));
        }
    }

    /// Like [`enter`](Spans::enter), but also for spans that are not recorded.
    pub(crate) fn enter_any(self, id: &Id) {
        stack::push(self.key(id), table::find(self.key(id)));
    }

    /// The innermost span that this thread has entered, recorded or not. All spans must be entered by
    /// [`enter_any`](Spans::enter_any).
    pub(crate) fn innermost(self) -> Option<Id> {
        stack::innermost_id(self.instance).map(Id::from_u64)
    }

    #[inline]
    pub(crate) fn exit(self, id: &Id) {
        stack::pop(self.key(id));
    }

    pub(crate) fn close(self, id: &Id) {
        let Some(span) = table::find(self.key(id)) else {
            return;
        };
        let pushed_as = span.pushed_as();
        let mut slow = None;
        span.remove(|data| {
            slow = data.slow();
            // Events refer to the span, or the dump will.
            if data.was_pushed || slow.is_some() {
                if pushed_as == 0 {
                    push(span, data);
                }
                packlog::pack_span_closed(span.id, |packed| self.shared.push(packed));
            }
        });
        // Not under the lock of the span, because a dump runs the program's code.
        if let Some((name, took)) = slow {
            self.shared.sink.trigger_of_span(span.id, name, took);
        }
    }

    /// The span to which an event with this parent belongs. When this returns, the tail has the span's
    /// description.
    #[inline]
    pub(crate) fn of_event(self, parent: Option<&Id>, is_contextual: bool) -> Option<NonZeroU64> {
        let span = match parent {
            Some(parent) => table::find(self.key(parent)),
            None if is_contextual => stack::current(self.instance),
            None => None,
        }?;
        if !self.shared.has(span.pushed_as()) {
            push_path(span);
        }
        Some(span.id)
    }

    /// Removes the spans of a layer that will not be told when they end.
    pub(crate) fn forget(self) {
        table::remove_all(self.instance);
    }
}

/// The span that this thread is in, for a stack that is captured.
pub(crate) fn current_of_capture() -> Option<NonZeroU64> {
    let span = stack::innermost()?;
    push_path(span);
    Some(span.id)
}

/// Pushes those of the span and its ancestors that the tail may not have.
#[cold]
fn push_path(span: SpanRef) {
    let mut next = Some(span);
    while let Some(span) = next {
        next = None;
        let pushed_as = span.pushed_as();
        span.read(|data| {
            next = data.parent;
            if !data.shared.is_some_and(|shared| shared.has(pushed_as)) {
                push(span, data);
            }
        });
    }
}

fn push(span: SpanRef, data: &mut Span) {
    let Some(shared) = data.shared else {
        return;
    };
    data.was_pushed = true;
    if let Some(pushed_as) = pack(span, data, |packed| shared.push(packed)) {
        span.set_pushed_as(pushed_as);
    }
}

fn pack<R>(span: SpanRef, data: &Span, f: impl FnOnce(&[u8]) -> R) -> Option<R> {
    let metadata = data.metadata?;
    let head = Head::new(metadata.level().as_log(), metadata.target())
        .static_place(metadata.module_path(), metadata.file())
        .line(metadata.line())
        .span(Some(span.id));
    let its = SpanHead {
        parent: data.parent.map(|parent| parent.id),
        opened_at: data.opened_at,
        follows_from: &data.follows_from,
    };
    let packed = packlog::pack_span(&head, &its, metadata.name(), &data.fields, f);
    Some(packed)
}

impl Span {
    /// The span's name and how long it was open, if a rule makes a dump because of that.
    fn slow(&self) -> Option<(&'static str, Duration)> {
        let took = self.opened?.elapsed();
        let name = self.metadata?.name();
        let is_slow = self.shared?.sink.is_slow(name, took);
        is_slow.then_some((name, took))
    }
}

/// Gives a recorder the open spans and the notes when it makes a dump.
pub(crate) struct OpenSpans(pub(crate) &'static Shared);

impl SpanSource for OpenSpans {
    fn open_spans(&self, each: &mut dyn FnMut(&[u8])) {
        table::for_each(|span, data| {
            if data
                .shared
                .is_some_and(|shared| std::ptr::eq(shared, self.0))
            {
                pack(span, data, &mut *each);
            }
        });
    }

    fn notes(&self) -> Vec<String> {
        let mut notes = self.0.notes();
        let lost = self.0.lost.load(Ordering::Relaxed);
        if lost > 0 {
            let spans = if lost == 1 { "span was" } else { "spans were" };
            notes.push(format!(
                "{lost} {spans} not kept, because too many were open at once"
            ));
        }
        notes
    }
}
