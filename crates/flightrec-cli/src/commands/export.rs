//! `flightrec export`

use std::io::{self, BufWriter, Write};

use crate::cli::{Common, Export};
use crate::export::{self, Chosen};
use crate::input;
use crate::outcome::{Outcome, Result};
use crate::places;

pub(super) fn run(args: Export, common: &Common) -> Result {
    let mut paths = Vec::new();
    for asked in &args.dumps {
        paths.push(places::resolve(Some(asked))?);
    }
    if paths.is_empty() {
        paths.push(places::resolve(None)?);
    }
    let mut dumps = Vec::new();
    for path in &paths {
        dumps.push(input::read_dump(path, common.limits())?);
    }
    let chosen: Vec<_> = dumps
        .iter()
        .map(|dump| Chosen {
            dump,
            records: args.selection.choose(&dump.latest_logs).0,
        })
        .collect();
    // To a tool rather than to a person: neither colours nor a pager.
    let mut out = BufWriter::new(io::stdout().lock());
    export::write(&mut out, args.to, &chosen)?;
    out.flush()?;
    let nothing =
        args.selection.is_filter() && chosen.iter().all(|chosen| chosen.records.is_empty());
    Ok(if nothing {
        Outcome::Nothing
    } else {
        Outcome::Done
    })
}
