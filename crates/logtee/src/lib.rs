#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod branch;
mod caught;
mod channel;
mod compose;
mod filter;
mod format;
mod gate;
mod install;
mod pipe;
mod sink;
mod tee;
mod value;
mod write;

pub mod context;
pub mod escape;
pub mod predicate;
pub mod testing;

pub use channel::{ChannelSink, channel};
pub use compose::{
    Failover, FailoverBuilder, Failure, Pool, PoolBuilder, Recover, RecoverBuilder, Router,
    RouterBuilder, failover, first_match, pool, recover, router,
};
pub use context::Context;
pub use filter::{Adjustable, Filter, FilterFn, Handle, adjustable, filter_fn};
#[cfg(feature = "env-filter")]
pub use filter::{Directives, ParseError};
pub use format::{Format, Json, Logfmt, Text, Time};
pub use gate::reconfigured;
pub use install::{FlushGuard, InstallError, flush_on_drop, installed};
pub use pipe::{
    DropIf, Enrich, MapMessage, MapText, MapValues, Middleware, Pipe, PipeBuilder, RemoveKey,
    RenameKey, Sample, drop_if, enrich, map_message, map_text, map_values, pipe, remove_key,
    rename_key, sample,
};
pub use sink::{FromFn, Shared, Sink, from_fn};
pub use tee::{Fanout, Tee, TeeBuilder, fanout};
pub use value::{OwnedRecord, OwnedValue};
pub use write::{FormatOnce, FormatOnceBuilder, WriteSink, format_once, stderr};
