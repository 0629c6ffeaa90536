//! The spans that a thread has entered, innermost last.

use std::cell::RefCell;

use super::table::{Key, SpanRef};

struct Entered {
    key: Key,
    /// `None` if the span is not recorded.
    span: Option<SpanRef>,
}

impl Entered {
    #[inline]
    fn open(&self) -> Option<SpanRef> {
        self.span.filter(|span| span.is_open())
    }
}

thread_local! {
    static ENTERED: RefCell<Vec<Entered>> = const { RefCell::new(Vec::new()) };
}

/// Returns `None` in a signal handler that has interrupted a change, and if the thread is ending.
#[inline]
fn with<R>(work: impl FnOnce(&mut Vec<Entered>) -> R) -> Option<R> {
    let done =
        ENTERED.try_with(|entered| entered.try_borrow_mut().ok().map(|mut it| work(&mut it)));
    done.ok().flatten()
}

#[inline]
pub(super) fn push(key: Key, span: Option<SpanRef>) {
    with(|entered| entered.push(Entered { key, span }));
}

/// Removes the innermost entry of a span. Spans may be left in any order.
#[inline]
pub(super) fn pop(key: Key) {
    with(|entered| {
        if entered.last().is_some_and(|last| last.key == key) {
            entered.pop();
        } else if let Some(at) = entered.iter().rposition(|its| its.key == key) {
            entered.remove(at);
        }
    });
}

/// The innermost span of a layer.
#[inline]
pub(super) fn current(instance: u32) -> Option<SpanRef> {
    with(|entered| {
        let of_layer = |its: &&Entered| its.key.instance == instance;
        let mut innermost = entered.iter().rev().filter(of_layer);
        innermost.find_map(Entered::open)
    })?
}

/// The id of the innermost span of a layer, recorded or not.
pub(super) fn innermost_id(instance: u32) -> Option<u64> {
    with(|entered| {
        let mut innermost = entered.iter().rev();
        let of_layer = |its: &&Entered| its.key.instance == instance;
        innermost.find(of_layer).map(|its| its.key.id)
    })?
}

/// The innermost span of any layer.
pub(super) fn innermost() -> Option<SpanRef> {
    with(|entered| {
        let mut innermost = entered.iter().rev();
        innermost.find_map(Entered::open)
    })?
}

/// Removes entries of spans that were closed without being exited, because their layer was dropped.
pub(crate) fn forget_stale() {
    with(|entered| entered.retain(|its| its.span.is_none_or(SpanRef::is_open)));
}
