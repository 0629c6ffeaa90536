//! The commands, one file each.

mod show;

use crate::cli::{Cli, Command};
use crate::outcome::{Result, Trouble};

pub(crate) fn run(cli: Cli) -> Result {
    let common = &cli.common;
    match cli.command {
        Some(Command::Show(args)) => show::run(args, common),
        None => Err(Trouble::new("say what to do")),
    }
}
