//! The dump itself: its reason, and the process and the machine that it describes.

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
/// - About the process: its id, start time, uptime, arguments (redacted), the path of its executable,
///   and the names and build-ids of the modules that its stacks refer to.
/// - About the machine: operating system, architecture, number of processors.
/// - Log records, and the texts of errors and panics.
///
/// It does not contain the environment, the host name or the user name, unless one of them is part of a
/// path, an argument or a record.
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
    /// The address of the program's repository, where its issues are reported, if it gave one.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "lenient")]
    pub repository: Option<String>,
    /// When the dump was made.
    #[serde(deserialize_with = "lenient")]
    pub created_at: Timestamp,
    /// Why the dump was made.
    #[serde(deserialize_with = "lenient")]
    pub reason: Reason,
    /// Further triggers, which came while the dump waited for the records after its first trigger.
    #[serde(skip_serializing_if = "Vec::is_empty", deserialize_with = "list")]
    pub also: Vec<Trigger>,
    /// The error's messages as a tree; `None` if there was no error.
    #[serde(deserialize_with = "lenient")]
    pub error: Option<ErrorNode>,
    /// The first 256 stacks of errors, in the order of the join.
    #[serde(deserialize_with = "list")]
    pub stack_traces: Vec<Trace>,
    /// How many more stacks there were.
    #[serde(deserialize_with = "lenient")]
    pub omitted_stack_traces: u64,
    /// Errors that the program handled before, in the order in which they were last noted. For each
    /// place, the first and the last few are kept.
    #[serde(skip_serializing_if = "Vec::is_empty", deserialize_with = "list")]
    pub noted_errors: Vec<NotedError>,
    /// How many more times errors were noted.
    #[serde(skip_serializing_if = "is_zero", deserialize_with = "lenient")]
    pub omitted_noted_errors: u64,
    /// The stacks of all threads, if they were captured.
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
    /// The number of evicted records of each target, level and thread, as far as known. The largest
    /// numbers come first. Several threads can have the same name.
    #[serde(skip_serializing_if = "Vec::is_empty", deserialize_with = "list")]
    pub evictions: Vec<Eviction>,
    /// The [`seq`](LogRecord::seq) of the record after which no record is missing. Earlier records were
    /// kept because of their level, thread or target; `None` if there are no such records.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "lenient")]
    pub unbroken_from: Option<u64>,
    /// How many failures since the previous dump were counted instead of dumped, because they
    /// repeated a dumped one or exceeded the rate limit.
    #[serde(deserialize_with = "lenient")]
    pub suppressed_dumps: u64,
    /// The first and the last few of these failures.
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
    /// How the process died, if the dump was made after its death.
    #[serde(deserialize_with = "lenient")]
    pub crash: Option<Crash>,
    /// What the process used, oldest first: at the time of the dump and, if the program configured it,
    /// in each of the 120 seconds before.
    #[serde(skip_serializing_if = "Vec::is_empty", deserialize_with = "list")]
    pub gauges: Vec<Gauge>,
    /// The machine on which the process ran.
    #[serde(deserialize_with = "lenient")]
    pub host: Host,
    /// Key-value pairs that the program added.
    #[serde(deserialize_with = "lenient")]
    pub metadata: Entries<String>,
    /// How many values each redaction rule has masked.
    #[serde(deserialize_with = "lenient")]
    pub redactions: Entries<u64>,
    /// Problems that prevented the recorder from recording or dumping as configured, one sentence each.
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

    /// The code that writes a dump is large, so it is compiled once, and not for each type of writer.
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
        /// An error that ended the program, or that the program passed to the recorder.
        Error = "error",
        /// A panic.
        Panic = "panic",
        /// A log record at or above the level of `dump_on`.
        Level = "level",
        /// A rule of `dump_when` became true.
        Rule = "rule",
        /// A missing heartbeat.
        Hang = "hang",
        /// A signal that asks for a dump.
        Signal = "signal",
        /// A call of the program.
        Manual = "manual",
        /// The death of an earlier process, found at the next start.
        Crash = "crash",
    }
}

/// A trigger that made no dump of its own, because another dump was waiting for the records after its
/// trigger.
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
    /// A module with this path.
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
    /// When it started to record.
    #[serde(deserialize_with = "lenient")]
    pub started_at: Timestamp,
    /// How many seconds it had recorded when it failed.
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

/// The death of a process that could not make a dump itself.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct Crash {
    /// The number of the signal, if it was caught.
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
    /// The system's id of the boot in which the process ran, in hexadecimal digits, if known.
    #[serde(deserialize_with = "lenient")]
    pub boot_id: Option<String>,
    /// Whether the machine was rebooted between the death and this dump, if known.
    #[serde(deserialize_with = "lenient")]
    pub rebooted: Option<bool>,
    /// How many records were damaged and are missing.
    #[serde(deserialize_with = "lenient")]
    pub damaged_records: u64,
}

/// The machine on which a process ran.
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
