#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod branch;
mod caught;
mod filter;
mod format;
mod gate;
mod install;
mod sink;
mod tee;
mod write;

pub mod escape;
pub mod packed;
pub mod redact;

pub use filter::{Adjustable, Filter, FilterFn, Handle, adjustable, filter_fn};
#[cfg(feature = "env-filter")]
pub use filter::{Directives, ParseError};
pub use format::{Format, Json, Logfmt, Text, Time};
pub use gate::reconfigured;
pub use install::{InstallError, installed};
pub use sink::{FromFn, Shared, Sink, from_fn};
pub use tee::{Fanout, Tee, TeeBuilder, fanout};
pub use write::{FormatOnce, FormatOnceBuilder, WriteSink, format_once, stderr};
