//! One of two programs that share a helper crate, `telemetry`. The other one is `client`.

use std::net::TcpListener;
use std::process::ExitCode;

fn main() -> ExitCode {
    let recorder = telemetry::install!();
    recorder.run(|| {
        let address = std::env::args().nth(1).unwrap_or_default();
        log::debug!("binding {address:?}");
        TcpListener::bind(&address).map(drop)
    })
}
