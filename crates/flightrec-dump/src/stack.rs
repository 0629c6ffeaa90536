//! Errors, stacks and threads.

use serde::{Deserialize, Serialize};

use crate::Timestamp;
use crate::lenient::{lenient, list};
use crate::text_enum::text_enum;

/// An error and its causes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct ErrorNode {
    /// Its own message.
    #[serde(deserialize_with = "lenient")]
    pub message: String,
    /// Where it was created or given its context.
    #[serde(deserialize_with = "lenient")]
    pub location: Option<Location>,
    /// Its cause, or the errors of a join.
    #[serde(deserialize_with = "list")]
    pub sources: Vec<ErrorNode>,
}

impl ErrorNode {
    /// An error without causes.
    #[must_use]
    pub fn new(message: impl Into<String>, location: Option<Location>) -> ErrorNode {
        ErrorNode {
            message: message.into(),
            location,
            sources: Vec::new(),
        }
    }

    /// The same error with these causes.
    #[must_use]
    pub fn with_sources(mut self, sources: Vec<ErrorNode>) -> ErrorNode {
        self.sources = sources;
        self
    }
}

/// A place in the source code.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct Location {
    /// The path of the file, as passed to the compiler.
    #[serde(deserialize_with = "lenient")]
    pub file: String,
    /// The line, from 1.
    #[serde(deserialize_with = "lenient")]
    pub line: u32,
    /// The column, from 1.
    #[serde(deserialize_with = "lenient")]
    pub column: u32,
}

impl Location {
    /// A place in the source code.
    #[must_use]
    pub fn new(file: impl Into<String>, line: u32, column: u32) -> Location {
        Location {
            file: file.into(),
            line,
            column,
        }
    }
}

impl From<&std::panic::Location<'_>> for Location {
    fn from(location: &std::panic::Location<'_>) -> Location {
        Location::new(location.file(), location.line(), location.column())
    }
}

/// The stack of one error.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct Trace {
    /// The error's own message.
    #[serde(deserialize_with = "lenient")]
    pub error: String,
    /// The type of the error, as Rust names it, where known.
    #[serde(deserialize_with = "lenient")]
    pub error_type: Option<String>,
    /// Where the stack was captured.
    #[serde(deserialize_with = "lenient")]
    pub origin: StackOrigin,
    /// The frames, innermost first.
    #[serde(deserialize_with = "list")]
    pub frames: Vec<Frame>,
    /// The places in the source code through which the error was propagated.
    #[serde(deserialize_with = "list")]
    pub trail: Vec<Location>,
    /// The `seq` of the last record before the stack was captured, if the dump has that record.
    #[serde(deserialize_with = "lenient")]
    pub log_seq: Option<u64>,
    /// The span that was entered when the stack was captured, if any.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "lenient")]
    pub span: Option<u64>,
}

/// An error that the program handled and reported to the recorder.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct NotedError {
    /// The error and its causes.
    #[serde(deserialize_with = "lenient")]
    pub error: ErrorNode,
    /// How many times the same error was noted in the same place.
    #[serde(deserialize_with = "lenient")]
    pub count: u64,
    /// When it was noted for the first time.
    #[serde(deserialize_with = "lenient")]
    pub first_at: Timestamp,
    /// When it was noted for the last time.
    #[serde(deserialize_with = "lenient")]
    pub last_at: Timestamp,
    /// The call that noted it.
    #[serde(deserialize_with = "lenient")]
    pub noted_at: Location,
    /// The thread that noted it first: its name, or `ThreadId(n)`.
    #[serde(deserialize_with = "lenient")]
    pub thread: String,
    /// The first 8 stacks of the error and of its causes.
    #[serde(deserialize_with = "list")]
    pub stack_traces: Vec<Trace>,
}

text_enum! {
    /// Where a stack was captured.
    pub enum StackOrigin {
        /// Where the error was created.
        Creation = "creation",
        /// Where a foreign error, created earlier, was converted or passed to the recorder.
        Conversion = "conversion",
        /// By another error crate. The frames were read from its text.
        Foreign = "foreign",
        /// In the panic hook.
        Panic = "panic",
        /// At the call that asked for a dump.
        Caller = "caller",
        /// In the handler of a fatal signal.
        Crash = "crash",
        /// In the thread whose heartbeat is missing.
        Hang = "hang",
    }
}

impl StackOrigin {
    /// Whether the innermost frame is where the failure began.
    #[must_use]
    pub fn is_cause(&self) -> bool {
        !matches!(self, StackOrigin::Conversion | StackOrigin::Caller)
    }
}

/// One frame of a stack.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct Frame {
    /// The function; [`Frame::UNKNOWN`] if the binary has no symbol for it.
    #[serde(deserialize_with = "lenient")]
    pub name: String,
    /// The source file, where known.
    #[serde(deserialize_with = "lenient")]
    pub file: Option<String>,
    /// The line, where known.
    #[serde(deserialize_with = "lenient")]
    pub line: Option<u32>,
    /// The column, where known.
    #[serde(deserialize_with = "lenient")]
    pub column: Option<u32>,
    /// The return address relative to the module, as `0x…`.
    #[serde(deserialize_with = "lenient")]
    pub address: String,
    /// The path of the executable or shared object, where known.
    #[serde(deserialize_with = "lenient")]
    pub module: Option<String>,
    /// Whether the frame belongs to the runtime rather than to the program.
    #[serde(deserialize_with = "lenient")]
    pub noise: bool,
}

impl Frame {
    /// The name of a function for which the binary has no symbol.
    pub const UNKNOWN: &str = "<unknown>";

    /// Whether the function's name is known.
    #[must_use]
    pub fn is_named(&self) -> bool {
        self.name != Frame::UNKNOWN && !self.name.is_empty()
    }

    /// Whether a function of this name belongs to the recorder, and so is always [noise](Frame::noise).
    #[must_use]
    pub fn is_of_recorder(name: &str) -> bool {
        let mut crates = ["flightrec::", "dumpmaker::", "stackwalk::"].iter();
        crates.any(|prefix| name.starts_with(prefix))
    }

    /// The address as a number; `None` if it is not `0x…`.
    #[must_use]
    pub fn address_value(&self) -> Option<u64> {
        u64::from_str_radix(self.address.strip_prefix("0x")?, 16).ok()
    }
}

/// The stack of one thread.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct Thread {
    /// The system's id of the thread.
    #[serde(deserialize_with = "lenient")]
    pub id: u64,
    /// Its name, where known.
    #[serde(deserialize_with = "lenient")]
    pub name: Option<String>,
    /// The system's word for its state, such as `running` or `sleeping`.
    #[serde(deserialize_with = "lenient")]
    pub state: Option<String>,
    /// The frames, innermost first.
    #[serde(deserialize_with = "list")]
    pub frames: Vec<Frame>,
    /// Why there are no frames, or not all of them.
    #[serde(deserialize_with = "lenient")]
    pub stack_ended: Option<String>,
    /// Whether this thread crashed.
    #[serde(deserialize_with = "lenient")]
    pub crashed: bool,
}
