//! The latest panics of the process. A panic is dumped in the hook, and may be reported again where it is
//! caught.

use std::any::Any;
use std::collections::VecDeque;

use forklock::ForkMutex;

use crate::failures::{Failure, PayloadId};

/// The latest panics that the hook has seen, in any thread.
static LATEST: ForkMutex<VecDeque<Seen>> = ForkMutex::new(VecDeque::new());
/// Large, because a bug in a parallel loop can cause hundreds of panics.
const MAX_LATEST: usize = 1_024;
/// How many suppressed failures are kept, in case one of them ends the process.
const MAX_SUPPRESSED: usize = 32;

struct Seen {
    payload: PayloadId,
    /// Set if the panic got no dump because there were too many.
    suppressed: Option<Box<Failure>>,
}

/// What the hook did about a panic.
pub(crate) enum PanicStatus {
    /// The hook did not see it.
    Unseen,
    /// The hook made a dump, or reported why there is none.
    Reported,
    /// It was not dumped because there were too many.
    Suppressed(Box<Failure>),
}

/// Returns what the hook did about the panic with this payload, which ends the process. The panic may
/// come from another thread: `resume_unwind` passes it on without calling the hook.
pub(crate) fn status(payload: &(dyn Any + Send)) -> PanicStatus {
    let payload = PayloadId::of(payload);
    let Ok(mut latest) = LATEST.lock() else {
        return PanicStatus::Unseen;
    };
    let mut newest_first = latest.iter_mut().rev();
    match newest_first.find(|seen| seen.payload == payload) {
        None => PanicStatus::Unseen,
        Some(seen) => match seen.suppressed.take() {
            None => PanicStatus::Reported,
            Some(mut failure) => {
                failure.ends_process = true;
                PanicStatus::Suppressed(failure)
            }
        },
    }
}

/// Remembers a panic. `suppressed` is set if it got no dump because there were too many.
pub(crate) fn remember(payload: PayloadId, suppressed: Option<Box<Failure>>) {
    // Fails if this function panicked and the hook called it again.
    let Ok(mut latest) = LATEST.lock() else {
        return;
    };
    // An earlier payload that was dropped may have had the same address.
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
