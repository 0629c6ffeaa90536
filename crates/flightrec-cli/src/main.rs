//! The program `flightrec`, which reads dumps.

use std::process::ExitCode;

fn main() -> ExitCode {
    flightrec_cli::run()
}
