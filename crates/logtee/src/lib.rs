#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod catch_panic;
mod channel;
mod compose;
mod console;
mod filter;
mod format;
mod max_level;
mod owned_record;
mod pipe;
mod sink;
mod tee;
mod write;

pub mod context;
pub mod escape;
pub mod global;
pub mod predicate;
pub mod testing;

pub use channel::{ChannelSink, channel};
pub use compose::{
    Failover, FailoverBuilder, Failure, Pool, PoolBuilder, Recover, RecoverBuilder, Router,
    RouterBuilder, failover, first_match, pool, recover, router,
};
pub use console::stderr;
pub use context::Context;
pub use filter::{Adjustable, Filter, FilterFn, Handle, adjustable, filter_fn};
#[cfg(feature = "env-filter")]
pub use filter::{Directives, ParseError};
pub use format::{Format, Json, Logfmt, Text, Time};
pub use global::InstallError;
pub use owned_record::{OwnedRecord, OwnedValue};
pub use pipe::{
    DropIf, Enrich, MapMessage, MapText, MapValues, Middleware, Pipe, PipeBuilder, RemoveKey,
    RenameKey, Sample, drop_if, enrich, map_message, map_text, map_values, pipe, remove_key,
    rename_key, sample,
};
pub use sink::{FromFn, FromLogger, FromSink, IntoSink, Logger, Sink, from_fn, logger};
pub use tee::{Fanout, Tee, TeeBuilder, fanout};
pub use write::{FormatOnce, FormatOnceBuilder, WriteSink, format_once};
