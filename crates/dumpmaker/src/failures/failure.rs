//! A failure, before it becomes a dump.

use std::any::Any;
use std::error::Error as StdError;
use std::panic::Location;
use std::thread;

use flightrec_dump::{ErrorNode, Kind, StackOrigin, Timestamp, Trace, Trigger, fnv1a};
use log::Record;
use stackerr::{SpanTrace, StackTraces};

use super::key::{add_messages, stacks_text};
use super::payload::PanicPayload;
use crate::stacks::{self, error_node};

/// The maximum number of stacks in a dump. A join of 10,000 errors would add 100 MB of stacks that are
/// nearly the same.
const MAX_STACKS: usize = 256;

/// A failure that triggers a dump. It owns all its data, so that another thread can make the dump.
#[derive(Clone, Debug)]
pub struct Failure {
    /// The kind of trigger.
    pub kind: Kind,
    /// A description for people, in one sentence.
    pub message: String,
    /// The error with its causes, if there is one.
    pub error: Option<ErrorNode>,
    /// The captured stacks, one for each error that has its own.
    pub stacks: StackTraces,
    /// If set, replaces the origin of each stack.
    pub origin: Option<StackOrigin>,
    /// How many more stacks there were.
    pub omitted_stacks: u64,
    /// The span traces that `tracing-error` attached to the errors.
    pub span_traces: Vec<SpanTrace>,
    /// The name of the thread that failed; empty if there is no such thread.
    pub thread: String,
    /// The same for repeats of one failure. Failures without a key are never limited.
    pub key: Option<u64>,
    /// For panics: the same for all panics at one place of the source code.
    pub place: Option<u64>,
    /// The budget that limits its dumps.
    pub budget: Budget,
    /// Whether the process ends because of it, so that no later dump can count it.
    pub ends_process: bool,
    /// More notes for its dump, one sentence each.
    pub notes: Vec<String>,
    /// For hangs: the system's id of the thread that hangs.
    pub stalled: Option<u32>,
    /// The span of the failure, if it is not the one in which the stack was captured.
    pub span: Option<u64>,
}

/// A budget of dumps. Each budget has a rate limit of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Budget {
    /// Errors. Signals and requests of the program have this budget, too, but are not limited.
    Errors,
    /// Panics in the main thread, which usually end the program.
    MainPanics,
    /// Panics in other threads.
    OtherPanics,
    /// Log records. Rules have this budget, too, but are limited by themselves.
    Records,
    /// Hangs.
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

    /// Returns its stacks as they are in a dump, with addresses only.
    #[must_use]
    pub fn traces_without_names(&self) -> Vec<Trace> {
        self.traces(&self.stacks.without_names())
    }

    /// Returns `stacks`, which must be its own, as they are in a dump. Looks up names if this was not done
    /// before.
    #[must_use]
    pub fn traces(&self, stacks: &StackTraces) -> Vec<Trace> {
        let traces = stacks.iter();
        let mut traces: Vec<Trace> = traces
            .map(|stack| stacks::trace(stack, self.origin.clone()))
            .collect();
        if self.kind == Kind::Panic
            && let Some(trace) = traces.last_mut()
        {
            // The stack was captured in the hook. A panic has no trail of `?`, so its location is the
            // trail.
            let error = self.error.as_ref();
            let location = error.and_then(|error| error.location.clone());
            trace.trail = location.into_iter().collect();
        }
        traces
    }

    /// Returns the failure as a further trigger of a dump, with addresses only. `at` is its time.
    #[must_use]
    pub fn as_trigger(&self, at: Timestamp) -> Trigger {
        let mut trigger = Trigger::default();
        trigger.kind = self.kind.clone();
        trigger.message.clone_from(&self.message);
        trigger.at = at;
        trigger.error.clone_from(&self.error);
        trigger.stack_traces = self.traces_without_names();
        trigger
    }

    /// Returns whether its dump always has the stacks of all threads.
    #[must_use]
    pub fn needs_all_threads(&self) -> bool {
        match self.kind {
            Kind::Hang | Kind::Signal => true,
            // A polled rule is not about one thread.
            Kind::Rule => self.stacks.is_empty(),
            _ => false,
        }
    }

    /// Returns whether the process may end because of it, so that its dump must not wait.
    #[must_use]
    pub fn may_end_process(&self) -> bool {
        let aborts = cfg!(panic = "abort") && self.kind == Kind::Panic;
        self.ends_process || aborts || self.budget == Budget::MainPanics
    }

    /// Creates a request of the program for a dump, with the stack of the caller.
    #[must_use]
    pub fn manual(reason: String) -> Failure {
        Failure {
            stacks: StackTraces::capture(reason.as_str()),
            origin: Some(StackOrigin::Caller),
            ..Failure::new(Kind::Manual, reason, Budget::Errors)
        }
    }

    /// Creates the failure of an error. If the error and its causes have no stack, it gets the stack of
    /// the caller.
    #[must_use]
    pub fn error(error: &(dyn StdError + 'static), ends_process: bool) -> Failure {
        Failure::error_with_stacks(error, stackerr::stack_traces(error), ends_process)
    }

    /// Creates the failure of an error with these stacks. If there are none, it gets the stack of the
    /// caller.
    #[must_use]
    pub fn error_with_stacks(
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
        let mut key = stacks_text(&stacks);
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

    /// Creates the failure of a panic, in the panic hook.
    #[must_use]
    pub(crate) fn panic(
        payload: PanicPayload,
        location: Option<&Location<'_>>,
        is_main: bool,
    ) -> Failure {
        let thread = thread_name();
        let place = location.map_or_else(String::new, |at| format!(" at {at}"));
        let message = format!("thread '{thread}' panicked{place}: {}", payload.message);
        let hook = StackTraces::capture_panic(payload.message.as_str());
        let key = format!("{place} {}", stacks_text(&hook));
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
            place: Some(fnv1a(place.as_bytes())),
            ..Failure::new(Kind::Panic, message, budget)
        }
        .with_key(&key)
    }

    /// Creates the failure of a panic that the hook did not see.
    #[must_use]
    pub fn unseen_panic(payload: &(dyn Any + Send)) -> Failure {
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

    /// Creates the failure of a log record at the level of `dump_on`, with the stack of the logging call.
    #[must_use]
    pub fn record(record: &Record<'_>) -> Failure {
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

    /// Creates the failure of a late heartbeat. `stalled` is the system's id of the thread that hangs.
    /// Failures with different numbers of `incident` are different failures.
    #[must_use]
    pub fn hang(message: String, incident: u64, stalled: u32) -> Failure {
        Failure {
            thread: String::new(),
            stalled: Some(stalled),
            ..Failure::new(Kind::Hang, message, Budget::Hangs)
        }
        .with_key(&incident.to_string())
    }

    /// Creates the failure of a signal that asks for a dump.
    #[must_use]
    pub fn signal(signal: i32) -> Failure {
        let name = signal_name(signal);
        Failure {
            thread: String::new(),
            ..Failure::new(
                Kind::Signal,
                format!("{name} asked for a dump"),
                Budget::Errors,
            )
        }
    }

    /// Creates the failure of a rule about records, with the stack of the logging call.
    #[must_use]
    pub fn record_rule(message: String) -> Failure {
        Failure {
            stacks: StackTraces::capture(message.as_str()),
            origin: Some(StackOrigin::Caller),
            ..Failure::new(Kind::Rule, message, Budget::Records)
        }
    }

    /// Creates the failure of a rule about spans, with the stack of the call that closed the span.
    #[must_use]
    pub fn span_rule(message: String, span: u64) -> Failure {
        Failure {
            span: Some(span),
            ..Failure::record_rule(message)
        }
    }

    /// Creates the failure of a rule about memory or silence.
    #[must_use]
    pub fn polled_rule(message: String) -> Failure {
        Failure {
            thread: String::new(),
            ..Failure::new(Kind::Rule, message, Budget::Records)
        }
    }

    /// Returns a key of its stacks: the same for failures with the same stacks.
    #[must_use]
    pub fn stack_key(&self) -> u64 {
        fnv1a(stacks_text(&self.stacks).as_bytes())
    }

    /// Adds the span traces that the error carries. This formats the error, so it should only be called in
    /// programs that have spans.
    #[must_use]
    pub fn with_span_traces(mut self, error: &(dyn StdError + 'static)) -> Failure {
        self.span_traces = stackerr::span_traces(error);
        self
    }

    fn with_key(mut self, key: &str) -> Failure {
        self.key = Some(fnv1a(format!("{} {key}", self.kind).as_bytes()));
        self
    }
}

/// Returns the name of the current thread, or `ThreadId(n)`.
#[must_use]
pub fn thread_name() -> String {
    let thread = thread::current();
    let name = thread.name().map(str::to_owned);
    name.unwrap_or_else(|| format!("{:?}", thread.id()))
}

/// Returns the name of a signal that may ask for a dump, by its number on Linux.
fn signal_name(signal: i32) -> String {
    match signal {
        1 => "SIGHUP".to_owned(),
        2 => "SIGINT".to_owned(),
        3 => "SIGQUIT".to_owned(),
        10 => "SIGUSR1".to_owned(),
        12 => "SIGUSR2".to_owned(),
        15 => "SIGTERM".to_owned(),
        _ => format!("signal {signal}"),
    }
}
