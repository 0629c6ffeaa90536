//! The program `flightrec`, for whoever receives a dump.
//!
//! A command reads dumps (`input`), and prints to the terminal or a pipe (`look`).

#![forbid(unsafe_code)]

mod cli;
mod commands;
mod doctor;
mod export;
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

fn main() -> ExitCode {
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
