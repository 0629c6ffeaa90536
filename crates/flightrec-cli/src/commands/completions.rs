//! `flightrec completions`

use std::io::{self, Write};

use clap::CommandFactory;

use crate::cli::{Cli, Completions};
use crate::outcome::{Outcome, Result};

pub(super) fn run(args: Completions) -> Result {
    // Into memory first: the generator panics where a pipe is closed.
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "flightrec", &mut script);
    io::stdout().lock().write_all(&script)?;
    Ok(Outcome::Done)
}
