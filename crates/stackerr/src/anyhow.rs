//! anyhow, both ways.

use crate::error::Error;
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
                (!frames.is_empty()).then(|| Stack::from_frames(frames))
            })
            .clone()
    }

    pub(crate) fn downcast<T: StdError + Send + Sync + 'static>(self) -> Result<T, Self> {
        let Self { error, own } = self;
        error.downcast::<T>().map_err(|error| Self { error, own })
    }
}

/// An anyhow error: a stack of ours in its chain is kept; else its own backtrace is used if it
/// has one (`RUST_BACKTRACE` was set); else the stack is taken here.
pub(crate) fn wrap(error: anyhow::Error, place: Place) -> Error {
    let root: &(dyn StdError + 'static) = error.as_ref();
    if root.is::<Inner>() {
        return match error.downcast::<Inner>() {
            Ok(inner) => Error(Box::new(inner)).hop(place),
            // It is one, as was just seen; carrying it loses nothing either.
            Err(error) => carry(error, OnceLock::from(None), None, place),
        };
    }
    let has_ours = carries_stack(root);
    let has_own = error.backtrace().status() == BacktraceStatus::Captured;
    let stack = if has_ours || has_own {
        None
    } else {
        Stack::capture()
    };
    let own = OnceLock::new();
    if has_ours {
        let _ = own.set(None);
    }
    carry(error, own, stack, place)
}

fn carry(
    error: anyhow::Error,
    own: OnceLock<Option<Arc<Stack>>>,
    stack: Option<Arc<Stack>>,
    place: Place,
) -> Error {
    Error(Box::new(Inner {
        kind: Kind::Anyhow(Box::new(Carried { error, own })),
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
