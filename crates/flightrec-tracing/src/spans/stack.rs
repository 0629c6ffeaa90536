//! The spans that a thread has entered, innermost last.

use std::cell::RefCell;

use super::table::{Key, SpanRef};

struct Entered {
    key: Key,
    span: SpanRef,
}

thread_local! {
    static ENTERED: RefCell<Vec<Entered>> = const { RefCell::new(Vec::new()) };
}

/// `None` if a signal handler has interrupted a change, or the thread is ending.
#[inline]
fn with<R>(work: impl FnOnce(&mut Vec<Entered>) -> R) -> Option<R> {
    let done =
        ENTERED.try_with(|entered| entered.try_borrow_mut().ok().map(|mut it| work(&mut it)));
    done.ok().flatten()
}

#[inline]
pub(super) fn push(key: Key, span: SpanRef) {
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
        let mut innermost = entered.iter().rev();
        innermost
            .find(|its| its.key.instance == instance && its.span.is_open())
            .map(|its| its.span)
    })?
}

/// The innermost span of any layer.
pub(super) fn innermost() -> Option<SpanRef> {
    with(|entered| {
        let mut innermost = entered.iter().rev();
        innermost.find(|its| its.span.is_open()).map(|its| its.span)
    })?
}

/// Removes entries of spans that were closed without being left: their layer is gone.
pub(crate) fn forget_stale() {
    with(|entered| entered.retain(|its| its.span.is_open()));
}
