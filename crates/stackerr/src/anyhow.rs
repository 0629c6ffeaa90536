//! anyhow, both ways.

use crate::error::Error;
use crate::frame::Frame;
use crate::inner::{Inner, Kind};
use crate::stack::Stack;
use crate::trail::{Place, Trail};
use crate::walk::carries_stack;
use std::backtrace::BacktraceStatus;
use std::error::Error as StdError;
use std::sync::{Arc, OnceLock};

/// An anyhow error as it came, so that its backtrace can be read when somebody looks.
pub(crate) struct Carried {
    error: anyhow::Error,
    /// The backtrace, once read; `None` in it if there is none or ours is better.
    own: OnceLock<Option<Arc<Stack>>>,
    /// The stack of the place where it became an [`Error`]. The text of a backtrace that found no
    /// names says nothing at all, and whether it has any is seen only when somebody looks.
    spare: Option<Arc<Stack>>,
}

impl Carried {
    pub(crate) fn as_std(&self) -> &(dyn StdError + 'static) {
        self.error.as_ref()
    }

    /// anyhow's own backtrace, from its text.
    pub(crate) fn stack(&self) -> Option<Arc<Stack>> {
        self.own
            .get_or_init(|| {
                let backtrace = self.error.backtrace();
                if backtrace.status() != BacktraceStatus::Captured {
                    return None;
                }
                let frames = crate::parse::frames(&backtrace.to_string());
                // The system's libraries may have names where the program has none.
                let is_known = |frame: &Frame| frame.is_named() && !frame.is_noise();
                if frames.iter().any(is_known) {
                    Some(Stack::from_frames(frames))
                } else {
                    self.spare.clone()
                }
            })
            .clone()
    }

    pub(crate) fn downcast<T: StdError + Send + Sync + 'static>(self) -> Result<T, Self> {
        let Self { error, own, spare } = self;
        let back = |error| Self { error, own, spare };
        error.downcast::<T>().map_err(back)
    }
}

/// An anyhow error: a stack of ours in its chain is kept; else its own backtrace is used if it
/// has one (`RUST_BACKTRACE` was set) with names in it (the program was not stripped); else the
/// stack is taken here.
pub(crate) fn wrap(error: anyhow::Error, place: Place) -> Error {
    let root: &(dyn StdError + 'static) = error.as_ref();
    if root.is::<Inner>() {
        return match error.downcast::<Inner>() {
            Ok(inner) => Error(Box::new(inner)).hop(place),
            // It is one, as was just seen; carrying it loses nothing either.
            Err(error) => carry(error, OnceLock::from(None), None, None, place),
        };
    }
    let has_ours = carries_stack(root);
    let has_own = error.backtrace().status() == BacktraceStatus::Captured;
    let (stack, spare) = match (has_ours, has_own) {
        (true, _) => (None, None),
        (false, true) => (None, Stack::capture()),
        (false, false) => (Stack::capture(), None),
    };
    let own = OnceLock::new();
    if has_ours {
        let _ = own.set(None);
    }
    carry(error, own, stack, spare, place)
}

fn carry(
    error: anyhow::Error,
    own: OnceLock<Option<Arc<Stack>>>,
    stack: Option<Arc<Stack>>,
    spare: Option<Arc<Stack>>,
    place: Place,
) -> Error {
    Error(Box::new(Inner {
        kind: Kind::Anyhow(Box::new(Carried { error, own, spare })),
        stack,
        trail: Trail::new(place),
        type_name: None,
    }))
}

impl From<Error> for anyhow::Error {
    /// The error with all that it carries; [`stack_traces`](crate::stack_traces) finds its stacks
    /// again, below any context that anyhow adds.
    fn from(error: Error) -> Self {
        anyhow::Error::new(*error.0)
    }
}
