//! A tool with its own error messages and exit codes: 2 for errors, 1 for "nothing found". Usage
//! errors make no dump.

use std::error::Error;
use std::fmt;
use std::process::ExitCode;

/// The user gave wrong arguments.
#[derive(Debug)]
struct UsageError;

impl fmt::Display for UsageError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("usage: own_exit_codes PATTERN FILE")
    }
}

impl Error for UsageError {}

fn search() -> Result<ExitCode, Box<dyn Error + Send + Sync>> {
    let mut args = std::env::args().skip(1);
    let (Some(pattern), Some(path)) = (args.next(), args.next()) else {
        return Err(UsageError.into());
    };
    log::debug!("reading {path}");
    let text = std::fs::read_to_string(&path).map_err(|error| format!("{path}: {error}"))?;
    let mut found = false;
    for line in text.lines().filter(|line| line.contains(&pattern)) {
        println!("{line}");
        found = true;
    }
    Ok(ExitCode::from(u8::from(!found)))
}

fn main() -> ExitCode {
    let recorder = flightrec::builder("own_exit_codes")
        .console(log::LevelFilter::Warn)
        .ignore_errors(|error| error.is::<UsageError>())
        .init();
    recorder.run_with(search, |error| {
        eprintln!("search: {error}");
        ExitCode::from(2)
    })
}
