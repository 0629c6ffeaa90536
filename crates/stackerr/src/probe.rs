//! How a walk finds stacks inside types that it cannot name.
//!
//! A generic `Traced<E>` cannot be found by downcast, `E` being unknown; and anyhow hides the
//! type of what it boxes. So the walk raises a flag of this thread and calls `source()`: an error
//! of this crate that is asked under the flag deposits what it carries.

use crate::link::Found;
use crate::message::guard;
use std::cell::{Cell, RefCell};
use std::error::Error as StdError;

thread_local! {
    static PROBING: Cell<bool> = const { Cell::new(false) };
    static ANSWER: RefCell<Option<Answer>> = const { RefCell::new(None) };
}

/// What an error of this crate answers to a probe.
pub(crate) enum Answer {
    /// The source that is returned is the answering error itself.
    Itself,
    /// The source that is returned is what the answering error wraps, and this is what it adds.
    Wraps(Found),
}

/// The source of an error, and the answer if it was one of ours that was asked.
pub(crate) fn source<'a>(
    error: &'a (dyn StdError + 'static),
) -> (Option<&'a (dyn StdError + 'static)>, Option<Answer>) {
    // Foreign code may create errors of this crate, and so probe, while it is asked.
    let outer = PROBING.try_with(|flag| flag.replace(true)).unwrap_or(false);
    let kept = take();
    let source = guard(|| error.source()).flatten();
    let _ = PROBING.try_with(|flag| flag.set(outer));
    let answer = take();
    put(kept);
    (source, answer)
}

/// Whether `source()` is being asked by a walk. Whoever sees true must [`answer`] and it is
/// lowered, so that what is asked further down does not answer too.
pub(crate) fn is_asked() -> bool {
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
