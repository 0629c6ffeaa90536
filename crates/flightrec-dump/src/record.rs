//! Log records and spans.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::lenient::lenient;
use crate::{Entries, Timestamp, Value};

/// One log record, or one event of `tracing`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct LogRecord {
    /// The position of the record in the order of all records.
    #[serde(deserialize_with = "lenient")]
    pub seq: u64,
    /// When it was logged.
    #[serde(deserialize_with = "lenient")]
    pub time: Timestamp,
    /// Its level.
    #[serde(deserialize_with = "lenient")]
    pub level: Level,
    /// Its target, by default the module's path.
    #[serde(deserialize_with = "lenient")]
    pub target: String,
    /// The message.
    #[serde(deserialize_with = "lenient")]
    pub msg: String,
    /// The source file, where known.
    #[serde(deserialize_with = "lenient")]
    pub file: Option<String>,
    /// The line, where known.
    #[serde(deserialize_with = "lenient")]
    pub line: Option<u32>,
    /// The thread's name, or `ThreadId(n)`.
    #[serde(deserialize_with = "lenient")]
    pub thread: String,
    /// The id of the innermost span that was entered, if any.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "lenient")]
    pub span: Option<u64>,
    /// The key-values, in order.
    #[serde(deserialize_with = "lenient")]
    pub fields: Entries<Value>,
    /// Whether the end of the message or some fields are missing, because it was too long.
    #[serde(deserialize_with = "lenient")]
    pub cut: bool,
}

/// A span of `tracing`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct Span {
    /// The id, which is unique in a process.
    #[serde(deserialize_with = "lenient")]
    pub id: u64,
    /// The id of its parent.
    #[serde(deserialize_with = "lenient")]
    pub parent: Option<u64>,
    /// The ids of the spans from which it follows.
    #[serde(skip_serializing_if = "Vec::is_empty", deserialize_with = "lenient")]
    pub follows_from: Vec<u64>,
    /// Its name.
    #[serde(deserialize_with = "lenient")]
    pub name: String,
    /// Its target, by default the module's path.
    #[serde(deserialize_with = "lenient")]
    pub target: String,
    /// Its level.
    #[serde(deserialize_with = "lenient")]
    pub level: Level,
    /// The source file, where known.
    #[serde(deserialize_with = "lenient")]
    pub file: Option<String>,
    /// The line, where known.
    #[serde(deserialize_with = "lenient")]
    pub line: Option<u32>,
    /// When it was opened, where known.
    #[serde(deserialize_with = "lenient")]
    pub opened_at: Option<Timestamp>,
    /// When it was closed; `None` if it was still open.
    #[serde(deserialize_with = "lenient")]
    pub closed_at: Option<Timestamp>,
    /// The key-values, in order.
    #[serde(deserialize_with = "lenient")]
    pub fields: Entries<Value>,
}

/// The level of a record. More severe levels are smaller, as in `log`.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(rename_all = "UPPERCASE")]
pub enum Level {
    /// Something failed.
    Error,
    /// Something is wrong, but the program continued.
    Warn,
    /// Normal operation. This is the default, which is used if a level is missing in a dump.
    #[default]
    Info,
    /// Details that help to debug the program.
    Debug,
    /// Every detail.
    Trace,
}

impl Level {
    /// The level in capitals, as in JSON.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Level::Error => "ERROR",
            Level::Warn => "WARN",
            Level::Info => "INFO",
            Level::Debug => "DEBUG",
            Level::Trace => "TRACE",
        }
    }
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl PartialEq<str> for Level {
    fn eq(&self, text: &str) -> bool {
        self.as_str() == text
    }
}

impl PartialEq<&str> for Level {
    fn eq(&self, text: &&str) -> bool {
        self.as_str() == *text
    }
}
