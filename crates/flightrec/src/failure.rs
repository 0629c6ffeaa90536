//! A failure, before it becomes a dump.

use std::any::{Any, TypeId};
use std::error::Error as StdError;
use std::panic::Location;

use dumpcollect::thread_name;
use flightrec_dump::{ErrorNode, Kind, StackOrigin, Trace, fnv1a};
use log::Record;
use stackerr::{ErrorTree, SpanTrace, StackTraces};

/// A dump has at most this many stacks. A join of 10,000 errors would fill 100 MB with stacks that
/// are nearly the same.
const MAX_STACKS: usize = 256;
/// How many different addresses of each stack tell failures apart.
const KEY_ADDRESSES: usize = 24;

/// Something that deserves a dump. It owns all its data, so that another thread can make the dump.
#[derive(Clone)]
pub(crate) struct Failure {
    pub(crate) kind: Kind,
    pub(crate) message: String,
    pub(crate) error: Option<ErrorNode>,
    pub(crate) stacks: StackTraces,
    /// Where the stacks were captured, if they do not know better.
    pub(crate) origin: Option<StackOrigin>,
    pub(crate) omitted_stacks: u64,
    /// What `tracing-error` has noted in errors.
    pub(crate) span_traces: Vec<SpanTrace>,
    pub(crate) thread: String,
    /// Equal for repetitions of one failure. A failure without a key is never limited.
    pub(crate) key: Option<u64>,
    /// Of a panic: equal for those at one place of the source code.
    pub(crate) place: Option<u64>,
    pub(crate) budget: Budget,
    /// The process ends because of it, so no later dump can count it.
    pub(crate) ends_process: bool,
    pub(crate) notes: Vec<String>,
    /// The thread that hangs, by its id in the system.
    pub(crate) stalled: Option<u32>,
    /// The span that it is about, if that is not the one that was entered.
    pub(crate) span: Option<u64>,
}

/// Failures of different budgets do not use up each other's share of dumps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Budget {
    Errors,
    /// A panic in the main thread usually ends the program.
    MainPanics,
    OtherPanics,
    Records,
    Hangs,
}

impl Failure {
    fn new(kind: Kind, message: String, budget: Budget) -> Failure {
        Failure {
            kind,
            message,
            error: None,
            stacks: StackTraces::default(),
            origin: None,
            omitted_stacks: 0,
            span_traces: Vec::new(),
            thread: thread_name(),
            key: None,
            place: None,
            budget,
            ends_process: false,
            notes: Vec::new(),
            stalled: None,
            span: None,
        }
    }

    /// Its stacks as they are in a dump, with addresses only.
    pub(crate) fn traces_without_names(&self) -> Vec<Trace> {
        self.traces(&self.stacks.without_names())
    }

    /// `stacks`, which are its own, as they are in a dump. Names are looked up if they have not been
    /// looked up before.
    pub(crate) fn traces(&self, stacks: &StackTraces) -> Vec<Trace> {
        let traces = stacks.iter();
        let mut traces: Vec<Trace> = traces
            .map(|stack| dumpcollect::trace(stack, self.origin.clone()))
            .collect();
        if self.kind == Kind::Panic
            && let Some(trace) = traces.last_mut()
        {
            // The stack was captured in the hook. The panic itself was propagated through no `?`.
            let error = self.error.as_ref();
            let location = error.and_then(|error| error.location.clone());
            trace.trail = location.into_iter().collect();
        }
        traces
    }

    /// Whether a dump of it always has the stacks of all threads.
    pub(crate) fn is_of_all_threads(&self) -> bool {
        match self.kind {
            Kind::Hang | Kind::Signal => true,
            // No single thread made it come true.
            Kind::Rule => self.stacks.is_empty(),
            _ => false,
        }
    }

    /// Whether the process may end because of it, so that its dump can't wait.
    pub(crate) fn may_end_process(&self) -> bool {
        let aborts = cfg!(panic = "abort") && self.kind == Kind::Panic;
        self.ends_process || aborts || self.budget == Budget::MainPanics
    }

    /// A dump that the program asks for, with the stack of the caller.
    pub(crate) fn manual(reason: String) -> Failure {
        Failure {
            stacks: StackTraces::capture(reason.as_str()),
            origin: Some(StackOrigin::Caller),
            ..Failure::new(Kind::Manual, reason, Budget::Errors)
        }
    }

    /// An error. If none of its causes has a stack, it gets that of the caller.
    pub(crate) fn error(error: &(dyn StdError + 'static), ends_process: bool) -> Failure {
        Failure::of_stacks(error, stackerr::stack_traces(error), ends_process)
    }

    /// An error whose stacks were found by other means.
    pub(crate) fn of_stacks(
        error: &(dyn StdError + 'static),
        stacks: StackTraces,
        ends_process: bool,
    ) -> Failure {
        let message = stackerr::message_of(error);
        let tree = error_node(&stackerr::tree(error));
        let (stacks, origin) = if stacks.is_empty() {
            let caller = StackTraces::capture(message.as_str());
            (caller, Some(StackOrigin::Caller))
        } else {
            (stacks, None)
        };
        let omitted_stacks = stacks.len().saturating_sub(MAX_STACKS) as u64;
        let stacks: StackTraces = stacks.into_iter().take(MAX_STACKS).collect();
        let mut key = addresses(&stacks);
        add_messages(&tree, &mut key);
        Failure {
            error: Some(tree),
            stacks,
            origin,
            omitted_stacks,
            ends_process,
            ..Failure::new(Kind::Error, message, Budget::Errors)
        }
        .with_key(&key)
    }

    /// A panic, in its hook. `stacks` are those of an error in the payload.
    pub(crate) fn panic(
        payload: PanicPayload,
        location: Option<&Location<'_>>,
        is_main: bool,
    ) -> Failure {
        let thread = thread_name();
        let place = location.map_or_else(String::new, |at| format!(" at {at}"));
        let message = format!("thread '{thread}' panicked{place}: {}", payload.message);
        let hook = StackTraces::capture_panic(payload.message.as_str());
        let key = format!("{place} {}", addresses(&hook));
        let error =
            ErrorNode::new(payload.message, location.map(Into::into)).with_sources(payload.sources);
        let stacks = payload.stacks.into_iter().chain(hook);
        let budget = if is_main {
            Budget::MainPanics
        } else {
            Budget::OtherPanics
        };
        Failure {
            error: Some(error),
            stacks: stacks.collect(),
            origin: Some(StackOrigin::Panic),
            place: Some(fnv1a(place.as_bytes())),
            ..Failure::new(Kind::Panic, message, budget)
        }
        .with_key(&key)
    }

    /// A panic that the hook did not see.
    pub(crate) fn unseen_panic(payload: &(dyn Any + Send)) -> Failure {
        let payload = PanicPayload::of(payload);
        let thread = thread_name();
        Failure {
            error: Some(ErrorNode::new(payload.message.as_str(), None)),
            ends_process: true,
            ..Failure::new(
                Kind::Panic,
                format!("thread '{thread}' panicked: {}", payload.message),
                Budget::MainPanics,
            )
        }
    }

    /// A log record at the level of `dump_on`, with the stack of the logging call.
    pub(crate) fn record(record: &Record<'_>) -> Failure {
        let message = record.args().to_string();
        let place = match (record.file(), record.line()) {
            (Some(file), Some(line)) => format!("{file}:{line}"),
            _ => String::new(),
        };
        let key = format!("{place} {}", record.target());
        let location = record.file().zip(record.line());
        let location = location.map(|(file, line)| flightrec_dump::Location::new(file, line, 0));
        let error = ErrorNode::new(message.as_str(), location);
        Failure {
            stacks: StackTraces::capture(message.as_str()),
            origin: Some(StackOrigin::Creation),
            error: Some(error),
            ..Failure::new(Kind::Level, message, Budget::Records)
        }
        .with_key(&key)
    }

    /// A heartbeat that did not come. Each incident is a failure of its own.
    pub(crate) fn hang(message: String, incident: u64, stalled: u32) -> Failure {
        Failure {
            thread: String::new(),
            stalled: Some(stalled),
            ..Failure::new(Kind::Hang, message, Budget::Hangs)
        }
        .with_key(&incident.to_string())
    }

    /// A signal that asks for a dump.
    pub(crate) fn signal(name: &str) -> Failure {
        Failure {
            thread: String::new(),
            ..Failure::new(
                Kind::Signal,
                format!("{name} asked for a dump"),
                Budget::Errors,
            )
        }
    }

    /// A rule that a record made come true, with the stack of the logging call.
    pub(crate) fn rule_of_records(message: String) -> Failure {
        Failure {
            stacks: StackTraces::capture(message.as_str()),
            origin: Some(StackOrigin::Caller),
            ..Failure::new(Kind::Rule, message, Budget::Records)
        }
    }

    /// A rule that a span made come true, with the stack of the call that closed it.
    pub(crate) fn rule_of_spans(message: String, span: u64) -> Failure {
        Failure {
            span: Some(span),
            ..Failure::rule_of_records(message)
        }
    }

    /// A rule about the process as a whole.
    pub(crate) fn polled_rule(message: String) -> Failure {
        Failure {
            thread: String::new(),
            ..Failure::new(Kind::Rule, message, Budget::Records)
        }
    }

    /// Equal for failures with the same stacks.
    pub(crate) fn stack_key(&self) -> u64 {
        fnv1a(addresses(&self.stacks).as_bytes())
    }

    /// Adds the span traces that the error carries. Its text is read for it, so that this is of use
    /// only in programs that have spans.
    pub(crate) fn with_span_traces(mut self, error: &(dyn StdError + 'static)) -> Failure {
        self.span_traces = stackerr::span_traces(error);
        self
    }

    fn with_key(mut self, key: &str) -> Failure {
        self.key = Some(fnv1a(format!("{} {key}", self.kind).as_bytes()));
        self
    }
}

/// What a panic carries.
pub(crate) struct PanicPayload {
    message: String,
    sources: Vec<ErrorNode>,
    stacks: StackTraces,
}

impl PanicPayload {
    /// Reads a payload: text, or an error in a box.
    ///
    /// Errors are formatted in another thread. If that panicked here, inside of the hook, the
    /// process would abort.
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

/// The tree has a bounded depth.
fn error_node(tree: &ErrorTree) -> ErrorNode {
    let sources = tree.sources.iter().flat_map(|source| {
        // A span trace is no cause. It may have one.
        match stackerr::is_span_trace(&source.message) {
            true => source.sources.as_slice(),
            false => std::slice::from_ref(source),
        }
    });
    ErrorNode::new(tree.message.as_str(), tree.location.map(Into::into))
        .with_sources(sources.map(error_node).collect())
}

/// The first different addresses of each stack, as text. No names are looked up for it. Each address
/// counts once, so that the depth of a recursion makes no difference. A stack that was read from a
/// backtrace of another crate has names instead of addresses.
fn addresses(stacks: &StackTraces) -> String {
    let mut text = String::new();
    for stack in stacks {
        if stack.addresses().is_empty() {
            for frame in stack.frames().iter().take(KEY_ADDRESSES) {
                text.push_str(frame.name());
                text.push_str(&format!(":{} ", frame.line().unwrap_or(0)));
            }
        }
        let mut seen = Vec::new();
        for &address in stack.addresses() {
            if seen.len() < KEY_ADDRESSES && !seen.contains(&address) {
                seen.push(address);
            }
        }
        for address in seen {
            text.push_str(&format!("{address:x} "));
        }
        text.push('/');
    }
    text
}

/// The messages, without digits: two failures may have the same stack, that of a common caller.
fn add_messages(error: &ErrorNode, key: &mut String) {
    key.extend(error.message.chars().filter(|char| !char.is_ascii_digit()));
    for source in &error.sources {
        add_messages(source, key);
    }
}
