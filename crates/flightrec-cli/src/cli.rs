//! The command line.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};
use clap_complete::Shell;
#[cfg(target_os = "linux")]
use jiff::SignedDuration;
use jiff::Timestamp;

use crate::export::Format;
use crate::export::markdown::Tokens;
use crate::input::{self, Limits};
use crate::select::Selection;
use crate::show::LogAmount;

/// Reads the dumps (crash reports) of programs that have a flight recorder
#[derive(Debug, Parser)]
#[command(
    name = "flightrec",
    version,
    max_term_width = 100,
    infer_subcommands = true,
    after_help = "\
Examples:
  flightrec                        list the dumps on this machine
  flightrec dump.json              show a dump
  flightrec show                   show the newest dump of this machine
  flightrec show 3 --level warn    show the third dump of the list, warnings and errors only
  kubectl logs POD | flightrec -   show the last dump in the log of a container
  flightrec dump 4711              ask a running program for a dump and show it
  flightrec group reports/         count the dumps in a directory by what failed

A DUMP is a file (JSON, also within other text, also compressed by gzip or zstd), FILE:2 for the
second dump in a file, `-` for standard input, a directory for the newest dump in it, a number of
`flightrec list`, or the name of a program for its newest dump.

Exit codes: 0 done; 1 nothing found, or `doctor` found a problem; 2 wrong usage or input."
)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) common: Common,
    #[command(subcommand)]
    pub(crate) command: Option<Command>,
    /// Dumps to show, or directories to list; without any, the dumps of this machine are listed
    #[arg(value_name = "DUMP|DIR")]
    pub(crate) paths: Vec<PathBuf>,
}

/// Options of every command.
#[derive(Clone, Debug, Args)]
pub(crate) struct Common {
    /// Print to the terminal without a pager
    #[arg(long, global = true)]
    pub(crate) no_pager: bool,
    /// The largest file that is read: bytes, or with a suffix K, M or G
    #[arg(long, global = true, value_name = "SIZE", default_value = "256M", value_parser = input::parse_size)]
    pub(crate) max_size: u64,
    /// Refuse damaged dumps; by default, the readable part is shown with a warning
    #[arg(long, global = true, overrides_with = "lenient")]
    pub(crate) strict: bool,
    /// Read damaged dumps as far as possible (the default)
    #[arg(long, global = true, hide = true)]
    pub(crate) lenient: bool,
    /// The current time, for tests
    #[arg(long, global = true, hide = true, value_name = "TIME")]
    pub(crate) now: Option<Timestamp>,
}

/// A command and its options.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    List(List),
    Show(Show),
    Merge(Merge),
    Group(Group),
    Export(Export),
    Open(Open),
    Issue(Issue),
    #[cfg(feature = "send")]
    Send(Send),
    Redact(Redact),
    Symbolicate(Symbolicate),
    Recover(Recover),
    #[cfg(target_os = "linux")]
    Dump(DumpProcess),
    Doctor(Doctor),
    Completions(Completions),
    Man(Man),
}

/// List dumps, newest first; repeats of one error are one line
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  flightrec list              the dumps on this machine
  flightrec list my-tool      those of one program
  flightrec list reports/     those in a directory
  flightrec list pod.log      those in a file")]
pub(crate) struct List {
    /// Programs, files, or directories; without any, every program on this machine
    #[arg(value_name = "APP|FILE|DIR")]
    pub(crate) what: Vec<PathBuf>,
    /// One line for each dump, repeats included
    #[arg(short, long)]
    pub(crate) all: bool,
}

/// Show a dump: the error, its stacks, and the log before it
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  flightrec show                          the newest dump
  flightrec show my-tool                  the newest dump of a program
  flightrec show dump.json --log all      a file, with the whole log
  flightrec show dump.json --around -2s   the log around two seconds before the failure
  flightrec show old.json --diff new.json what is different between two dumps
  flightrec show pod.log:1                the first dump in a file")]
pub(crate) struct Show {
    /// The dumps; without any, the newest of this machine
    #[arg(value_name = "DUMP")]
    pub(crate) dumps: Vec<PathBuf>,
    /// Show everything: frames of the runtime, where each record was logged, loaded modules
    #[arg(short, long)]
    pub(crate) all: bool,
    /// How many records to show, `all` or a number; records directly before each error was created
    /// are always shown [default: 20]
    #[arg(long, value_name = "N|all")]
    pub(crate) log: Option<LogAmount>,
    /// Do not show lines of source files of this machine
    #[arg(long)]
    pub(crate) no_source: bool,
    /// Indent the log by spans
    #[arg(long)]
    pub(crate) spans: bool,
    /// Show the differences to this other dump
    #[arg(long, value_name = "OTHER")]
    pub(crate) diff: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) selection: Selection,
}

/// Ask a running program for a dump and show it
#[cfg(target_os = "linux")]
#[derive(Debug, Args)]
#[command(
    long_about = "Ask a running program for a dump and show it: the stacks of all its threads, and its \
                  log. The program goes on. It must have a flight recorder that was set up with \
                  `dump_on_signal`, and be of the same user.",
    after_help = "\
Examples:
  flightrec dump 4711                   the stacks and the end of the log
  flightrec dump 4711 --last 60s        with the records of the last minute
  flightrec dump $(pidof my-server)     by the program's name"
)]
pub(crate) struct DumpProcess {
    /// The id of the process
    #[arg(value_name = "PID")]
    pub(crate) pid: u32,
    /// Only the records of this time before the dump, such as 60s or 5m; shows all of them
    #[arg(long, value_name = "TIME", value_parser = crate::select::parse_duration)]
    pub(crate) last: Option<SignedDuration>,
    /// Show everything: frames of the runtime, all threads, where each record was logged
    #[arg(short, long)]
    pub(crate) all: bool,
    /// How many records to show, `all` or a number [default: 20]
    #[arg(long, value_name = "N|all")]
    pub(crate) log: Option<LogAmount>,
    /// How long to wait for the dump, in seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 10)]
    pub(crate) timeout: u64,
}

/// Show the logs of several dumps in order of time, for instance of a process and its workers
#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  flightrec merge server.json worker.json --level info")]
pub(crate) struct Merge {
    /// The dumps
    #[arg(value_name = "DUMP", required = true)]
    pub(crate) dumps: Vec<PathBuf>,
    /// Show where each record was logged
    #[arg(short, long)]
    pub(crate) all: bool,
    #[command(flatten)]
    pub(crate) selection: Selection,
}

/// Count dumps by what failed, with the first and last time and the versions
#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  flightrec group reports/ --first 10")]
pub(crate) struct Group {
    /// Files, or directories that are searched at any depth; without any, the dumps of this machine
    #[arg(value_name = "FILE|DIR")]
    pub(crate) paths: Vec<PathBuf>,
    /// Only the N most frequent kinds
    #[arg(short = 'n', long, value_name = "N")]
    pub(crate) first: Option<usize>,
    /// Print the newest file of each kind, too; a pipe always gets them
    #[arg(short, long)]
    pub(crate) files: bool,
}

/// Convert dumps for other tools, or to a page for the browser
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  flightrec export --to jsonl | jq -r 'select(.level == \"ERROR\") | .msg'
  flightrec export --to chrome-trace dump.json -o trace.json    open it in https://ui.perfetto.dev
  flightrec export --to markdown --budget 4000                  for a language model")]
pub(crate) struct Export {
    /// The format
    #[arg(long, value_enum)]
    pub(crate) to: Format,
    /// The dumps; without any, the newest of this machine. For a directory, `jsonl` and `logfmt`
    /// write every dump, other formats the newest
    #[arg(value_name = "DUMP")]
    pub(crate) dumps: Vec<PathBuf>,
    /// Where to write: a new file, or `-` for standard output [default: -]
    #[arg(short, long, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
    /// For `--to markdown`: limit the text to this many tokens (of 3 bytes) [default: 20000, which
    /// fit into an issue on GitHub]
    #[arg(long, value_name = "TOKENS")]
    pub(crate) budget: Option<Tokens>,
    /// For `--to html`: store the source lines around each frame, from the files of this machine
    #[arg(long)]
    pub(crate) source: bool,
    #[command(flatten)]
    pub(crate) selection: Selection,
}

/// Show dumps in the browser, as a page that `export --to html` makes
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  flightrec open
  flightrec open server.json worker.json --source")]
pub(crate) struct Open {
    /// The dumps; without any, the newest of this machine
    #[arg(value_name = "DUMP")]
    pub(crate) dumps: Vec<PathBuf>,
    /// Store the source lines around each frame, from the files of this machine
    #[arg(long)]
    pub(crate) source: bool,
}

/// Print the address of a prefilled issue, on GitHub, GitLab, Gitea or Forgejo
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  flightrec issue                             for the newest dump of this machine
  flightrec issue dump.json --repo me/tool    on GitHub
  flightrec issue dump.json --repo https://gitlab.example.org/group/tool --open")]
pub(crate) struct Issue {
    /// The dump; without one, the newest of this machine
    #[arg(value_name = "DUMP")]
    pub(crate) dump: Option<PathBuf>,
    /// The repository: OWNER/NAME on GitHub, or its address [default: the one in the dump]
    #[arg(long, value_name = "OWNER/NAME|URL")]
    pub(crate) repo: Option<String>,
    /// Open the address in the browser, too
    #[arg(long)]
    pub(crate) open: bool,
}

/// Send dumps to an error tracker (Sentry, GlitchTip, Bugsink) or an OpenTelemetry collector
#[cfg(feature = "send")]
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  flightrec send https://KEY@sentry.example.org/7 dump.json
  flightrec send https://KEY@sentry.example.org/7 reports/ --dry-run
  flightrec send --otlp http://localhost:4318 reports/

What was sent is not sent again: the state directory has a receipt for each dump. A command that was
interrupted goes on where it was. Proxies are those of HTTPS_PROXY, HTTP_PROXY and NO_PROXY.")]
pub(crate) struct Send {
    /// The DSN of a project, unless --otlp is given; then dumps, or directories that are searched
    /// at any depth; without any, the newest dump of this machine
    #[arg(value_name = "DSN|DUMP|DIR")]
    pub(crate) dumps: Vec<PathBuf>,
    /// Send log records and spans to this OpenTelemetry collector, over HTTP
    #[arg(long, value_name = "URL")]
    pub(crate) otlp: Option<String>,
    /// Print what would be sent, and send nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Do not attach the dumps to their events
    #[arg(long)]
    pub(crate) no_attachment: bool,
    /// Send dumps that have a receipt, too
    #[arg(long)]
    pub(crate) again: bool,
}

/// Mask secrets and personal data in a dump before you share it
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  flightrec redact dump.json                          what looks like a secret, homes, e-mails
  flightrec redact dump.json --ip --host build-7      addresses and a machine's name, too
  flightrec redact dump.json --paths -o safe.json     directories, too; into a file of that name")]
pub(crate) struct Redact {
    /// The dump
    #[arg(value_name = "DUMP")]
    pub(crate) dump: PathBuf,
    /// Where to write: a new file, or `-` for standard output [default: NAME.redacted.json in the
    /// current directory]
    #[arg(short, long, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
    /// Mask the values of this key; may be repeated
    #[arg(short, long)]
    pub(crate) key: Vec<String>,
    /// Mask this text everywhere; may be repeated
    #[arg(short, long)]
    pub(crate) literal: Vec<String>,
    /// Mask IP addresses
    #[arg(long)]
    pub(crate) ip: bool,
    /// Mask this host name, and names with it (`db.NAME`, `NAME.example.org`); may be repeated
    #[arg(long, value_name = "NAME")]
    pub(crate) host: Vec<String>,
    /// Mask the directories of absolute paths, but not the names of files
    #[arg(long)]
    pub(crate) paths: bool,
    /// Leave the log out
    #[arg(long)]
    pub(crate) no_log: bool,
}

/// Add names, files and lines to the dump of a stripped program
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  flightrec symbolicate dump.json --binary target/release/my-tool -o named.json
  flightrec symbolicate dump.json --debug-dir /srv/symbols --in-place
  flightrec symbolicate dump.json     with the files that the dump names, if their build-ids match")]
pub(crate) struct Symbolicate {
    /// The dump
    #[arg(value_name = "DUMP")]
    pub(crate) dump: PathBuf,
    /// The unstripped binary of the same build, or the debug information that was split off it;
    /// may be repeated, for shared libraries
    #[arg(short, long, value_name = "FILE")]
    pub(crate) binary: Vec<PathBuf>,
    /// Look up debug files by build-id in this directory, as in /usr/lib/debug; may be repeated
    #[arg(short, long, value_name = "DIR")]
    pub(crate) debug_dir: Vec<PathBuf>,
    /// Where to write: a new file, or `-` for standard output [default: -]
    #[arg(short, long, value_name = "FILE", conflicts_with = "in_place")]
    pub(crate) output: Option<PathBuf>,
    /// Replace the dump's own file
    #[arg(short, long)]
    pub(crate) in_place: bool,
    /// Use a binary with another build-id: its names may be wrong
    #[arg(long)]
    pub(crate) force: bool,
}

/// Make a dump from the ring file of a process that was killed; the file is not removed
#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  flightrec recover ~/.local/state/my-tool/flightrec/4711-1795393815123456789.ring -o dump.json")]
pub(crate) struct Recover {
    /// The ring: NAME.ring in the directory of the program's dumps
    #[arg(value_name = "RING")]
    pub(crate) ring: PathBuf,
    /// Where to write: a new file, or `-` for standard output [default: -]
    #[arg(short, long, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
}

/// Check whether a program's dumps will be useful, and what to change
#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  flightrec doctor target/release/my-tool")]
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
    /// Write it, and a page for each command, to files in this directory
    #[arg(long, value_name = "DIR")]
    pub(crate) dir: Option<PathBuf>,
}

impl Common {
    pub(crate) fn limits(&self) -> Limits {
        Limits {
            max_size: self.max_size,
            lenient: !self.strict,
        }
    }

    /// The time from which "ago" is counted.
    pub(crate) fn now(&self) -> Timestamp {
        self.now.unwrap_or_else(Timestamp::now)
    }
}
