#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod birth;
mod builder;
mod dump;
mod flight;
mod hash;
mod incident;
mod lock;
mod outlet;
mod panics;
mod recorder;
#[cfg(feature = "crash-safe")]
mod ring;
mod run;
mod say;
mod store;
mod storm;
mod tail;

pub use builder::{Builder, InstallError, builder};
pub use dump::{
    Crash, Dump, Entries, ErrorNode, Frame, Host, Location, LogRecord, Module, Process, ReadError,
    Reason, SCHEMA, Trace, Value,
};
pub use flight::FlightRecorder;

/// Masking of secrets.
pub use logredact as redact;
/// Sinks and filters.
pub use logtee;
/// Errors that keep their stacks.
pub use stackerr;
/// The tail that the records are kept in.
pub use tailwriter;
