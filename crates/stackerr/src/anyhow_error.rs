//! An anyhow error inside an `Error`.

use crate::frame::Frame;
use crate::stack::{Mark, Stack, StackOrigin};
use crate::std_backtrace;
use std::backtrace::{Backtrace, BacktraceStatus};
use std::error::Error as StdError;
use std::sync::{Arc, OnceLock};

/// An unchanged anyhow error. Its backtrace is read when its stack is first needed.
pub(crate) struct Carried {
    pub(crate) error: anyhow::Error,
    /// Set once the backtrace has been read; the inner `Option` is `None` if there is no stack.
    own: OnceLock<Option<Arc<Stack>>>,
    /// The stack of the place where it became an `Error`. It is used if the backtrace turns out to have
    /// no names when it is read.
    spare: Option<Arc<Stack>>,
}

impl Carried {
    pub(crate) fn new(error: anyhow::Error, spare: Option<Arc<Stack>>) -> Self {
        Self {
            error,
            own: OnceLock::new(),
            spare,
        }
    }

    /// An error whose backtrace must not be used, because there is a better stack.
    pub(crate) fn without_backtrace(error: anyhow::Error) -> Self {
        Self {
            error,
            own: OnceLock::from(None),
            spare: None,
        }
    }

    pub(crate) fn as_std(&self) -> &(dyn StdError + 'static) {
        self.error.as_ref()
    }

    /// The stack from anyhow's own backtrace.
    pub(crate) fn stack(&self) -> Option<Arc<Stack>> {
        self.own
            .get_or_init(|| {
                let backtrace = self.error.backtrace();
                if backtrace.status() != BacktraceStatus::Captured {
                    return None;
                }
                read(backtrace).or_else(|| self.spare.clone())
            })
            .clone()
    }
}

/// The stack of a backtrace; `None` if it has no names, because then it is useless.
pub(crate) fn read(backtrace: &Backtrace) -> Option<Arc<Stack>> {
    if backtrace.status() != BacktraceStatus::Captured {
        return None;
    }
    let frames = std_backtrace::frames(&backtrace.to_string());
    // The system's libraries may have names even if the program has none.
    let is_known = |frame: &Frame| frame.is_named() && !frame.is_noise();
    let frames = frames.iter().any(is_known).then_some(frames)?;
    let frames = frames.into_boxed_slice();
    Some(Stack::from_frames(
        frames,
        Mark::default(),
        StackOrigin::Foreign,
    ))
}
