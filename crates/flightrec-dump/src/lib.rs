#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod dump;
mod entries;
mod eviction;
mod fingerprint;
mod gauge;
mod lenient;
mod listening;
mod read;
mod record;
mod stack;
mod summary;
mod text_enum;
mod timestamp;
mod value;

pub use dump::{Crash, Dump, Host, Kind, Module, Process, Reason, SCHEMA, Suppressed, Trigger};
pub use entries::Entries;
pub use eviction::Eviction;
pub use fingerprint::fnv1a;
pub use gauge::Gauge;
pub use listening::Listening;
pub use read::ReadError;
pub use record::{Level, LogRecord, Span};
pub use stack::{ErrorNode, Frame, Location, NotedError, StackOrigin, Thread, Trace};
pub use summary::Summary;
pub use timestamp::{ParseTimestampError, Timestamp};
pub use value::Value;
