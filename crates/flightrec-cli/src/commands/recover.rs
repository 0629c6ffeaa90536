//! `flightrec recover`

use std::io::{self, BufWriter, Write};

use flightrec::Dump;

use crate::cli::Recover;
use crate::input;
use crate::outcome::{Outcome, Result, Trouble};
use crate::output::create;

pub(super) fn run(args: Recover) -> Result {
    // A recorder that records nothing: it lends its redactor, and the name for a ring that has
    // lost the outline beside it.
    let (reader, _tee) = flightrec::builder("unknown").dump_to(io::sink()).build();
    let dump = reader.recover(&args.ring).map_err(|error| {
        let hint = match error.kind() {
            io::ErrorKind::InvalidData => "; a ring is a file NAME.ring beside a program's dumps",
            _ => "",
        };
        Trouble::at(&args.ring, format!("{error}{hint}"))
    })?;
    match &args.output {
        Some(output) if !input::is_stdin(output) => create(output)
            .and_then(|file| write(file, &dump))
            .map_err(|error| Trouble::at(output, format!("cannot write it: {error}")))?,
        _ => write(io::stdout().lock(), &dump)?,
    }
    Ok(Outcome::Done)
}

fn write(to: impl Write, dump: &Dump) -> io::Result<()> {
    let mut out = BufWriter::new(to);
    dump.write_to(&mut out)?;
    out.write_all(b"\n")?;
    out.flush()
}
