//! `flightrec recover`

use std::io;

use crate::cli::Recover;
use crate::error::{CliError, Outcome, Result};
use crate::output;

pub(super) fn run(args: Recover) -> Result {
    // This recorder records nothing. It is used for its redactor, and for the name if the ring has lost
    // its own.
    let (reader, _tee) = flightrec::builder("unknown").dump_to(io::sink()).build();
    let dump = reader.recover(&args.ring).map_err(|error| {
        let hint = match error.kind() {
            io::ErrorKind::InvalidData => {
                "; a ring is a file NAME.ring in the directory of a program's dumps"
            }
            _ => "",
        };
        let error = error.to_string();
        let named = format!("cannot recover {}: ", args.ring.display());
        let why = error.strip_prefix(&named).unwrap_or(&error);
        CliError::at(&args.ring, format!("cannot recover it: {why}{hint}"))
    })?;
    output::write(args.output.as_deref(), |out| {
        dump.write_to(&mut *out)?;
        out.write_all(b"\n")
    })?;
    Ok(Outcome::Done)
}
