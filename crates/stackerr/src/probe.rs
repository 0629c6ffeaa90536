//! Finds the stacks of types that a traversal cannot name.
//!
//! A downcast can't find a generic `Traced<E>`, because `E` is unknown; and anyhow hides the type of
//! the errors that it boxes. So the traversal sets a thread-local flag and calls `source()`. An error
//! of this crate that sees the flag stores its stack and trail in a thread-local.

use crate::foreign_text::guard;
use crate::stack::Stack;
use crate::trail::Trail;
use std::cell::{Cell, RefCell};
use std::error::Error as StdError;
use std::sync::Arc;

/// What an error of this crate carries in addition to its message and cause.
pub(crate) struct Found {
    pub(crate) stack: Option<Arc<Stack>>,
    pub(crate) trail: Trail,
    pub(crate) type_name: Option<&'static str>,
}

/// The answer of an error of this crate to a probe.
pub(crate) enum Answer {
    /// `source()` returned the error itself.
    Itself,
    /// `source()` returned the error that this error wraps.
    Wraps(Found),
}

thread_local! {
    static PROBING: Cell<bool> = const { Cell::new(false) };
    static ANSWER: RefCell<Option<Answer>> = const { RefCell::new(None) };
}

/// Calls the error's `source()` as a probe; returns its source, and the answer if the error is one
/// of this crate. A `source()` that panics returns no source.
pub(crate) fn source<'a>(
    error: &'a (dyn StdError + 'static),
) -> (Option<&'a (dyn StdError + 'static)>, Option<Answer>) {
    // Foreign code may create errors of this crate, which also probe.
    let outer = PROBING.try_with(|flag| flag.replace(true)).unwrap_or(false);
    let kept = take();
    let source = guard(|| error.source()).flatten();
    let _ = PROBING.try_with(|flag| flag.set(outer));
    let answer = take();
    put(kept);
    (source, answer)
}

/// Returns whether `source()` is called as a probe, and clears the flag, so that errors further down
/// the chain do not answer, too. If it returns true, the caller must call [`answer`].
pub(crate) fn is_probing() -> bool {
    PROBING
        .try_with(|flag| flag.replace(false))
        .unwrap_or(false)
}

pub(crate) fn answer(answer: Answer) {
    put(Some(answer));
}

fn take() -> Option<Answer> {
    ANSWER
        .try_with(|slot| slot.try_borrow_mut().ok().and_then(|mut slot| slot.take()))
        .ok()
        .flatten()
}

fn put(answer: Option<Answer>) {
    let _ = ANSWER.try_with(|slot| {
        if let Ok(mut slot) = slot.try_borrow_mut() {
            *slot = answer;
        }
    });
}
