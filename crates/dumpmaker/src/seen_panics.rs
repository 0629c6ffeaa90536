//! The latest panics of the process. A panic is dumped in its hook, and is met again where it is caught.

use std::any::Any;
use std::collections::VecDeque;

use forklock::ForkMutex;

use crate::failures::{Failure, PayloadId};

/// The latest panics that the hook has seen, in any thread.
static LATEST: ForkMutex<VecDeque<Seen>> = ForkMutex::new(VecDeque::new());
/// One panic in a parallel loop can be hundreds.
const MAX_LATEST: usize = 1_024;
/// How many of them keep their stacks, in case one of them ends the process.
const MAX_SUPPRESSED: usize = 32;

struct Seen {
    payload: PayloadId,
    /// Set if the panic got no dump because there were too many.
    suppressed: Option<Box<Failure>>,
}

/// What became of a panic that ends the process.
pub(crate) enum Fate {
    /// The hook has not seen it.
    Unseen,
    /// The hook has made its dump, or has said why there is none.
    Reported,
    /// It got no dump because there were too many.
    Suppressed(Box<Failure>),
}

/// What became of the panic with this payload. It may come from another thread, for a thread can
/// pass on a panic with `resume_unwind`, which calls no hook.
pub(crate) fn fate(payload: &(dyn Any + Send)) -> Fate {
    let payload = PayloadId::of(payload);
    let Ok(mut latest) = LATEST.lock() else {
        return Fate::Unseen;
    };
    let mut newest_first = latest.iter_mut().rev();
    match newest_first.find(|seen| seen.payload == payload) {
        None => Fate::Unseen,
        Some(seen) => match seen.suppressed.take() {
            None => Fate::Reported,
            Some(mut failure) => {
                failure.ends_process = true;
                Fate::Suppressed(failure)
            }
        },
    }
}

/// Remembers a panic. `suppressed` is set if it got no dump because there were too many.
pub(crate) fn remember(payload: PayloadId, suppressed: Option<Box<Failure>>) {
    // Held by this thread only if a panic interrupted this very function.
    let Ok(mut latest) = LATEST.lock() else {
        return;
    };
    // A payload that was dropped may have left its address to this one.
    latest.retain(|seen| seen.payload != payload);
    if latest.len() == MAX_LATEST {
        latest.pop_front();
    }
    if suppressed.is_some() {
        let mut newest_first = latest
            .iter_mut()
            .rev()
            .filter(|seen| seen.suppressed.is_some());
        if let Some(oldest) = newest_first.nth(MAX_SUPPRESSED - 1) {
            oldest.suppressed = None;
        }
    }
    latest.push_back(Seen {
        payload,
        suppressed,
    });
}
