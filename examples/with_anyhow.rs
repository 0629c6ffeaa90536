//! A program whose functions return `anyhow::Result`: only `main` changes.

use std::process::ExitCode;

use anyhow::{Context, Result};

fn read_port(path: &str) -> Result<u16> {
    log::debug!("reading {path}");
    let text = std::fs::read_to_string(path).with_context(|| format!("no port file {path}"))?;
    text.trim().parse().context("the port is not a number")
}

fn main() -> ExitCode {
    let recorder = flightrec::builder("example")
        .install()
        .expect("a logger is already set");
    recorder.run(|| {
        let port = read_port("/nonexistent/port").context("cannot start")?;
        log::info!("listening on {port}");
        anyhow::Ok(())
    })
}
