//! What a panic carries: text, or an error.

use std::any::{Any, TypeId};
use std::error::Error as StdError;

use flightrec_dump::{ErrorNode, fnv1a};
use stackerr::StackTraces;

use crate::stacks::error_node;

/// What a panic carries.
#[derive(Debug)]
pub struct PanicPayload {
    pub(crate) message: String,
    pub(crate) sources: Vec<ErrorNode>,
    pub(crate) stacks: StackTraces,
}

impl PanicPayload {
    /// Reads a payload: text, or an error in a box.
    ///
    /// Errors are formatted in another thread. If that panicked here, inside of the hook, the
    /// process would abort.
    #[must_use]
    pub fn of(payload: &(dyn Any + Send)) -> PanicPayload {
        if let Some(text) = payload_text(payload) {
            return PanicPayload::text(text);
        }
        let error = payload_error(payload);
        let read = error.and_then(|error| {
            std::thread::scope(|scope| {
                let reader = std::thread::Builder::new().name("flightrec".to_owned());
                let reader = reader.spawn_scoped(scope, || PanicPayload::error(error));
                reader.ok()?.join().ok()
            })
        });
        read.unwrap_or_else(|| PanicPayload::text("<a panic payload that is not text>"))
    }

    fn text(text: &str) -> PanicPayload {
        PanicPayload {
            message: text.to_owned(),
            sources: Vec::new(),
            stacks: StackTraces::default(),
        }
    }

    fn error(error: &(dyn StdError + 'static)) -> PanicPayload {
        let tree = error_node(&stackerr::tree(error));
        PanicPayload {
            message: tree.message,
            sources: tree.sources,
            stacks: stackerr::stack_traces(error),
        }
    }
}

/// Tells payloads of panics apart, in the hook and where they are caught.
///
/// The payload itself is moved to a box in between. What it points to stays where it is: the text of
/// a message, and the error in a box. It cannot tell apart: two panics with the same literal;
/// two payloads of the same other type; a payload and an earlier, dropped one with the same text whose
/// address it reuses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct PayloadId {
    type_id: TypeId,
    address: usize,
    /// A hash.
    text: u64,
}

impl PayloadId {
    /// The identity of a payload.
    #[must_use]
    pub(crate) fn of(payload: &(dyn Any + Send)) -> PayloadId {
        let text = payload_text(payload).unwrap_or_default();
        let address = if text.is_empty() {
            // An error that is in no box is moved.
            let boxed = payload_error(payload).filter(|_| !payload.is::<std::io::Error>());
            boxed.map_or(0, |error| std::ptr::from_ref(error).addr())
        } else {
            text.as_ptr().addr()
        };
        PayloadId {
            type_id: payload.type_id(),
            address,
            text: fnv1a(text.as_bytes()),
        }
    }
}

fn payload_text(payload: &(dyn Any + Send)) -> Option<&str> {
    let text = payload.downcast_ref::<&'static str>().copied();
    let text = text.or_else(|| payload.downcast_ref::<String>().map(String::as_str));
    let text = text.or_else(|| payload.downcast_ref::<Box<str>>().map(AsRef::as_ref));
    text.or_else(|| {
        let text = payload.downcast_ref::<std::borrow::Cow<'static, str>>();
        text.map(AsRef::as_ref)
    })
}

fn payload_error(payload: &(dyn Any + Send)) -> Option<&(dyn StdError + Send + Sync + 'static)> {
    if let Some(error) = payload.downcast_ref::<Box<dyn StdError + Send + Sync>>() {
        return Some(&**error);
    }
    if let Some(error) = payload.downcast_ref::<stackerr::Error>() {
        return Some(error.as_std());
    }
    #[cfg(feature = "anyhow")]
    if let Some(error) = payload.downcast_ref::<anyhow::Error>() {
        return Some(error.as_ref());
    }
    payload
        .downcast_ref::<std::io::Error>()
        .map(|error| error as _)
}
