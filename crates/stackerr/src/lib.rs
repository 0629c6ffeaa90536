#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

pub mod anyhow_compat;
#[cfg(feature = "anyhow")]
mod anyhow_error;
mod capture;
mod convert;
mod error;
mod fmt;
mod foreign_text;
mod frame;
mod frame_kind;
mod macros;
mod probe;
mod repr;
mod resolve;
mod result_ext;
mod span_trace;
mod stack;
#[cfg(feature = "anyhow")]
mod std_backtrace;
mod trace;
mod traced;
mod trail;
mod traverse;
mod tree;
mod trim;

#[doc(hidden)]
pub use anyhow_compat::{Context, anyhow, format_err};
pub use capture::{Capture, set_capture, set_capture_span, set_capture_stamp, set_max_depth};
pub use convert::{AsStdError, IntoError, ViaBox, ViaStd, ViaText};
pub use fmt::{Report, report};
pub use foreign_text::{escape, is_guarding, message_of};
pub use frame::Frame;
pub use frame_kind::FrameKind;
#[doc(hidden)]
pub use macros::__private;
pub use repr::Error;
pub use resolve::{frames_at, unnamed_frames_at};
pub use result_ext::{JoinExt, NoValue, ResultExt};
pub use span_trace::{SpanTrace, TracedSpan, is_span_trace, span_traces};
pub use stack::StackOrigin;
pub use stackwalk::{Module, modules};
pub use trace::{StackTrace, StackTraces, stack_traces};
pub use traced::Traced;
pub use traverse::{Chain, errors, find, is_own};
pub use tree::{ErrorTree, tree};
pub use trim::machinery_on_top;

/// `Result` with this crate's [`Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Returns `Ok(value)` with this crate's [`Error`] as the error type: for closures and async
/// blocks in which the compiler cannot infer it.
///
/// # Examples
///
/// ```
/// let read = || {
///     let number: u8 = "7".parse()?;
///     stackerr::Ok(number)
/// };
/// assert_eq!(read().unwrap(), 7);
/// ```
#[allow(non_snake_case)]
pub fn Ok<T>(value: T) -> Result<T> {
    Result::Ok(value)
}

/// Access to internals for fuzz targets; only with `--cfg fuzzing`.
#[cfg(all(fuzzing, feature = "anyhow"))]
pub mod fuzzing {
    /// The frames that are read from the text of another crate's backtrace.
    pub fn frames_of_text(text: &str) -> Vec<crate::Frame> {
        crate::std_backtrace::frames(text)
    }
}
