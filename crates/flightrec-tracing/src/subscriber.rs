//! A subscriber that records, and forwards events and spans to another subscriber that wants them.
//!
//! The other subscriber does not know spans that only the recorder wants. Their ids are made here.

use std::any::TypeId;
use std::collections::HashMap;
use std::hash::{BuildHasherDefault, DefaultHasher};
use std::sync::atomic::Ordering;

use forklock::{ForkMutex, ForkMutexGuard, LockError};
use tracing_core::span::{Attributes, Current, Id, Record};
use tracing_core::subscriber::Interest;
use tracing_core::{Dispatch, Event, LevelFilter, Metadata, Subscriber};
use tracing_log::NormalizeEvent;
use tracing_subscriber::{Layer, Registry};

use crate::atomic::AtomicU64;
use crate::callsites::CallsiteSet;
use crate::layer::RecorderLayer;

/// A [`Subscriber`] that records, and forwards events and spans to another subscriber that wants them;
/// made by [`RecorderLayer::wrap`].
///
/// [`downcast_ref`](Dispatch::downcast_ref) finds the other subscriber and its parts.
#[derive(Debug)]
pub struct RecorderSubscriber<S> {
    layer: RecorderLayer,
    inner: S,
    /// Callsites in which `inner` is never interested, although its `enabled` may return true for them.
    unwanted: CallsiteSet<usize>,
    handles: Handles,
}

impl RecorderLayer {
    /// Wraps a subscriber that takes no layers. It gets the events and spans that it wants, and the
    /// recorder records those that the recorder wants.
    ///
    /// A filter of `subscriber` does not affect the recorder, and `subscriber` gets no event or span that
    /// it would not get without the recorder.
    ///
    /// # Examples
    ///
    /// ```
    /// use flightrec_tracing::BuilderExt;
    /// use tracing_subscriber::fmt;
    ///
    /// let (recorder, layer) = flightrec::builder("doc").install_layer()?;
    /// let console = fmt().with_max_level(tracing::Level::WARN).finish();
    /// tracing::subscriber::set_global_default(layer.wrap(console))?;
    /// tracing::debug!("kept, and not printed");
    /// assert_eq!(recorder.snapshot().latest_logs.len(), 1);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use = "the subscriber must be set as the default"]
    pub fn wrap<S: Subscriber>(self, subscriber: S) -> RecorderSubscriber<S> {
        RecorderSubscriber::new(self, subscriber)
    }
}

impl<S: Subscriber> RecorderSubscriber<S> {
    pub(crate) fn new(layer: RecorderLayer, inner: S) -> RecorderSubscriber<S> {
        RecorderSubscriber {
            layer,
            inner,
            unwanted: CallsiteSet::new(),
            handles: Handles::default(),
        }
    }

    /// Whether to forward. Must be called directly before `inner` gets the event or span, because
    /// per-layer filters store their answer and use it then.
    fn forwards(&self, metadata: &Metadata<'_>, callsite: &Metadata<'_>) -> bool {
        self.inner.enabled(metadata) && !self.unwanted.contains(&address(callsite))
    }

    /// The innermost span that this thread has entered, whether `inner` knows it or not.
    fn innermost(&self) -> Option<Id> {
        self.layer.spans.innermost()
    }

    /// The nearest ancestor that `inner` knows, or the span itself.
    fn visible(&self, id: Id) -> Option<Id> {
        match is_hidden(&id) {
            true => self.handles.visible_parent(&id),
            false => Some(id),
        }
    }

    fn make_visible(&self, attrs: &Attributes<'_>, parent: Option<&Id>) -> Id {
        let Some(hidden) = parent.filter(|parent| is_hidden(parent)) else {
            return self.inner.new_span(attrs);
        };
        let (metadata, values) = (attrs.metadata(), attrs.values());
        let attrs = match self.handles.visible_parent(hidden) {
            Some(parent) => Attributes::child_of(parent, metadata, values),
            None => Attributes::new_root(metadata, values),
        };
        self.inner.new_span(&attrs)
    }
}

impl<S: Subscriber> Subscriber for RecorderSubscriber<S> {
    fn on_register_dispatch(&self, dispatch: &Dispatch) {
        Layer::<Registry>::on_register_dispatch(&self.layer, dispatch);
        self.inner.on_register_dispatch(dispatch);
    }

    fn register_callsite(&self, metadata: &'static Metadata<'static>) -> Interest {
        let interest = self.inner.register_callsite(metadata);
        if interest.is_never() {
            self.unwanted.insert(address(metadata));
        } else {
            self.unwanted.remove(&address(metadata));
        }
        let ours = Layer::<Registry>::register_callsite(&self.layer, metadata);
        // `inner` is asked for each event.
        let is_ours = *metadata.level() <= self.layer.max_level;
        if is_ours { ours } else { interest }
    }

    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        self.layer.wants(metadata) || self.forwards(metadata, metadata)
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        let inner = self.inner.max_level_hint()?;
        Some(inner.max(self.layer.max_level))
    }

    fn new_span(&self, attrs: &Attributes<'_>) -> Id {
        let metadata = attrs.metadata();
        let parent = match attrs.parent() {
            Some(parent) => Some(parent.clone()),
            None if attrs.is_contextual() => self.innermost(),
            None => None,
        };
        let is_visible = self.forwards(metadata, metadata);
        let id = match is_visible {
            true => self.make_visible(attrs, parent.as_ref()),
            false => next_hidden_id(),
        };
        if self.layer.wants(metadata) {
            self.layer.spans.open(attrs, &id);
        }
        let visible_parent = match is_visible {
            true => None,
            // The parent is held open for children that `inner` will know.
            false => parent
                .clone()
                .and_then(|parent| self.visible(parent))
                .map(|parent| self.inner.clone_span(&parent)),
        };
        let parent = parent.filter(|parent| self.handles.retain(parent));
        let handle = Handle {
            count: 1,
            metadata,
            parent,
            visible_parent,
        };
        self.handles.insert(&id, handle);
        id
    }

    fn record(&self, id: &Id, values: &Record<'_>) {
        self.layer.spans.record(id, values);
        if !is_hidden(id) {
            self.inner.record(id, values);
        }
    }

    fn record_follows_from(&self, id: &Id, follows: &Id) {
        self.layer.spans.follow(id, follows);
        if !is_hidden(id) && !is_hidden(follows) {
            self.inner.record_follows_from(id, follows);
        }
    }

    fn event(&self, event: &Event<'_>) {
        self.layer.observe(event);
        let metadata = event.metadata();
        // An event made of a `log` record has the record's target in a field.
        let forwards = match event.normalized_metadata() {
            Some(normalised) => self.forwards(&normalised, metadata),
            None => self.forwards(metadata, metadata),
        };
        if forwards && self.inner.event_enabled(event) {
            // If `inner` does not know the parent, the parent can't be replaced, because the values of an
            // event are not accessible. `inner` then gets the event outside of spans.
            self.inner.event(event);
        }
    }

    fn enter(&self, id: &Id) {
        self.layer.spans.enter_any(id);
        if !is_hidden(id) {
            self.inner.enter(id);
            self.layer.note_trace_ids(id);
        }
    }

    fn exit(&self, id: &Id) {
        self.layer.spans.exit(id);
        if !is_hidden(id) {
            self.inner.exit(id);
        }
    }

    fn clone_span(&self, id: &Id) -> Id {
        let clone = match is_hidden(id) {
            true => id.clone(),
            false => self.inner.clone_span(id),
        };
        self.handles.retain(&clone);
        clone
    }

    fn try_close(&self, id: Id) -> bool {
        let mut is_closed = false;
        let mut next = Some(id.clone());
        while let Some(released) = next.take() {
            // Must happen before `inner` can reuse the id.
            if let Some(handle) = self.handles.release(&released) {
                self.layer.spans.close(&released);
                is_closed |= released == id;
                if let Some(parent) = handle.visible_parent {
                    self.inner.try_close(parent);
                }
                next = handle.parent;
            }
        }
        match is_hidden(&id) {
            true => is_closed,
            false => self.inner.try_close(id),
        }
    }

    fn current_span(&self) -> Current {
        match self.innermost() {
            Some(id) if is_hidden(&id) => match self.handles.metadata(&id) {
                Some(metadata) => Current::new(id, metadata),
                None => Current::none(),
            },
            _ => self.inner.current_span(),
        }
    }

    #[allow(unsafe_code)]
    unsafe fn downcast_raw(&self, id: TypeId) -> Option<*const ()> {
        if id == TypeId::of::<Self>() {
            return Some((&raw const *self).cast());
        }
        if id == TypeId::of::<RecorderLayer>() {
            return Some((&raw const self.layer).cast());
        }
        // SAFETY: the pointers above are to values of the requested type that live as long as `self`.
        // `inner` guarantees the same for its own.
        unsafe { self.inner.downcast_raw(id) }
    }
}

fn address(callsite: &Metadata<'_>) -> usize {
    (&raw const *callsite).addr()
}

/// The upper 14 bits of the ids of spans that the other subscriber does not know. `Registry` never sets
/// the lowest of these bits, and other subscribers count from 1.
const HIDDEN: u64 = 0x2FED << TAG_SHIFT;
const TAG_SHIFT: u32 = 50;

fn is_hidden(id: &Id) -> bool {
    id.into_u64() >> TAG_SHIFT == HIDDEN >> TAG_SHIFT
}

fn next_hidden_id() -> Id {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    Id::from_u64(HIDDEN | NEXT.fetch_add(1, Ordering::Relaxed))
}

/// The state of an open span. It counts handles, because other subscribers need not do so.
#[derive(Debug)]
struct Handle {
    count: usize,
    metadata: &'static Metadata<'static>,
    /// The parent, which stays open as long as this span.
    parent: Option<Id>,
    /// The nearest ancestor that the other subscriber knows, if it does not know this span.
    visible_parent: Option<Id>,
}

type Shard = HashMap<u64, Handle, BuildHasherDefault<DefaultHasher>>;

const SHARDS: usize = 16;

#[derive(Debug, Default)]
struct Handles([ForkMutex<Shard>; SHARDS]);

impl Handles {
    /// `None` if a signal handler has interrupted this thread while it held the lock.
    fn shard(&self, id: &Id) -> Option<ForkMutexGuard<'_, Shard>> {
        match self.0[id.into_u64() as usize % SHARDS].lock() {
            Ok(shard) => Some(shard),
            Err(LockError::Orphaned(mut shard)) => {
                // A thread that the fork did not copy may have been changing the map, so it must not
                // even be dropped.
                std::mem::forget(std::mem::take(&mut *shard));
                Some(shard)
            }
            Err(_) => None,
        }
    }

    fn insert(&self, id: &Id, handle: Handle) {
        if let Some(mut shard) = self.shard(id) {
            shard.insert(id.into_u64(), handle);
        }
    }

    /// Adds a handle. Returns whether the span is known.
    fn retain(&self, id: &Id) -> bool {
        self.shard(id).is_some_and(|mut shard| {
            let handle = shard.get_mut(&id.into_u64());
            handle.map(|handle| handle.count += 1).is_some()
        })
    }

    /// Removes a handle. Returns the span if this was its last handle.
    fn release(&self, id: &Id) -> Option<Handle> {
        let mut shard = self.shard(id)?;
        let handle = shard.get_mut(&id.into_u64())?;
        handle.count -= 1;
        match handle.count {
            0 => shard.remove(&id.into_u64()),
            _ => None,
        }
    }

    fn metadata(&self, id: &Id) -> Option<&'static Metadata<'static>> {
        Some(self.shard(id)?.get(&id.into_u64())?.metadata)
    }

    fn visible_parent(&self, id: &Id) -> Option<Id> {
        self.shard(id)?.get(&id.into_u64())?.visible_parent.clone()
    }
}
