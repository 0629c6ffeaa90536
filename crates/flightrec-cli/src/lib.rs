//! What the program `flightrec` is made of; its README tells of the program.
//!
//! A command reads dumps (`input`), and prints to the terminal or a pipe (`look`). This is no
//! library for others: it is apart from `main` so that more than `main` can be linked with it,
//! such as the fuzz targets.

#![forbid(unsafe_code)]

mod cli;
mod commands;
mod doctor;
mod export;
#[cfg(fuzzing)]
pub mod fuzzing;
mod input;
mod look;
mod outcome;
mod output;
mod places;
mod redact;
mod select;
mod show;
mod summary;
mod symbolicate;

use std::process::ExitCode;

use clap::Parser;

use outcome::Outcome;

/// Runs the program on the arguments of this process, and says how it is to end.
#[must_use = "the exit code tells whether anything was found"]
pub fn run() -> ExitCode {
    let cli = cli::Cli::parse();
    match commands::run(cli) {
        Ok(Outcome::Done) => ExitCode::SUCCESS,
        Ok(Outcome::Nothing) => ExitCode::from(1),
        Err(trouble) if trouble.is_closed_pipe() => ExitCode::SUCCESS,
        Err(trouble) => {
            anstream::eprintln!(
                "{}flightrec:{:#} {trouble}",
                look::style::ERROR,
                look::style::ERROR
            );
            ExitCode::from(2)
        }
    }
}
