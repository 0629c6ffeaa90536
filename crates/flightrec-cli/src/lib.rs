//! The implementation of the program `flightrec`. The README describes the program.
//!
//! A command (`commands`) reads dumps (`input`) and prints them (`show`, `render`), converts them
//! (`export`) or changes them (`redact`, `symbolicate`). This is not a library for other programs:
//! it is separate from `main` so that fuzz targets can be linked with it.

#![forbid(unsafe_code)]

mod cli;
mod commands;
mod doctor;
#[cfg(target_os = "linux")]
mod dump_request;
mod error;
mod export;
#[cfg(fuzzing)]
pub mod fuzzing;
mod input;
mod issue;
mod output;
mod paths;
mod redact;
mod render;
mod select;
#[cfg(feature = "send")]
mod send;
mod show;
mod source;
mod symbolicate;

use std::io::{self, IsTerminal, Write};
use std::process::ExitCode;

use clap::{CommandFactory, FromArgMatches};

use error::{CliError, Outcome};
use render::screen;
use render::style::ERROR;

/// Runs the program with the arguments of this process, and returns its exit code.
#[must_use = "the exit code is the result of the command"]
pub fn run() -> ExitCode {
    let matches = cli::Cli::command().try_get_matches();
    let cli = matches.and_then(|matches| cli::Cli::from_arg_matches(&matches));
    let cli = match cli {
        Ok(cli) => cli,
        Err(error) => return usage(&error),
    };
    match commands::run(cli) {
        Ok(Outcome::Done) => ExitCode::SUCCESS,
        Ok(Outcome::Nothing) => ExitCode::from(1),
        Err(error) if error.is_closed_pipe() => ExitCode::SUCCESS,
        Err(error) => fail(&error),
    }
}

fn fail(error: &CliError) -> ExitCode {
    // Without standard error there is only the exit code.
    let _ = writeln!(screen::stderr(), "{ERROR}flightrec:{ERROR:#} {error}");
    ExitCode::from(2)
}

/// Prints help, or an error of the command line in the same form as other errors.
fn usage(error: &clap::Error) -> ExitCode {
    let text = error.render();
    if !error.use_stderr() {
        let mut out =
            anstream::AutoStream::new(io::stdout(), screen::colours(io::stdout().is_terminal()));
        let _ = write!(out, "{}", text.ansi());
        return ExitCode::SUCCESS;
    }
    let text = text.ansi().to_string();
    let text = match text.split_once("error:") {
        Some((before, after)) if before.len() < 16 => format!("{before}flightrec:{after}"),
        _ => text,
    };
    let _ = write!(screen::stderr(), "{text}");
    ExitCode::from(2)
}
