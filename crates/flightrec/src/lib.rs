#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

// Setting up.
mod builder;
mod env_overrides;
mod install;
mod install_error;
mod testing;

// What a program calls.
mod flight_recorder;
mod run;
mod signals;
mod watch;

// The path of a record: the tee passes it to the sink, which stores it in the tail.
mod memory_sink;
mod record_filter;
mod recorder;
mod sink;
mod tail;

// What detects failures.
mod background;
mod panics;
#[cfg(feature = "crash-safe")]
mod recovery;

pub use builder::{Builder, builder};
pub use dumpmaker::collect::SpanSource;
#[doc(inline)]
pub use dumpmaker::failures::ErrorRef;
#[doc(inline)]
pub use dumpmaker::heartbeats::Heartbeat;
pub use dumpmaker::rules::{MemoryLimit, Rule, RuleError};
#[doc(inline)]
pub use dumpmaker::{DumpError, DumpOutcome};
pub use flight_recorder::FlightRecorder;
pub use flightrec_dump::{
    Crash, Dump, Entries, ErrorNode, Eviction, Frame, Gauge, Host, Kind, Level, Location,
    LogRecord, Module, NotedError, Process, ReadError, Reason, SCHEMA, Span, StackOrigin,
    Suppressed, Thread, Timestamp, Trace, Value,
};
pub use install_error::InstallError;
pub use sink::RecorderSink;
pub use tail::CrashSafety;

/// Masking of secrets.
pub use logredact as redact;
/// Sinks and filters.
pub use logtee;
/// Errors that keep their stacks.
pub use stackerr;
/// The tail in which records are kept.
pub use tailwriter;
