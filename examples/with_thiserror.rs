//! An error enum made with `thiserror`: `Traced` in `#[from]` keeps the stack of each `?`.

use std::io;
use std::num::ParseIntError;
use std::process::ExitCode;

use flightrec::stackerr::{ResultExt, Traced};

#[derive(Debug, thiserror::Error)]
enum StartError {
    #[error("the port file cannot be read")]
    File(#[from] Traced<io::Error>),
    #[error("the port is not a number")]
    Port(#[from] Traced<ParseIntError>),
}

fn read_port(path: &str) -> Result<u16, StartError> {
    log::debug!("reading {path}");
    let text = std::fs::read_to_string(path).traced()?;
    Ok(text.trim().parse::<u16>().traced()?)
}

fn main() -> ExitCode {
    let recorder = flightrec::builder("example")
        .install()
        .expect("a logger is already set");
    recorder.run(|| {
        let port = read_port("/nonexistent/port")?;
        log::info!("listening on {port}");
        Ok::<(), StartError>(())
    })
}
