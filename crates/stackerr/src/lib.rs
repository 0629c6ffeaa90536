#![doc = include_str!("../README.md")]
// `resolve::mapped` maps a file.
#![deny(unsafe_code)]

#[cfg(feature = "anyhow")]
mod anyhow;
mod as_std;
mod birth;
mod capture;
mod chain;
mod convert;
#[cfg(any(target_os = "linux", feature = "symbols"))]
mod cursor;
mod error;
mod errors;
mod escape;
mod ext;
mod fingerprint;
mod frame;
#[cfg(all(fuzzing, feature = "anyhow"))]
pub mod fuzzing;
mod inner;
mod join;
mod link;
mod macros;
mod message;
mod noise;
#[cfg(feature = "anyhow")]
mod parse;
mod place;
mod probe;
mod report;
mod resolve;
#[cfg(feature = "serde")]
mod serial;
mod stack;
#[cfg(feature = "symbols")]
pub mod symbols;
#[cfg(not(feature = "symbols"))]
mod symbols;
mod trace;
mod traced;
mod trail;
mod tree;
mod trim;
mod walk;

pub use as_std::AsStdError;
pub use birth::set_birth_hook;
pub use capture::{Capture, set_capture, set_max_depth};
pub use chain::Chain;
pub use error::Error;
pub use errors::{errors, find};
pub use escape::escape;
pub use ext::{NoValue, ResultExt};
pub use fingerprint::Fingerprint;
pub use frame::Frame;
pub use join::JoinExt;
pub use message::{is_guarding, message_of};
pub use noise::FrameKind;
pub use report::{Report, report};
pub use stackwalk::{Module, modules};
pub use trace::{StackTrace, StackTraces, stack_traces};
pub use traced::Traced;
pub use tree::{ErrorTree, tree};
pub use trim::machinery_on_top;

/// `Result` with this crate's [`Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;

#[doc(hidden)]
pub mod __private {
    use std::borrow::Cow;
    use std::fmt::Arguments;

    /// A message; without allocation if it is a plain literal.
    #[must_use]
    pub fn text(message: Arguments<'_>) -> Cow<'static, str> {
        message
            .as_str()
            .map_or_else(|| Cow::Owned(message.to_string()), Cow::Borrowed)
    }
}
