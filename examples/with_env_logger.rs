//! `env_logger` stays the console logger, with its own `RUST_LOG`; DEBUG is recorded beside it.

use std::process::ExitCode;

use log::LevelFilter;

fn main() -> ExitCode {
    let console =
        env_logger::Builder::from_env(env_logger::Env::default().default_filter_or("info")).build();
    let recorder = flightrec::builder("example")
        .sink(LevelFilter::Trace, console)
        .install()
        .expect("a logger is already set");
    recorder.run(|| {
        log::info!("starting");
        log::debug!(attempt = 1; "connecting");
        Err::<(), _>("connection refused")
    })
}
