//! The program `flightrec`, for whoever receives a dump.

use std::process::ExitCode;

fn main() -> ExitCode {
    flightrec_cli::run()
}
