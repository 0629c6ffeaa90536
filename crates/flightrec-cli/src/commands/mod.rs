//! The commands: one file each, except for those that print generated text of `clap`.

mod doctor;
#[cfg(target_os = "linux")]
pub(crate) mod dump;
mod export;
mod group;
mod issue;
mod list;
pub(crate) mod merge;
mod open;
mod recover;
pub(crate) mod redact;
#[cfg(feature = "send")]
mod send;
mod show;
pub(crate) mod symbolicate;

use std::io::{self, Write};

use clap::CommandFactory;

use crate::cli::{Cli, Command, Completions, Man, Show};
use crate::error::{CliError, Outcome, Result};
use crate::select::Selection;

pub(crate) fn run(cli: Cli) -> Result {
    let common = &cli.common;
    match cli.command {
        // `flightrec FILE` shows it, `flightrec` and `flightrec DIR` list.
        None if cli.paths.iter().all(|path| path.is_dir()) => list::run(&cli.paths, false, common),
        None => {
            let args = Show {
                dumps: cli.paths,
                all: false,
                log: None,
                no_source: false,
                spans: false,
                diff: None,
                selection: Selection::default(),
            };
            show::run(args, common)
        }
        Some(Command::List(args)) => list::command(args, common),
        Some(Command::Show(args)) => show::run(args, common),
        Some(Command::Merge(args)) => merge::run(args, common),
        Some(Command::Group(args)) => group::run(args, common),
        Some(Command::Export(args)) => export::run(args, common),
        Some(Command::Open(args)) => open::run(args, common),
        Some(Command::Issue(args)) => issue::run(args, common),
        #[cfg(feature = "send")]
        Some(Command::Send(args)) => send::run(args, common),
        Some(Command::Redact(args)) => redact::run(args, common),
        Some(Command::Symbolicate(args)) => symbolicate::run(args, common),
        Some(Command::Recover(args)) => recover::run(args),
        #[cfg(target_os = "linux")]
        Some(Command::Dump(args)) => dump::run(args, common),
        Some(Command::Doctor(args)) => doctor::run(args, common),
        Some(Command::Completions(args)) => completions(args),
        Some(Command::Man(args)) => man(args),
    }
}

fn completions(args: Completions) -> Result {
    // Into memory first: the generator panics if the output is a closed pipe.
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "flightrec", &mut script);
    io::stdout().lock().write_all(&script)?;
    Ok(Outcome::Done)
}

fn man(args: Man) -> Result {
    match args.dir {
        Some(dir) => clap_mangen::generate_to(Cli::command(), &dir)
            .map_err(|error| CliError::writing(&dir, &error))?,
        None => {
            let mut page = Vec::new();
            clap_mangen::Man::new(Cli::command()).render(&mut page)?;
            io::stdout().lock().write_all(&page)?;
        }
    }
    Ok(Outcome::Done)
}
