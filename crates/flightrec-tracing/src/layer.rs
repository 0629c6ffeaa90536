//! The layer: which events it wants, and how it records them.

use std::any::TypeId;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

use flightrec::RecorderSink;
use packlog::Head;
use tracing_core::dispatcher::WeakDispatch;
use tracing_core::span::{Attributes, Id, Record};
use tracing_core::subscriber::Interest;
use tracing_core::{Dispatch, Event, LevelFilter, Metadata, Subscriber};
use tracing_log::{AsLog, AsTrace, NormalizeEvent};
use tracing_subscriber::layer::Context;
use tracing_subscriber::{Layer, Registry};

use crate::duplicates;
use crate::shared::Shared;
use crate::spans::{self, OpenSpans, Spans};
use crate::starved;
use crate::visit::{ErrorVisitor, FieldVisitor};

/// Records events and spans; made by [`install_layer`](crate::BuilderExt::install_layer).
///
/// It has its own filter, DEBUG or the one passed to [`record`](flightrec::Builder::record), and does
/// not change what other layers get. Add it without `with_filter`, at any place among the layers. Clone
/// it for another subscriber; the clone records into the same dumps.
///
/// A layer above it that has no filter gets no events that are more verbose than the recorder's level:
/// give such a layer a filter.
#[derive(Debug)]
pub struct RecorderLayer {
    pub(crate) spans: Spans,
    pub(crate) max_level: LevelFilter,
    /// Whether there is a layer below without a maximum level. Then this layer must not limit the level,
    /// either.
    is_unlimited: bool,
    trace_ids: Option<TraceIds>,
    /// The subscriber to which the layer belongs.
    dispatch: OnceLock<WeakDispatch>,
}

/// Returns the ids of the trace and of a span, big-endian.
type TraceIds = fn(&Id, &Dispatch) -> Option<([u8; 16], [u8; 8])>;

/// Instance 0 means none.
static NEXT_INSTANCE: AtomicU32 = AtomicU32::new(1);

impl RecorderLayer {
    pub(crate) fn new(sink: RecorderSink) -> RecorderLayer {
        // `flightrec doctor` searches the executable for this text.
        std::hint::black_box("flightrec::marker::layer");
        let shared = Shared::leak(sink);
        shared.sink.set_spans(OpenSpans(shared));
        let layer = RecorderLayer::of(shared);
        starved::check_features(shared, layer.max_level);
        layer
    }

    fn of(shared: &'static Shared) -> RecorderLayer {
        RecorderLayer {
            spans: Spans {
                shared,
                instance: NEXT_INSTANCE.fetch_add(1, Ordering::Relaxed),
            },
            max_level: shared.sink.max_level().as_trace(),
            is_unlimited: false,
            trace_ids: None,
            dispatch: OnceLock::new(),
        }
    }

    /// Sets a function that returns the trace id and the span id that another layer, such as that of
    /// `tracing-opentelemetry`, has assigned to a span. It is called each time the span is entered, until
    /// it returns ids. They become the fields `trace_id` and `span_id` of the span in dumps, which
    /// `flightrec export --to otlp` uses.
    ///
    /// # Examples
    ///
    /// With `tracing-opentelemetry` 0.34:
    ///
    /// ```ignore
    /// let layer = layer.with_trace_ids(|span, dispatch| {
    ///     let context = tracing_opentelemetry::get_otel_context(span, dispatch)?;
    ///     let ids = context.span().span_context().clone();
    ///     Some((ids.trace_id().to_bytes(), ids.span_id().to_bytes()))
    /// });
    /// ```
    #[must_use = "returns the changed layer"]
    pub fn with_trace_ids(mut self, ids: TraceIds) -> RecorderLayer {
        self.trace_ids = Some(ids);
        self
    }

    /// Records an event if it is wanted.
    #[inline]
    pub(crate) fn observe(&self, event: &Event<'_>) {
        let metadata = event.metadata();
        if metadata.target() == "log"
            && let Some(normalised) = event.normalized_metadata()
        {
            return self.keep_log(event, &normalised);
        }
        if self.wants(metadata) {
            self.keep(event);
        }
    }

    /// Gets the ids of a span that is entered, if they are not known yet.
    #[inline]
    pub(crate) fn note_trace_ids(&self, id: &Id) {
        if let Some(ids) = self.trace_ids {
            let dispatch = || self.dispatch.get()?.upgrade();
            self.spans.note_trace_ids(id, || ids(id, &dispatch()?));
        }
    }

    fn sink(&self) -> &'static RecorderSink {
        &self.spans.shared.sink
    }

    #[inline]
    pub(crate) fn wants(&self, metadata: &Metadata<'_>) -> bool {
        *metadata.level() <= self.max_level
            && self
                .sink()
                .wants(metadata.level().as_log(), metadata.target())
            && self.sink().is_on()
    }

    #[inline]
    fn keep(&self, event: &Event<'_>) {
        let metadata = event.metadata();
        let span = self.spans.of_event(event.parent(), event.is_contextual());
        let level = metadata.level().as_log();
        let head = Head::new(level, metadata.target())
            .static_place(metadata.module_path(), metadata.file())
            .line(metadata.line())
            .span(span);
        self.push(event, metadata, &head, false);
    }

    /// Keeps an event that `tracing-log` has made of a record of `log`. The record's target, file and
    /// line are in fields.
    #[cold]
    fn keep_log(&self, event: &Event<'_>, metadata: &Metadata<'_>) {
        if !self.wants(metadata) || duplicates::is_copy(metadata) {
            return;
        }
        let span = self.spans.of_event(event.parent(), event.is_contextual());
        let level = metadata.level().as_log();
        let head = Head::new(level, metadata.target())
            .place(metadata.module_path(), metadata.file())
            .line(metadata.line())
            .span(span);
        self.push(event, metadata, &head, true);
        duplicates::note_log(metadata);
    }

    /// Packs an event into the ring, and makes the dumps that it triggers.
    #[inline(always)]
    fn push(&self, event: &Event<'_>, metadata: &Metadata<'_>, head: &Head<'_>, is_log: bool) {
        let sink = self.sink();
        let level = metadata.level().as_log();
        let mut has_error = false;
        packlog::pack_event(
            head,
            |writer| {
                let mut visitor = match is_log {
                    true => FieldVisitor::of_log(writer, sink),
                    false => FieldVisitor::new(writer, sink),
                };
                event.record(&mut visitor);
                has_error = visitor.has_error;
            },
            |packed| sink.push(level, packed),
        );
        if has_error {
            event.record(&mut ErrorVisitor { sink, metadata });
        }
        if sink.triggers_on(level) {
            self.trigger(event, metadata);
        }
    }

    #[cold]
    fn trigger(&self, event: &Event<'_>, metadata: &Metadata<'_>) {
        let head = Head::new(log::Level::Error, "");
        let sink = self.sink();
        let message = packlog::pack_event(
            &head,
            |writer| event.record(&mut FieldVisitor::of_log(writer, sink)),
            |packed| packlog::unpack(packed).map(|record| record.message.into_owned()),
        );
        sink.trigger(
            &log::Record::builder()
                .level(metadata.level().as_log())
                .target(metadata.target())
                .module_path(metadata.module_path())
                .file(metadata.file())
                .line(metadata.line())
                .args(format_args!("{}", message.unwrap_or_default()))
                .build(),
        );
    }
}

impl Clone for RecorderLayer {
    fn clone(&self) -> RecorderLayer {
        let mut layer = RecorderLayer::of(self.spans.shared);
        layer.trace_ids = self.trace_ids;
        layer
    }
}

impl Drop for RecorderLayer {
    fn drop(&mut self) {
        self.spans.forget();
    }
}

impl<S: Subscriber> Layer<S> for RecorderLayer {
    fn on_layer(&mut self, subscriber: &mut S) {
        // The registry has no maximum level, either, but is not a layer.
        let is_registry = TypeId::of::<S>() == TypeId::of::<Registry>();
        self.is_unlimited = !is_registry && subscriber.max_level_hint().is_none();
    }

    fn on_register_dispatch(&self, dispatch: &Dispatch) {
        let _ = self.dispatch.set(dispatch.downgrade());
        let shared = self.spans.shared;
        if shared.is_first_check() {
            starved::check_subscriber(shared, self.max_level, dispatch);
        }
    }

    fn register_callsite(&self, metadata: &'static Metadata<'static>) -> Interest {
        duplicates::register(metadata);
        // "Never" would disable the callsite for all layers.
        Interest::always()
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        (!self.is_unlimited).then_some(self.max_level)
    }

    #[inline]
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        self.observe(event);
    }

    fn on_new_span(&self, attrs: &Attributes<'_>, id: &Id, _: Context<'_, S>) {
        if self.wants(attrs.metadata()) {
            self.spans.open(attrs, id);
        }
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, _: Context<'_, S>) {
        self.spans.record(id, values);
    }

    fn on_follows_from(&self, id: &Id, follows: &Id, _: Context<'_, S>) {
        self.spans.follow(id, follows);
    }

    #[inline]
    fn on_enter(&self, id: &Id, _: Context<'_, S>) {
        self.spans.enter(id);
        self.note_trace_ids(id);
    }

    #[inline]
    fn on_exit(&self, id: &Id, _: Context<'_, S>) {
        self.spans.exit(id);
    }

    fn on_close(&self, id: Id, _: Context<'_, S>) {
        self.spans.close(&id);
    }

    fn on_id_change(&self, old: &Id, _new: &Id, _: Context<'_, S>) {
        // If the span is entered again, it is entered with its new id.
        self.spans.exit(old);
        spans::forget_stale();
    }
}
