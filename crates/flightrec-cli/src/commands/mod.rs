//! The commands, one file each.

mod completions;
mod doctor;
mod export;
mod group;
mod list;
mod man;
pub(crate) mod merge;
mod open;
mod recover;
pub(crate) mod redact;
mod show;
pub(crate) mod symbolicate;

use crate::cli::{Cli, Command};
use crate::outcome::Result;

pub(crate) fn run(cli: Cli) -> Result {
    let common = &cli.common;
    match cli.command {
        None => list::run(None, common),
        Some(Command::List(args)) => list::run(Some(args), common),
        Some(Command::Show(args)) => show::run(args, common),
        Some(Command::Merge(args)) => merge::run(args, common),
        Some(Command::Group(args)) => group::run(args, common),
        Some(Command::Export(args)) => export::run(args, common),
        Some(Command::Open(args)) => open::run(args, common),
        Some(Command::Redact(args)) => redact::run(args, common),
        Some(Command::Symbolicate(args)) => symbolicate::run(args, common),
        Some(Command::Recover(args)) => recover::run(args),
        Some(Command::Doctor(args)) => doctor::run(args, common),
        Some(Command::Completions(args)) => completions::run(args),
        Some(Command::Man(args)) => man::run(args),
    }
}
