//! The dump: what is in the one file, and its schema.

mod collect;
mod entries;
mod json;
mod lenient;
mod mask;
mod process;
mod schema;
mod value;

use std::fmt;
use std::io::{self, Write};

pub(crate) use collect::collect;
#[cfg(feature = "crash-safe")]
pub(crate) use collect::{of_snapshot, outline, rfc3339};
pub use entries::Entries;
use lenient::Read;
pub(crate) use process::Start;
use schema::schema;
use serde_core::Serialize;
pub use value::Value;

/// The schema that this version writes.
pub const SCHEMA: &str = "flightrec/1";

schema! {
    /// One failure: where it happened, and what the program was doing.
    ///
    /// The fields are the keys of the JSON object, which [`write_to`](Dump::write_to) writes and
    /// [`from_json`](Dump::from_json) reads. Within a schema number keys are added, never renamed
    /// or used for something else; readers pass over what they don't know.
    ///
    /// # What it tells of the process and the machine
    ///
    /// The process's id, when it started recording and for how long it had run, its arguments
    /// (masked by the redactor), the executable's path and the names and build-ids of what was
    /// loaded; the machine's operating system, architecture and number of processors. Neither the
    /// environment nor the names of the machine and the user, unless they are part of a path, an
    /// argument or a record.
    pub struct Dump {
        /// [`SCHEMA`], or another schema's name in a dump that was read.
        pub schema: String,
        /// The program's name.
        pub app: String,
        /// Its version, if it gave one.
        pub version: Option<String>,
        /// The revision of its sources, if it gave one.
        pub revision: Option<String>,
        /// When the dump was made: RFC 3339 in UTC.
        pub created_at: String,
        /// Why there is a dump.
        pub reason: Reason,
        /// The error's messages as a tree; none without an error.
        pub error: Option<ErrorNode>,
        /// The stack of each error that has one, in the order of the join; the first 256 of them.
        pub stack_traces: Vec<Trace>,
        /// How many stacks are not here because there were more.
        pub omitted_stack_traces: u64,
        /// The last records, oldest first.
        pub latest_logs: Vec<LogRecord>,
        /// How many records came before and no longer fit.
        pub evicted_logs: u64,
        /// How many failures were not dumped since the dump before this one, because they were
        /// the same as one that was or because there were too many.
        pub suppressed_dumps: u64,
        /// Equal for failures of one kind: what `Fingerprint` of `stackerr` makes of the errors'
        /// types and the frames that are no noise. Empty without a stack.
        pub fingerprint: String,
        /// What the frames' addresses are relative to.
        pub modules: Vec<Module>,
        /// The process that failed.
        pub process: Process,
        /// What is known of a process that died without a word; none for any other reason.
        pub crash: Option<Crash>,
        /// The machine it ran on.
        pub host: Host,
        /// What the program itself wanted to be told.
        pub metadata: Entries<String>,
        /// How many values each rule has masked.
        pub redactions: Entries<u64>,
    }

    /// Why there is a dump.
    pub struct Reason {
        /// `error`, `panic`, `level`, `signal`, `manual` or `crash`.
        pub kind: String,
        /// The same for people.
        pub message: String,
    }

    /// An error and what it comes from.
    pub struct ErrorNode {
        /// Its own message.
        pub message: String,
        /// Where it was made or given its context.
        pub location: Option<Location>,
        /// Its cause, or the errors of a join.
        pub sources: Vec<ErrorNode>,
    }

    /// A place in the source.
    pub struct Location {
        /// The file, as the compiler was given it.
        pub file: String,
        /// The line, from 1.
        pub line: u32,
        /// The column, from 1.
        pub column: u32,
    }

    /// The stack of one error.
    pub struct Trace {
        /// The error's own message.
        pub error: String,
        /// The type of the error, as Rust names it, where known.
        pub error_type: Option<String>,
        /// The frames, the one where the error was born first.
        pub frames: Vec<Frame>,
        /// The places in the source that the error passed on its way up.
        pub trail: Vec<Location>,
        /// The `seq` of the last record before the error was born, if that is still here.
        pub log_seq: Option<u64>,
    }

    /// One frame of a stack.
    pub struct Frame {
        /// The function; `<unknown>` where the binary has no symbol.
        pub name: String,
        /// The source file, where known.
        pub file: Option<String>,
        /// The line, where known.
        pub line: Option<u32>,
        /// The column, where known.
        pub column: Option<u32>,
        /// The return address relative to the module, as `0x…`.
        pub address: String,
        /// The path of the executable or shared object, where known.
        pub module: Option<String>,
        /// Whether it belongs to the runtime rather than to the program.
        pub noise: bool,
    }

    /// One log record.
    pub struct LogRecord {
        /// Its place in the order of all records.
        pub seq: u64,
        /// When it was logged: RFC 3339 in UTC.
        pub time: String,
        /// `ERROR` to `TRACE`.
        pub level: String,
        /// Its target, by default the module's path.
        pub target: String,
        /// The message.
        pub msg: String,
        /// The source file, where known.
        pub file: Option<String>,
        /// The line, where known.
        pub line: Option<u32>,
        /// The thread's name, or `ThreadId(n)`.
        pub thread: String,
        /// The key-values, in order.
        pub fields: Entries<Value>,
        /// Whether the message lost its end, or fields are missing, because it was too long.
        pub cut: bool,
    }

    /// An executable or shared object.
    pub struct Module {
        /// Its path.
        pub name: String,
        /// Its build-id in hexadecimal digits, if it has one.
        pub build_id: Option<String>,
    }

    /// The process that failed.
    pub struct Process {
        /// Its id.
        pub pid: u32,
        /// When it began to record: RFC 3339 in UTC.
        pub started_at: String,
        /// The seconds since.
        pub uptime: f64,
        /// The path of its executable.
        pub executable: Option<String>,
        /// Its arguments, masked.
        pub args: Vec<String>,
        /// The thread that made the dump.
        pub thread: String,
    }

    /// The death of a process that could tell nothing itself.
    pub struct Crash {
        /// When its last record was logged: RFC 3339 in UTC.
        pub last_record_at: Option<String>,
        /// Which run of the machine it was, in hexadecimal digits, where the system tells.
        pub boot_id: Option<String>,
        /// Whether the machine was started again between then and this dump, where known.
        pub rebooted: Option<bool>,
        /// How many records were found damaged, and are not here.
        pub damaged_records: u64,
    }

    /// The machine it ran on.
    pub struct Host {
        /// The operating system, as Rust names it.
        pub os: String,
        /// The architecture, as Rust names it.
        pub arch: String,
        /// How many processors the process could use.
        pub cpus: u32,
    }
}

impl Dump {
    /// Writes the dump as one line of JSON, without a newline.
    ///
    /// # Errors
    ///
    /// The errors of `writer`.
    pub fn write_to(&self, mut writer: impl Write) -> io::Result<()> {
        self.write(&mut writer)
    }

    /// For each kind of writer the whole schema would be compiled anew.
    pub(crate) fn write(&self, writer: &mut dyn Write) -> io::Result<()> {
        let mut serializer = serde_json::Serializer::with_formatter(writer, json::Compact);
        Ok(self.serialize(&mut serializer)?)
    }

    /// Reads a dump. A schema it does not know is read as far as it is understood.
    ///
    /// # Errors
    ///
    /// If it is no JSON or no dump; the message says where it went wrong.
    pub fn from_json(json: &[u8]) -> Result<Dump, ReadError> {
        let Read(dump) = serde_json::from_slice::<Read<Dump>>(json)
            .map_err(|error| ReadError(format!("this is not valid JSON: {error}")))?;
        let dump = dump.ok_or_else(|| ReadError("this is JSON, but not an object".to_owned()))?;
        if !dump.schema.starts_with("flightrec/") {
            return Err(ReadError(
                "this is JSON, but it has no \"schema\": \"flightrec/…\"".to_owned(),
            ));
        }
        Ok(dump)
    }
}

/// A file that is no dump.
#[derive(Debug)]
pub struct ReadError(String);

impl fmt::Display for ReadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for ReadError {}
