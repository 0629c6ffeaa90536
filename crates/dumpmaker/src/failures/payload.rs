//! Reads the payload of a panic: text, or an error.

use std::any::{Any, TypeId};
use std::error::Error as StdError;

use flightrec_dump::{ErrorNode, fnv1a};
use stackerr::StackTraces;

use crate::stacks::error_node;

/// The contents of a panic's payload.
#[derive(Debug)]
pub(crate) struct PanicPayload {
    pub(crate) message: String,
    pub(crate) sources: Vec<ErrorNode>,
    pub(crate) stacks: StackTraces,
}

impl PanicPayload {
    /// Reads a payload: text or an error.
    ///
    /// Errors are formatted in another thread: if formatting panicked in the panic hook, the process would
    /// abort.
    #[must_use]
    pub(crate) fn of(payload: &(dyn Any + Send)) -> PanicPayload {
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

/// Identifies the payload of a panic in the hook and where the panic is caught.
///
/// The payload is moved in between. The data that it points to is not moved: the text of a message, or
/// an error in a box. So the address of that data identifies it. Not distinguished are: two panics with
/// the same literal, two payloads of the same other type, and a dropped payload and a later one with the
/// same text at the same address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct PayloadId {
    type_id: TypeId,
    address: usize,
    /// A hash of the text.
    text: u64,
}

impl PayloadId {
    /// Returns the id of a payload.
    #[must_use]
    pub(crate) fn of(payload: &(dyn Any + Send)) -> PayloadId {
        let text = payload_text(payload).unwrap_or_default();
        let address = if text.is_empty() {
            // An error that is not in a box is moved.
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
