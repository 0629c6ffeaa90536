//! A licence census: counts the licences and editions of a tree of Rust crates.
//!
//! ```text
//! census [DIR] [--threads N] [--no-recorder]
//! ```
//!
//! It reads every file of every crate below DIR, by default the sources that Cargo has downloaded.
//! The console shows INFO; DEBUG is recorded, and written to a dump when the census fails.

mod args;
mod crates;
mod report;
mod walk;

use std::process::ExitCode;

use flightrec::logtee::{self, Tee};
use flightrec::stackerr::{Error, ResultExt};
use log::{LevelFilter, info};

use args::Args;

fn main() -> ExitCode {
    let args = match Args::parse(std::env::args_os().skip(1)) {
        Ok(args) => args,
        Err(problem) => {
            eprintln!("census: {problem}");
            return ExitCode::from(2);
        }
    };
    if !args.recorder {
        return without_recorder(&args);
    }
    let recorder = flightrec::builder("census")
        .version(env!("CARGO_PKG_VERSION"))
        .metadata("threads", args.threads.to_string())
        .crash_safe(true)
        .install();
    match recorder {
        Ok(recorder) => recorder.run(|| census(&args)),
        Err(error) => {
            eprintln!("census: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Runs the same program with only the console, for comparison.
fn without_recorder(args: &Args) -> ExitCode {
    // There is no logger yet, so this cannot fail.
    let _ = Tee::builder()
        .sink(LevelFilter::Info, logtee::stderr())
        .install();
    match census(args) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("Error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn census(args: &Args) -> Result<(), Error> {
    let manifests = walk::manifests(&args.dir)?;
    info!("{} manifests below {}", manifests.len(), args.dir.display());
    let crates = crates::read_all(&manifests, args.threads)
        .with_context(|| format!("the census of {} is incomplete", args.dir.display()))?;
    info!("{} crates read by {} threads", crates.len(), args.threads);
    print!("{}", report::table(&crates));
    Ok(())
}
