//! Something that is worth a dump.

use std::error::Error as StdError;
use std::thread;

use stackerr::StackTraces;

use crate::hash::fnv1a;

/// A dump has no more stacks than this: a join of ten thousand would fill a hundred megabytes, and
/// say the same thing ten thousand times.
const MAX_STACKS: usize = 256;

pub(crate) struct Incident<'a> {
    pub(crate) kind: &'static str,
    pub(crate) message: String,
    pub(crate) failure: Option<Failure<'a>>,
    pub(crate) stack_traces: StackTraces,
    pub(crate) omitted_stack_traces: u64,
    pub(crate) thread: String,
    pub(crate) key: Option<u64>,
}

/// What went wrong, where there is more to say than a message.
pub(crate) enum Failure<'a> {
    Error(&'a (dyn StdError + 'static)),
    Panic {
        message: String,
        location: Option<(String, u32, u32)>,
    },
}

impl<'a> Incident<'a> {
    /// An incident that somebody asked to have dumped, in this thread.
    pub(crate) fn new(kind: &'static str, message: String) -> Incident<'a> {
        let thread = thread::current();
        let name = thread
            .name()
            .map_or_else(|| format!("{:?}", thread.id()), str::to_owned);
        Incident {
            kind,
            message,
            failure: None,
            stack_traces: StackTraces::default(),
            omitted_stack_traces: 0,
            thread: name,
            key: None,
        }
    }

    /// An error: the same again if it has the same stacks or, without any, the same message.
    pub(crate) fn error(error: &'a (dyn StdError + 'static)) -> Incident<'a> {
        let message = stackerr::message_of(error);
        let all = stackerr::stack_traces(error);
        let omitted_stack_traces = all.len().saturating_sub(MAX_STACKS) as u64;
        let stack_traces: StackTraces = all.into_iter().take(MAX_STACKS).collect();
        let key = addresses(&stack_traces).unwrap_or_else(|| message.clone());
        let incident = Incident {
            failure: Some(Failure::Error(error)),
            stack_traces,
            omitted_stack_traces,
            ..Incident::new("error", message)
        };
        incident.with_key(&key)
    }

    /// A panic: the same again if it has the same stack.
    pub(crate) fn panic(
        message: String,
        panic: String,
        location: Option<(String, u32, u32)>,
        stack_traces: StackTraces,
        thread: String,
    ) -> Incident<'a> {
        let key = addresses(&stack_traces).unwrap_or_else(|| message.clone());
        let failure = Some(Failure::Panic {
            message: panic,
            location,
        });
        let incident = Incident {
            failure,
            stack_traces,
            thread,
            ..Incident::new("panic", message)
        };
        incident.with_key(&key)
    }

    /// Equal for incidents that are the same one again.
    pub(crate) fn with_key(self, key: &str) -> Incident<'a> {
        let key = Some(fnv1a(format!("{} {key}", self.kind).as_bytes()));
        Incident { key, ..self }
    }
}

/// The addresses of all stacks, as text; `None` if there are none. No names are looked up for it.
fn addresses(traces: &StackTraces) -> Option<String> {
    let addresses = traces.iter().flat_map(|trace| trace.addresses());
    let text: String = addresses.map(|address| format!("{address:x} ")).collect();
    (!text.is_empty()).then_some(text)
}
