//! `flightrec man`

use std::io::{self, Write};

use clap::CommandFactory;

use crate::cli::{Cli, Man};
use crate::outcome::{Outcome, Result, Trouble};

pub(super) fn run(args: Man) -> Result {
    match args.dir {
        Some(dir) => clap_mangen::generate_to(Cli::command(), &dir)
            .map_err(|error| Trouble::at(&dir, format!("cannot write the pages: {error}")))?,
        None => {
            let mut page = Vec::new();
            clap_mangen::Man::new(Cli::command()).render(&mut page)?;
            io::stdout().lock().write_all(&page)?;
        }
    }
    Ok(Outcome::Done)
}
