//! The command line.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;
use jiff::Timestamp;

use crate::input::{self, Limits};
use crate::select::Selection;

/// Reads the dumps of programs that have a flight recorder.
#[derive(Debug, Parser)]
#[command(
    name = "flightrec",
    version,
    max_term_width = 100,
    infer_subcommands = true
)]
#[command(
    after_help = "Without a command it lists the dumps on this machine.\n\n\
    Exit codes: 0 done; 1 nothing found, or not all is well; 2 bad usage or input."
)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) common: Common,
    #[command(subcommand)]
    pub(crate) command: Option<Command>,
}

/// Options of every command.
#[derive(Clone, Debug, Args)]
pub(crate) struct Common {
    /// Print straight to the terminal, however long it is
    #[arg(long, global = true)]
    pub(crate) no_pager: bool,
    /// The largest file that is read: bytes, or with a suffix K, M or G
    #[arg(long, global = true, value_name = "SIZE", default_value = "256M", value_parser = input::parse_size)]
    pub(crate) max_size: u64,
    /// What time it is, for tests of what is printed
    #[arg(long, global = true, hide = true, value_name = "TIME")]
    pub(crate) now: Option<Timestamp>,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    List(List),
    Show(Show),
    Merge(Merge),
    Group(Group),
    Export(Export),
    Open(Open),
    Redact(Redact),
    Symbolicate(Symbolicate),
    Recover(Recover),
    Doctor(Doctor),
    Completions(Completions),
    Man(Man),
}

/// List the dumps on this machine, newest first, those of one kind together
#[derive(Debug, Args)]
pub(crate) struct List {
    /// Only the dumps of this program
    pub(crate) app: Option<String>,
    /// Every dump in a line of its own
    #[arg(short, long)]
    pub(crate) all: bool,
}

/// Show a dump: the error, its stacks, and the log before it
#[derive(Debug, Args)]
pub(crate) struct Show {
    /// A file, `-` for standard input, a number of `flightrec list`, or a program's name for its
    /// newest dump; without one, the newest dump of all
    #[arg(value_name = "DUMP")]
    pub(crate) dump: Option<PathBuf>,
    /// Show everything: frames of the runtime, where each record was logged, what was loaded
    #[arg(short, long)]
    pub(crate) all: bool,
    #[command(flatten)]
    pub(crate) selection: Selection,
}

/// Show the logs of several dumps in one order of time, such as of a process and its workers
#[derive(Debug, Args)]
pub(crate) struct Merge {
    /// The dumps, named as for `show`
    #[arg(value_name = "DUMP", required = true)]
    pub(crate) dumps: Vec<PathBuf>,
    /// Show where each record was logged, too
    #[arg(short, long)]
    pub(crate) all: bool,
    #[command(flatten)]
    pub(crate) selection: Selection,
}

/// Count dumps by what failed: their fingerprints, when first and last, in which versions
#[derive(Debug, Args)]
pub(crate) struct Group {
    /// Dumps, or directories that hold some, at any depth; without any, those on this machine
    #[arg(value_name = "DUMP|DIR")]
    pub(crate) paths: Vec<PathBuf>,
    /// Only the N most frequent
    #[arg(short = 'n', long, value_name = "N")]
    pub(crate) first: Option<usize>,
}

/// Convert dumps for other tools, or to a page for the browser
#[derive(Debug, Args)]
pub(crate) struct Export {
    /// For which tools
    #[arg(long, value_enum)]
    pub(crate) to: Format,
    /// The dumps, named as for `show`; without one, the newest of all
    #[arg(value_name = "DUMP")]
    pub(crate) dumps: Vec<PathBuf>,
    /// Where to write it: a new file, or `-` for standard output [default: -]
    #[arg(short, long, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) selection: Selection,
}

/// Show dumps in the browser, as a page that `export --to html` makes
#[derive(Debug, Args)]
pub(crate) struct Open {
    /// The dumps, named as for `show`; without one, the newest of all
    #[arg(value_name = "DUMP")]
    pub(crate) dumps: Vec<PathBuf>,
}

/// What `export` writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// One JSON object a line: jq, lnav, DuckDB
    Jsonl,
    /// key=value, a record a line: lnav, grep
    Logfmt,
    /// OTLP/JSON logs: OpenTelemetry collectors
    Otlp,
    /// Trace events, a lane a thread: Perfetto, chrome://tracing
    ChromeTrace,
    /// One page for a browser, which works offline
    Html,
}

/// Mask more of a dump before it is shared, and say what was masked
#[derive(Debug, Args)]
pub(crate) struct Redact {
    /// The dump, named as for `show`
    #[arg(value_name = "DUMP")]
    pub(crate) dump: PathBuf,
    /// Where to write it, `-` for standard output; without one, NAME.redacted.json in
    /// the current directory
    #[arg(short, long, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
    /// Mask the values of this key, too; may be repeated
    #[arg(short, long)]
    pub(crate) key: Vec<String>,
    /// Mask this text wherever it stands; may be repeated
    #[arg(short, long)]
    pub(crate) literal: Vec<String>,
    /// Mask IP addresses, too
    #[arg(long)]
    pub(crate) ip: bool,
    /// Leave the log out
    #[arg(long)]
    pub(crate) no_log: bool,
}

/// Find the names, files and lines in a dump of a stripped program, and write the completed dump
#[derive(Debug, Args)]
pub(crate) struct Symbolicate {
    /// The dump, named as for `show`
    #[arg(value_name = "DUMP")]
    pub(crate) dump: PathBuf,
    /// The unstripped binary of the same build, or the debug information that was split off it;
    /// may be repeated, for shared libraries
    #[arg(short, long, value_name = "FILE")]
    pub(crate) binary: Vec<PathBuf>,
    /// Look up debug files by build-id in this directory, as in /usr/lib/debug; may be repeated
    #[arg(short, long, value_name = "DIR")]
    pub(crate) debug_dir: Vec<PathBuf>,
    /// Where to write the completed dump: a new file, or `-` for standard output [default: -]
    #[arg(short, long, value_name = "FILE", conflicts_with = "in_place")]
    pub(crate) output: Option<PathBuf>,
    /// Complete the file itself
    #[arg(short, long)]
    pub(crate) in_place: bool,
    /// Take a binary whose build-id is not that of the dump: its names may be wrong
    #[arg(long)]
    pub(crate) force: bool,
}

/// Make a dump out of the ring file of a process that was killed, and leave the file as it is
#[derive(Debug, Args)]
pub(crate) struct Recover {
    /// The ring: NAME.ring in the directory of the program's dumps
    #[arg(value_name = "RING")]
    pub(crate) ring: PathBuf,
    /// Where to write the dump: a new file, or `-` for standard output [default: -]
    #[arg(short, long, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
}

/// Tell whether a program's dumps will be of use, and what to change
#[derive(Debug, Args)]
pub(crate) struct Doctor {
    /// The executable
    #[arg(value_name = "BINARY")]
    pub(crate) binary: PathBuf,
}

/// Print the completions for a shell
#[derive(Debug, Args)]
pub(crate) struct Completions {
    /// The shell
    #[arg(value_enum)]
    pub(crate) shell: Shell,
}

/// Print the manual page
#[derive(Debug, Args)]
pub(crate) struct Man {
    /// Write it, and one for each command, to files in this directory
    #[arg(long, value_name = "DIR")]
    pub(crate) dir: Option<PathBuf>,
}

impl Common {
    pub(crate) fn limits(&self) -> Limits {
        Limits {
            max_size: self.max_size,
        }
    }

    /// The time that "ago" is counted from.
    pub(crate) fn now(&self) -> Timestamp {
        self.now.unwrap_or_else(Timestamp::now)
    }
}
