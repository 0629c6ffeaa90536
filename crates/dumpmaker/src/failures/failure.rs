//! A failure, before it becomes a dump.

use std::any::Any;
use std::error::Error as StdError;
use std::panic::Location;
use std::thread;

use flightrec_dump::{ErrorNode, Kind, StackOrigin, Timestamp, Trace, Trigger, fnv1a};
use log::Record;
use stackerr::{SpanTrace, StackTraces};

use super::key::{add_messages, addresses};
use super::payload::PanicPayload;
use crate::stacks::{self, error_node};

/// A dump has at most this many stacks. A join of 10,000 errors would fill 100 MB with stacks that
/// are nearly the same.
const MAX_STACKS: usize = 256;

/// Something that deserves a dump. It owns all its data, so that another thread can make the dump.
#[derive(Clone, Debug)]
pub struct Failure {
    /// What triggers its dump.
    pub kind: Kind,
    /// One sentence for people.
    pub message: String,
    /// The error with its causes, if it is one.
    pub error: Option<ErrorNode>,
    /// The stacks that were captured, one for each error that has its own.
    pub stacks: StackTraces,
    /// Where the stacks were captured, if they do not know better.
    pub origin: Option<StackOrigin>,
    /// How many stacks it had beyond these.
    pub omitted_stacks: u64,
    /// What `tracing-error` has noted in errors.
    pub span_traces: Vec<SpanTrace>,
    /// The name of the thread that failed; empty if it is about no single thread.
    pub thread: String,
    /// Equal for repetitions of one failure. A failure without a key is never limited.
    pub key: Option<u64>,
    /// Of a panic: equal for those at one place of the source code.
    pub place: Option<u64>,
    /// Which failures share the number of dumps with it.
    pub budget: Budget,
    /// The process ends because of it, so no later dump can count it.
    pub ends_process: bool,
    /// What its dump must say besides, a sentence each.
    pub notes: Vec<String>,
    /// The thread that hangs, by its id in the system.
    pub stalled: Option<u32>,
    /// The span that it is about, if that is not the one that was entered.
    pub span: Option<u64>,
}

/// Failures of different budgets do not use up each other's share of dumps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Budget {
    /// Errors, requests, and dumps that the program asks for.
    Errors,
    /// A panic in the main thread usually ends the program.
    MainPanics,
    /// Panics in other threads.
    OtherPanics,
    /// Records, and rules.
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

    /// Its stacks as they are in a dump, with addresses only.
    #[must_use]
    pub fn traces_without_names(&self) -> Vec<Trace> {
        self.traces(&self.stacks.without_names())
    }

    /// `stacks`, which are its own, as they are in a dump. Names are looked up if they have not been
    /// looked up before.
    #[must_use]
    pub fn traces(&self, stacks: &StackTraces) -> Vec<Trace> {
        let traces = stacks.iter();
        let mut traces: Vec<Trace> = traces
            .map(|stack| stacks::trace(stack, self.origin.clone()))
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

    /// The failure as a further trigger of a dump, at that time, with addresses only.
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

    /// Whether a dump of it always has the stacks of all threads.
    #[must_use]
    pub fn is_of_all_threads(&self) -> bool {
        match self.kind {
            Kind::Hang | Kind::Signal => true,
            // No single thread made it come true.
            Kind::Rule => self.stacks.is_empty(),
            _ => false,
        }
    }

    /// Whether the process may end because of it, so that its dump can't wait.
    #[must_use]
    pub fn may_end_process(&self) -> bool {
        let aborts = cfg!(panic = "abort") && self.kind == Kind::Panic;
        self.ends_process || aborts || self.budget == Budget::MainPanics
    }

    /// A dump that the program asks for, with the stack of the caller.
    #[must_use]
    pub fn manual(reason: String) -> Failure {
        Failure {
            stacks: StackTraces::capture(reason.as_str()),
            origin: Some(StackOrigin::Caller),
            ..Failure::new(Kind::Manual, reason, Budget::Errors)
        }
    }

    /// An error. If none of its causes has a stack, it gets that of the caller.
    #[must_use]
    pub fn error(error: &(dyn StdError + 'static), ends_process: bool) -> Failure {
        Failure::of_stacks(error, stackerr::stack_traces(error), ends_process)
    }

    /// An error whose stacks were found by other means.
    #[must_use]
    pub fn of_stacks(
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
    #[must_use]
    pub fn panic(payload: PanicPayload, location: Option<&Location<'_>>, is_main: bool) -> Failure {
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

    /// A log record at the level of `dump_on`, with the stack of the logging call.
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

    /// A heartbeat that did not come. Each incident is a failure of its own.
    #[must_use]
    pub fn hang(message: String, incident: u64, stalled: u32) -> Failure {
        Failure {
            thread: String::new(),
            stalled: Some(stalled),
            ..Failure::new(Kind::Hang, message, Budget::Hangs)
        }
        .with_key(&incident.to_string())
    }

    /// A signal that asks for a dump.
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

    /// A rule that a record made come true, with the stack of the logging call.
    #[must_use]
    pub fn rule_of_records(message: String) -> Failure {
        Failure {
            stacks: StackTraces::capture(message.as_str()),
            origin: Some(StackOrigin::Caller),
            ..Failure::new(Kind::Rule, message, Budget::Records)
        }
    }

    /// A rule that a span made come true, with the stack of the call that closed it.
    #[must_use]
    pub fn rule_of_spans(message: String, span: u64) -> Failure {
        Failure {
            span: Some(span),
            ..Failure::rule_of_records(message)
        }
    }

    /// A rule about the process as a whole.
    #[must_use]
    pub fn polled_rule(message: String) -> Failure {
        Failure {
            thread: String::new(),
            ..Failure::new(Kind::Rule, message, Budget::Records)
        }
    }

    /// Equal for failures with the same stacks.
    #[must_use]
    pub fn stack_key(&self) -> u64 {
        fnv1a(addresses(&self.stacks).as_bytes())
    }

    /// Adds the span traces that the error carries. Its text is read for it, so that this is of use
    /// only in programs that have spans.
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

/// The name of the current thread, or `ThreadId(n)`.
#[must_use]
pub fn thread_name() -> String {
    let thread = thread::current();
    let name = thread.name().map(str::to_owned);
    name.unwrap_or_else(|| format!("{:?}", thread.id()))
}

/// The name of a signal that a program may use for this, by its number on Linux.
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
