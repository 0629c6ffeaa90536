//! One of two programs that share a helper crate, `telemetry`. The other one is `server`.

use std::net::TcpStream;
use std::process::ExitCode;

fn main() -> ExitCode {
    let recorder = telemetry::install!();
    recorder.run(|| {
        let address = std::env::args().nth(1).unwrap_or_default();
        log::debug!("connecting to {address:?}");
        TcpStream::connect(&address).map(drop)
    })
}
