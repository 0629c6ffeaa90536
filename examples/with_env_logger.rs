//! `env_logger` stays the console logger and obeys `RUST_LOG`; the recorder keeps DEBUG records.

use std::process::ExitCode;

fn main() -> ExitCode {
    let console =
        env_logger::Builder::from_env(env_logger::Env::default().default_filter_or("info")).build();
    // Its own filter limits the records that it gets. With `LevelFilter::Trace` instead, every TRACE
    // record of the program would be formatted for it.
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
