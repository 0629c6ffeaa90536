//! `env_logger` stays the console logger, with its own `RUST_LOG`; DEBUG is recorded beside it.

use std::process::ExitCode;

fn main() -> ExitCode {
    let console =
        env_logger::Builder::from_env(env_logger::Env::default().default_filter_or("info")).build();
    // Its own filter says how much it wants. `LevelFilter::Trace` would make every TRACE record of
    // the program be formatted for it.
    let recorder = flightrec::builder("example")
        .sink(console.filter(), console)
        .install()
        .expect("a logger is already set");
    recorder.run(|| {
        log::info!("starting");
        log::debug!(attempt = 1; "connecting");
        Err::<(), _>("connection refused")
    })
}
