//! The command line.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};
use jiff::Timestamp;

use crate::input;
use crate::select::Selection;

/// Reads the dumps of programs that have a flight recorder.
#[derive(Debug, Parser)]
#[command(name = "flightrec", version, max_term_width = 100)]
#[command(
    after_help = "Exit codes: 0 done; 1 nothing found; 2 bad usage or input.\n\
    Without a command it lists the dumps on this machine."
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
    Show(Show),
}

/// Show a dump: the error, its stacks, and the log before it
#[derive(Debug, Args)]
pub(crate) struct Show {
    /// A file, `-` for standard input, or a program's name for its newest dump; without one, the
    /// newest dump of all
    #[arg(value_name = "DUMP")]
    pub(crate) dump: Option<PathBuf>,
    /// Show everything: frames of the runtime, where each record was logged, what was loaded
    #[arg(short, long)]
    pub(crate) all: bool,
    #[command(flatten)]
    pub(crate) selection: Selection,
}
