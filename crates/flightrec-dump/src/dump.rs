//! The dump itself: why there is one, and which process on which machine it describes.

use std::io::{self, Write};

use serde::{Deserialize, Serialize};

use crate::lenient::{lenient, list};
use crate::text_enum::text_enum;
use crate::{
    Entries, ErrorNode, Eviction, Gauge, LogRecord, NotedError, Span, Thread, Timestamp, Trace,
};

/// The schema that this version writes.
pub const SCHEMA: &str = "flightrec/1";

/// One failure: where it happened, and what the program was doing.
///
/// # What it contains
///
/// - Of the process: its id, start time, uptime, arguments (redacted), the path of its executable,
///   and the names and build-ids of the modules that its stacks refer to.
/// - Of the machine: operating system, architecture, number of processors.
/// - What log records, errors and panics say.
///
/// It never contains the environment, the host name or the user name, except where one of them is
/// part of a path, an argument or a record.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct Dump {
    /// [`SCHEMA`], or the name of another schema in a dump that was read.
    #[serde(deserialize_with = "lenient")]
    pub schema: String,
    /// The program's name.
    #[serde(deserialize_with = "lenient")]
    pub app: String,
    /// The program's version, if it gave one.
    #[serde(deserialize_with = "lenient")]
    pub version: Option<String>,
    /// The revision of the program's sources, if it gave one.
    #[serde(deserialize_with = "lenient")]
    pub revision: Option<String>,
    /// The address of the program's repository, if it gave one: where its issues are.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "lenient")]
    pub repository: Option<String>,
    /// When the dump was made.
    #[serde(deserialize_with = "lenient")]
    pub created_at: Timestamp,
    /// Why the dump was made.
    #[serde(deserialize_with = "lenient")]
    pub reason: Reason,
    /// What else triggered the dump, while it waited for what follows its trigger.
    #[serde(skip_serializing_if = "Vec::is_empty", deserialize_with = "list")]
    pub also: Vec<Trigger>,
    /// The error's messages as a tree; `None` if there was no error.
    #[serde(deserialize_with = "lenient")]
    pub error: Option<ErrorNode>,
    /// The stack of each error that has one, in the order of the join: the first 256.
    #[serde(deserialize_with = "list")]
    pub stack_traces: Vec<Trace>,
    /// How many more stacks there were.
    #[serde(deserialize_with = "lenient")]
    pub omitted_stack_traces: u64,
    /// Errors that the program handled before, in the order in which they were last noted: of each
    /// place the first and the last few.
    #[serde(skip_serializing_if = "Vec::is_empty", deserialize_with = "list")]
    pub noted_errors: Vec<NotedError>,
    /// How many more times errors were noted.
    #[serde(skip_serializing_if = "is_zero", deserialize_with = "lenient")]
    pub omitted_noted_errors: u64,
    /// The stack of every thread, where they were captured.
    #[serde(deserialize_with = "list")]
    pub threads: Vec<Thread>,
    /// The last log records, oldest first.
    #[serde(deserialize_with = "list")]
    pub latest_logs: Vec<LogRecord>,
    /// The spans that `latest_logs` and `stack_traces` refer to, and their ancestors.
    #[serde(deserialize_with = "list")]
    pub spans: Vec<Span>,
    /// How many earlier records were evicted.
    #[serde(deserialize_with = "lenient")]
    pub evicted_logs: u64,
    /// How many of these were of each target, level and thread, as far as it is known: those with the
    /// most first. Several threads can have one name.
    #[serde(skip_serializing_if = "Vec::is_empty", deserialize_with = "list")]
    pub evictions: Vec<Eviction>,
    /// The [`seq`](LogRecord::seq) of the record from which on none is missing. Those before it were kept
    /// for their level, their thread or their target; `None` if there are none of these.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "lenient")]
    pub unbroken_from: Option<u64>,
    /// How many failures since the previous dump were counted instead of dumped, because they
    /// repeated a dumped one or exceeded the rate limit.
    #[serde(deserialize_with = "lenient")]
    pub suppressed_dumps: u64,
    /// What is known of those failures: the first and the last few.
    #[serde(deserialize_with = "list")]
    pub suppressed: Vec<Suppressed>,
    /// The file names of other dumps of the same failure.
    #[serde(deserialize_with = "list")]
    pub related_dumps: Vec<String>,
    /// Equal for failures of one kind; see [`fingerprint_of`](Dump::fingerprint_of).
    #[serde(deserialize_with = "lenient")]
    pub fingerprint: String,
    /// The executable and the shared objects that the frames' addresses are relative to.
    #[serde(deserialize_with = "list")]
    pub modules: Vec<Module>,
    /// The process that failed.
    #[serde(deserialize_with = "lenient")]
    pub process: Process,
    /// How the process died; `None` unless the dump was made from what it left behind.
    #[serde(deserialize_with = "lenient")]
    pub crash: Option<Crash>,
    /// What the process used, oldest first: at the time of the dump and, if the program asked for it,
    /// in each of the last 120 seconds before.
    #[serde(skip_serializing_if = "Vec::is_empty", deserialize_with = "list")]
    pub gauges: Vec<Gauge>,
    /// The machine that the process ran on.
    #[serde(deserialize_with = "lenient")]
    pub host: Host,
    /// Key-value pairs that the program added.
    #[serde(deserialize_with = "lenient")]
    pub metadata: Entries<String>,
    /// How many values each redaction rule has masked.
    #[serde(deserialize_with = "lenient")]
    pub redactions: Entries<u64>,
    /// What kept the recorder from recording or dumping as configured, one sentence each.
    #[serde(deserialize_with = "list")]
    pub notes: Vec<String>,
}

impl Dump {
    /// The stacks of all errors in the dump: [`stack_traces`](Dump::stack_traces), and those in
    /// [`also`](Dump::also) and [`noted_errors`](Dump::noted_errors).
    pub fn all_traces(&self) -> impl Iterator<Item = &Trace> {
        let also = self.also.iter().flat_map(|also| &also.stack_traces);
        let noted = self
            .noted_errors
            .iter()
            .flat_map(|noted| &noted.stack_traces);
        self.stack_traces.iter().chain(also).chain(noted)
    }

    /// Writes the dump as one line of JSON, without a newline.
    ///
    /// # Errors
    ///
    /// Returns the errors of `writer`.
    pub fn write_to(&self, mut writer: impl Write) -> io::Result<()> {
        self.write_json(&mut writer)
    }

    /// The code that writes a dump is large. It is compiled once, not for each type of writer.
    #[inline(never)]
    fn write_json(&self, writer: &mut dyn Write) -> io::Result<()> {
        Ok(serde_json::to_writer(writer, self)?)
    }
}

fn is_zero(number: &u64) -> bool {
    *number == 0
}

/// Why a dump was made.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct Reason {
    /// What triggered the dump.
    #[serde(deserialize_with = "lenient")]
    pub kind: Kind,
    /// One sentence for people.
    #[serde(deserialize_with = "lenient")]
    pub message: String,
}

impl Reason {
    /// A reason with a kind and a message.
    #[must_use]
    pub fn new(kind: Kind, message: impl Into<String>) -> Reason {
        Reason {
            kind,
            message: message.into(),
        }
    }
}

text_enum! {
    /// What triggered a dump.
    pub enum Kind {
        /// An error that ended the program, or that the program handed over.
        Error = "error",
        /// A panic.
        Panic = "panic",
        /// A log record at or above the level of `dump_on`.
        Level = "level",
        /// A rule of `dump_when` came true.
        Rule = "rule",
        /// A heartbeat that did not come.
        Hang = "hang",
        /// A signal that asks for a dump.
        Signal = "signal",
        /// A call of the program.
        Manual = "manual",
        /// The death of an earlier process, found at the next start.
        Crash = "crash",
    }
}

/// A trigger that made no dump of its own, because it came while another dump waited for what
/// follows its trigger.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct Trigger {
    /// What triggered it.
    #[serde(deserialize_with = "lenient")]
    pub kind: Kind,
    /// One sentence for people.
    #[serde(deserialize_with = "lenient")]
    pub message: String,
    /// When it happened.
    #[serde(deserialize_with = "lenient")]
    pub at: Timestamp,
    /// The error's messages as a tree; `None` if there was no error.
    #[serde(deserialize_with = "lenient")]
    pub error: Option<ErrorNode>,
    /// The stack of each error that has one.
    #[serde(deserialize_with = "list")]
    pub stack_traces: Vec<Trace>,
}

/// A failure that was counted instead of dumped.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct Suppressed {
    /// What triggered it.
    #[serde(deserialize_with = "lenient")]
    pub kind: Kind,
    /// Its message, redacted.
    #[serde(deserialize_with = "lenient")]
    pub message: String,
    /// When it happened; the last time, if it repeated.
    #[serde(deserialize_with = "lenient")]
    pub at: Timestamp,
    /// How many times it happened.
    #[serde(deserialize_with = "lenient")]
    pub count: u64,
}

impl Suppressed {
    /// A failure that happened once.
    #[must_use]
    pub fn new(kind: Kind, message: impl Into<String>, at: Timestamp) -> Suppressed {
        Suppressed {
            kind,
            message: message.into(),
            at,
            count: 1,
        }
    }
}

/// An executable or a shared object.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct Module {
    /// Its path.
    #[serde(deserialize_with = "lenient")]
    pub name: String,
    /// Its build-id in hexadecimal digits, if it has one.
    #[serde(deserialize_with = "lenient")]
    pub build_id: Option<String>,
}

impl Module {
    /// A module with that path.
    #[must_use]
    pub fn new(name: impl Into<String>, build_id: Option<String>) -> Module {
        Module {
            name: name.into(),
            build_id,
        }
    }
}

/// The process that failed.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct Process {
    /// Its id.
    #[serde(deserialize_with = "lenient")]
    pub pid: u32,
    /// When it began to record.
    #[serde(deserialize_with = "lenient")]
    pub started_at: Timestamp,
    /// For how many seconds it had recorded when it failed.
    #[serde(deserialize_with = "lenient")]
    pub uptime: f64,
    /// The path of its executable.
    #[serde(deserialize_with = "lenient")]
    pub executable: Option<String>,
    /// Its arguments, redacted.
    #[serde(deserialize_with = "list")]
    pub args: Vec<String>,
    /// The thread that failed: its name, or `ThreadId(n)`.
    #[serde(deserialize_with = "lenient")]
    pub thread: String,
}

/// How a process died that could not make a dump itself.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct Crash {
    /// The number of the signal, where it was caught.
    #[serde(deserialize_with = "lenient")]
    pub signal: Option<i32>,
    /// The signal's name, such as `SIGSEGV`.
    #[serde(deserialize_with = "lenient")]
    pub signal_name: Option<String>,
    /// The signal's code (`si_code`).
    #[serde(deserialize_with = "lenient")]
    pub code: Option<i32>,
    /// The address that could not be accessed, as `0x…`.
    #[serde(deserialize_with = "lenient")]
    pub fault_address: Option<String>,
    /// Why the walk of the crashing thread's stack ended.
    #[serde(deserialize_with = "lenient")]
    pub stack_ended: Option<String>,
    /// When its last record was logged.
    #[serde(deserialize_with = "lenient")]
    pub last_record_at: Option<Timestamp>,
    /// Which boot of the machine it was, in hexadecimal digits, where the system tells.
    #[serde(deserialize_with = "lenient")]
    pub boot_id: Option<String>,
    /// Whether the machine was restarted between then and this dump, where known.
    #[serde(deserialize_with = "lenient")]
    pub rebooted: Option<bool>,
    /// How many records were damaged and are missing.
    #[serde(deserialize_with = "lenient")]
    pub damaged_records: u64,
}

/// The machine that a process ran on.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct Host {
    /// The operating system, as Rust names it.
    #[serde(deserialize_with = "lenient")]
    pub os: String,
    /// The architecture, as Rust names it.
    #[serde(deserialize_with = "lenient")]
    pub arch: String,
    /// How many processors the process could use; 0 if unknown.
    #[serde(deserialize_with = "lenient")]
    pub cpus: u32,
}
